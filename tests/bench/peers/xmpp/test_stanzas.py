"""What the load says in XMPP is well-formed, and says what it should."""

import base64
from xml.etree import ElementTree

import pytest

from bench.peers.xmpp import stanzas
from bench.peers.xmpp.stanzas import (
    acknowledgement,
    body_of,
    group_message,
    join,
    message,
    payload_of,
    plain_auth,
    receipt,
    stream_header,
)


@pytest.mark.parametrize(
    "text",
    [
        stanzas.ENABLE,
        stanzas.REQUEST_ACK,
        stanzas.PRESENCE,
        stanzas.BIND_REQUEST,
        stanzas.SESSION_REQUEST,
        acknowledgement(3),
        plain_auth("ann", "secret"),
        message(b"ann@bench.example", 7, b"Y2M="),
        receipt(b"ann@bench.example/r", b"7"),
        group_message(b"g@conference.bench.example", 7, b"Y2M="),
        join("g@conference.bench.example", "ann"),
        stream_header("bench.example") + b"</stream:stream>",
    ],
)
def test_everything_is_well_formed(text: bytes) -> None:
    ElementTree.fromstring(text)


def test_a_login_is_sasl_plain_with_name_and_password() -> None:
    answer = ElementTree.fromstring(plain_auth("ann", "secret"))
    assert answer.get("mechanism") == "PLAIN"
    assert base64.b64decode(answer.text or "") == b"\0ann\0secret"


def test_a_message_asks_for_a_receipt_and_a_receipt_names_the_message() -> None:
    asked = ElementTree.fromstring(message(b"ann@bench.example", 7, b"Y2M="))
    assert (asked.get("to"), asked.get("id"), asked.get("type")) == ("ann@bench.example", "7", "chat")
    assert asked.find(f"{{{stanzas.RECEIPTS}}}request") is not None
    given = ElementTree.fromstring(receipt(b"ann@bench.example/r", b"7"))
    received = given.find(f"{{{stanzas.RECEIPTS}}}received")
    assert received is not None
    assert received.get("id") == "7"


def test_a_payload_survives_its_body() -> None:
    payload = bytes(range(256))
    assert payload_of(message(b"a@b", 1, body_of(payload))) == payload
    assert payload_of(receipt(b"a@b", b"1")) is None
