"""What may be said and heard in which state: every stanza, from either side, in all of them."""

import itertools

import pytest

from protocol import (
    Bind,
    LocalProtocolError,
    NotAllowedError,
    Pong,
    State,
    UnknownStanzaError,
)
from protocol.channel import Channel
from protocol.schema import SCHEMA, Sender, StanzaSpec
from protocol.state import CLIENT_MAY_SEND, CLIENT_MAY_SEND_IN_PRODUCTION, RELAY_MAY_SEND
from tests.helpers.connection_pair import (
    ConnectionPair,
    closed_pair,
    forced,
    hear,
    online_pair,
    snapshot,
    stranger_pair,
    unconfirmed_pair,
    unwelcomed_pair,
)
from tests.protocol.stanza_strategies import example_of

PAIRS = {
    "fresh": ConnectionPair,
    "unconfirmed": unconfirmed_pair,
    "unwelcomed": unwelcomed_pair,
    "stranger": stranger_pair,
    "online": online_pair,
    "closed": closed_pair,
}
EVERY_STANZA_IN_EVERY_STATE = [
    pytest.param(spec, sender, where, id=f"{spec.name}-from-{sender.name.lower()}-{where}")
    for spec, sender, where in itertools.product(SCHEMA, (Sender.CLIENT, Sender.RELAY), PAIRS)
]
BY_THEMSELVES = (Pong, Bind)


def ends(pair: ConnectionPair, sender: Sender) -> tuple[Channel, Channel]:
    """(who speaks, who listens)."""
    return (pair.client, pair.relay) if sender is Sender.CLIENT else (pair.relay, pair.client)


@pytest.mark.parametrize(("spec", "sender", "where"), EVERY_STANZA_IN_EVERY_STATE)
def test_what_the_table_does_not_allow_is_not_said(spec: StanzaSpec, sender: Sender, where: str) -> None:
    pair = PAIRS[where]()
    speaker, _ = ends(pair, sender)
    table = CLIENT_MAY_SEND if sender is Sender.CLIENT else RELAY_MAY_SEND
    before = snapshot(speaker)
    if spec.sender not in (sender, Sender.BOTH):
        stanza = example_of(spec, Sender.RELAY if sender is Sender.CLIENT else Sender.CLIENT)
    else:
        stanza = example_of(spec, sender)
    if spec.stanza in table[speaker.state] and spec.stanza not in BY_THEMSELVES:
        speaker.send(stanza)
        assert speaker.has_data_to_send
        return
    with pytest.raises(LocalProtocolError):
        speaker.send(stanza)
    assert snapshot(speaker) == before


@pytest.mark.parametrize(("spec", "sender", "where"), EVERY_STANZA_IN_EVERY_STATE)
def test_what_the_table_does_not_allow_is_not_heard(spec: StanzaSpec, sender: Sender, where: str) -> None:
    pair = PAIRS[where]()
    speaker, listener = ends(pair, sender)
    if speaker._transport is None or listener._transport is None:
        return  # nobody could say it
    said_by = sender if spec.sender is Sender.BOTH else spec.sender
    frame = forced(speaker, [(example_of(spec, said_by), said_by)])
    if listener.is_closed:
        assert listener.receive_data(frame) == []
        return
    if spec.stanza in _may_be_heard(listener):
        if spec.stanza is Pong:
            listener._handles.ping_sent()  # a Pong answers a Ping
        hear(listener, frame)
        return
    with pytest.raises((NotAllowedError, UnknownStanzaError)):
        hear(listener, frame)
    assert listener.state is State.CLOSED
    assert listener._handles._address_of.keys() <= {0, 1}


def _may_be_heard(listener: Channel) -> frozenset[type]:
    if listener.sender is Sender.CLIENT:
        return RELAY_MAY_SEND[listener.state]
    # UNCONFIRMED: the frame itself is the proof that was waited for.
    state = State.ONLINE if listener.state is State.UNCONFIRMED else listener.state
    return CLIENT_MAY_SEND_IN_PRODUCTION[state]
