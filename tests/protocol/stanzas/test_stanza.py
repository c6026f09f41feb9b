"""Stanzas are values: equal by content, immutable, hashable, and apart from one another."""

import dataclasses

import pytest

from protocol.ids import DeviceId, MessageNumber, UserId
from protocol.schema import SCHEMA, Sender, StanzaSpec
from protocol.stanzas import Part, Ping, Pong, Send
from tests.protocol.stanza_strategies import example_of


def _sender(spec: StanzaSpec) -> Sender:
    return Sender.CLIENT if spec.sender is Sender.BOTH else spec.sender


@pytest.mark.parametrize("spec", SCHEMA, ids=lambda spec: spec.name)
def test_two_stanzas_of_the_same_content_are_the_same_value(spec: StanzaSpec) -> None:
    one, two = example_of(spec, _sender(spec)), example_of(spec, _sender(spec))
    assert one == two
    assert hash(one) == hash(two)


def test_stanzas_of_different_kinds_are_never_equal() -> None:
    ping: object = Ping()
    assert ping != Pong()


def test_a_stanza_cannot_be_changed() -> None:
    send = Send(UserId(1), MessageNumber(1), (Part(DeviceId(1), b"x"),))
    with pytest.raises(dataclasses.FrozenInstanceError):
        send.number = MessageNumber(2)  # type: ignore[misc]  # that it cannot is the claim
