"""A session logs in step by step, counts as the server does, and answers what it is asked."""

import pytest

from bench.peers.xmpp import stanzas
from bench.peers.xmpp.errors import RefusedError, StreamError
from bench.peers.xmpp.session import Session, number_of, receipt_of
from bench.peers.xmpp.stream import Element

HEADER = b"<stream:stream id='1' xmlns='jabber:client'>"
MECHANISMS = HEADER + (
    b"<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
    b"<mechanism>SCRAM-SHA-1</mechanism><mechanism>PLAIN</mechanism></mechanisms></stream:features>"
)
SUCCESS = b"<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
BINDING = HEADER + b"<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>%b</stream:features>"
BOUND = b"<iq type='result' id='bind'><bind><jid>ann@bench.example/bench</jid></bind></iq>"
ENABLED = b"<enabled xmlns='urn:xmpp:sm:3'/>"
MESSAGE = b"<message from='bob@bench.example/r' type='chat' id='7'><body>Y2M=</body></message>"


def _heard(session: Session, data: bytes) -> list[Element]:
    return list(session.receive(data))


def _logged_in(session_feature: bytes = b"") -> Session:
    session = Session("bench.example", "ann", "secret")
    for data in (MECHANISMS, SUCCESS, BINDING % session_feature):
        assert _heard(session, data) == []
    session.data_to_send()
    return session


def _available() -> Session:
    session = _logged_in()
    _heard(session, BOUND + ENABLED + b"<presence from='ann@bench.example/bench'/><a h='1'/>")
    session.data_to_send()
    return session


def test_it_says_one_thing_after_the_other_until_it_is_available() -> None:
    session = Session("bench.example", "ann", "secret")
    assert session.data_to_send() == stanzas.stream_header("bench.example")
    _heard(session, MECHANISMS)
    assert session.data_to_send() == stanzas.plain_auth("ann", "secret")
    _heard(session, SUCCESS)
    assert session.data_to_send() == stanzas.stream_header("bench.example")
    _heard(session, BINDING % b"")
    assert session.data_to_send() == stanzas.BIND_REQUEST
    _heard(session, BOUND)
    assert session.data_to_send() == stanzas.ENABLE + stanzas.PRESENCE + stanzas.REQUEST_ACK
    _heard(session, ENABLED + b"<a xmlns='urn:xmpp:sm:3' h='0'/>")
    assert not session.is_available
    _heard(session, b"<a xmlns='urn:xmpp:sm:3' h='1'/>")
    assert session.is_available


@pytest.mark.parametrize(
    ("feature", "asks"),
    [
        (b"<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>", True),
        (b"<session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session>", False),
        (b"<sm xmlns='urn:xmpp:sm:3'><optional/></sm>", False),
    ],
)
def test_it_asks_for_a_session_only_where_the_server_wants_one(feature: bytes, asks: bool) -> None:
    session = _logged_in(feature)
    _heard(session, BOUND)
    assert (stanzas.SESSION_REQUEST in session.data_to_send()) is asks
    if asks:
        _heard(session, b"<iq type='result' id='session'/>")
        assert session.data_to_send().startswith(stanzas.ENABLE)


def test_one_question_goes_with_everything_that_is_said_at_once() -> None:
    session = _available()
    message = stanzas.message(b"bob@bench.example", 1, b"Y2M=")
    assert (session.say(message), session.say(message)) == (2, 3)  # presence was the first
    assert session.data_to_send() == 2 * message + stanzas.REQUEST_ACK
    assert session.data_to_send() == b""
    _heard(session, b"<a h='3'/>")
    assert session.acknowledged == 3


def test_what_was_received_is_counted_from_when_counting_was_enabled() -> None:
    session = _available()
    assert _heard(session, MESSAGE + b"<r xmlns='urn:xmpp:sm:3'/><r xmlns='urn:xmpp:sm:3'/>") == [
        Element(b"message", MESSAGE)
    ]
    assert session.data_to_send() == stanzas.acknowledgement(2)  # the presence and the message


def test_a_ping_of_the_server_is_answered() -> None:
    session = _available()
    assert _heard(session, b"<iq type='get' id='p1'><ping xmlns='urn:xmpp:ping'/></iq>") == []
    assert session.data_to_send().startswith(b"<iq type='result' id='p1'/>")


@pytest.mark.parametrize(
    "data",
    [
        MECHANISMS.replace(b"PLAIN", b"X"),
        MECHANISMS + b"<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>",
        b"<iq type='error' id='bind'><error/></iq>",
        b"<message type='error' id='3'><error/></message>",
    ],
)
def test_a_refusal_ends_the_session(data: bytes) -> None:
    with pytest.raises(RefusedError):
        _heard(Session("bench.example", "ann", "secret"), data)


@pytest.mark.parametrize("data", [b"<stream:error><conflict/></stream:error>", b"</stream:stream>"])
def test_the_end_of_a_stream_ends_the_session(data: bytes) -> None:
    with pytest.raises(StreamError):
        _heard(_available(), data)


def test_a_receipt_names_another_message_than_itself() -> None:
    text = b"<message id='r1'><received xmlns='urn:xmpp:receipts' id='7'/></message>"
    assert receipt_of(Element(b"message", text)) == b"7"
    assert receipt_of(Element(b"message", MESSAGE)) is None
    assert number_of(Element(b"message", MESSAGE)) == 7
