"""Sizes are counted where they can be, and what is compared is the same for all."""

import json
from xml.etree import ElementTree

import pytest

from bench import wire_sizes
from bench.node import SOURCE
from bench.wire_sizes import (
    ANSWER,
    ASK,
    LOGIN_DOWN,
    LOGIN_UP,
    PING,
    Size,
    as_markdown,
    encrypted,
    framed,
    from_room,
    main,
    mqtt_length_bytes,
    mqtt_publish,
    sizes,
    to_room,
    xmpp,
)
from protocol.byte_budgets import BUDGETS


def _size(what: str) -> Size:
    return next(size for size in sizes() if size.what.startswith(what))


def test_ours_are_those_of_the_byte_budgets() -> None:
    assert _size("ping").roost == next(each.count() for each in BUDGETS if each.what == "Ping")
    assert _size("typing").roost == next(each.count() for each in BUDGETS if each.what == "Typing, few chats")


def test_a_whole_message_is_the_sum_of_what_is_said_for_it() -> None:
    parts = ('"hello" to the server', "✓ accepted", '"hello" to the recipient', "the recipient", "✓✓ told")
    assert _size("one").roost == sum(_size(part).roost for part in parts)


@pytest.mark.parametrize(
    "stanza",
    [
        PING,
        ASK,
        ANSWER,
        encrypted(b"x", "b@e", "a@e"),
        to_room(b"x"),
        from_room(b"x"),
        *LOGIN_UP,
        *LOGIN_DOWN,
    ],
)
def test_the_stanzas_of_xmpp_are_xml(stanza: str) -> None:
    opened = f"{stanza}</stream:stream>" if "<stream:stream " in stanza else stanza
    body = opened.partition("?>")[2] or opened
    ElementTree.fromstring(body if "xmlns:stream" in body else body.replace("stream:features", "features"))


def test_stream_acknowledgements_cost_one_question_and_one_answer_a_stanza() -> None:
    bare, acked = xmpp(["<a/>", "<b/>"])
    assert (bare, acked - bare) == (8, 2 * len(ASK + ANSWER))


def test_a_publish_is_as_long_as_the_standard_has_it() -> None:
    # MQTT 3.1.1, table 2.4: one byte up to 127, two up to 16,383.
    assert [mqtt_length_bytes(size) for size in (0, 127, 128, 16_383, 16_384)] == [1, 1, 2, 2, 3]
    assert mqtt_publish(bytes(10)) == 1 + 1 + 2 + len(wire_sizes.TOPIC) + 2 + 10


def test_whatsapps_nodes_travel_in_frames() -> None:
    assert framed(20) == 39


def test_the_table_has_a_line_for_each_and_says_what_lies_below() -> None:
    lines = list(as_markdown())
    assert sum(line.startswith("| ") for line in lines) == 1 + len(sizes())
    assert any("TLS 1.3" in line for line in lines)
    assert any("whatsmeow" in line for line in lines)


def test_the_documentation_has_the_sizes_of_today() -> None:
    page = (SOURCE / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for line in as_markdown():
        assert line in page, "python -m bench.tables writes it anew"


def test_the_command_prints_a_table_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    assert "Roost" in capsys.readouterr().out
    main(["--json"])
    assert json.loads(capsys.readouterr().out)[0]["roost"] == sizes()[0].roost
