"""What both sides share: handles, pings, frames, and memory given back."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import (
    Accepted,
    Ack,
    Address,
    Bind,
    Confirmed,
    Deliver,
    Delivered,
    DeviceAddress,
    DeviceId,
    Error,
    ErrorCode,
    GroupId,
    GroupSeq,
    Handle,
    HandleTableFullError,
    LocalProtocolError,
    MalformedError,
    MemberAddress,
    MessageNumber,
    NotAllowedError,
    Ping,
    Pong,
    Read,
    Send,
    Seq,
    Stanza,
    State,
    TestCrash,
    Typing,
    UserId,
)
from protocol.channel import Channel
from protocol.frames import FrameDecoder
from protocol.limits import MAX_BINDINGS_PER_SIDE, MAX_CIPHERTEXT_BYTES, MAX_STANZAS_PER_FRAME
from protocol.schema import Sender
from tests.helpers.connection_pair import (
    ConnectionPair,
    byte_by_byte,
    client_connection,
    closed_pair,
    forced,
    hear,
    online_pair,
    relay_connection,
    snapshot,
    stranger_pair,
    unconfirmed_pair,
)
from tests.protocol.stanza_strategies import stanzas_from

ALICE, BOB = UserId(7), UserId(8)
ALICES_PHONE, BOBS_PHONE = DeviceAddress(ALICE, DeviceId(1)), DeviceAddress(BOB, DeviceId(2))


# --- Handles ---


def test_a_chat_is_an_address_for_those_above_and_bound_once() -> None:
    pair = online_pair()
    pair.client.send(Send(BOB, MessageNumber(1), b"one"))
    first = pair.client.data_to_send()
    pair.client.send(Send(BOB, MessageNumber(2), b"two"))
    second = pair.client.data_to_send()
    heard = pair.relay.receive_data(first + second)
    assert heard == [Send(BOB, MessageNumber(1), b"one"), Send(BOB, MessageNumber(2), b"two")]
    assert len(first) == len(second) + 12  # the Bind: array, type, handle, and an address of 1 + 8 bytes


def test_the_relay_answers_with_the_clients_handle() -> None:
    pair = online_pair()
    pair.client.send(Send(BOB, MessageNumber(1), b"x"))
    pair.run()
    pair.relay.send(Accepted(BOB, MessageNumber(1)))
    data = pair.relay.data_to_send()
    assert len(data) == 3 + 4 + 16
    assert pair.client.receive_data(data) == [Accepted(BOB, MessageNumber(1))]


def test_the_relays_bind_carries_the_phone_number() -> None:
    pair = online_pair()
    deliver = Deliver(Seq(1), BOBS_PHONE, MessageNumber(1), b"x")
    assert not pair.relay.is_bound(BOBS_PHONE)
    pair.relay.bind(BOBS_PHONE, "+4917012345678")
    assert pair.relay.is_bound(BOBS_PHONE)
    pair.relay.bind(BOBS_PHONE, "never sent")
    pair.relay.send(deliver)
    _, at_client = pair.take_events()
    assert at_client == [Bind(Handle(1), BOBS_PHONE, "+4917012345678"), deliver]


def test_a_device_and_its_user_are_different_chats() -> None:
    pair = online_pair()
    pair.client.send(Typing(BOB), Read(BOBS_PHONE, MessageNumber(3)))
    at_relay, _ = pair.take_events()
    assert at_relay == [Typing(BOB), Read(BOBS_PHONE, MessageNumber(3))]


def test_binding_is_not_possible_before_there_is_anything_to_bind_for() -> None:
    for pair in (ConnectionPair(), unconfirmed_pair(), closed_pair()):
        with pytest.raises(LocalProtocolError):
            pair.relay.bind(BOBS_PHONE)


def test_a_stanza_that_is_refused_has_bound_nothing() -> None:
    pair = online_pair()
    before = snapshot(pair.client)
    with pytest.raises(LocalProtocolError):
        pair.client.send(Send(BOB, MessageNumber(0), b"x"))
    assert snapshot(pair.client) == before


def test_an_address_that_has_no_wire_form_changes_nothing() -> None:
    pair = online_pair()
    before = snapshot(pair.client)
    with pytest.raises(LocalProtocolError):
        pair.client.send(Typing(UserId(0)))
    assert snapshot(pair.client) == before


def fill_handles(pair: ConnectionPair, first: int, count: int) -> None:
    for user in range(first, first + count):
        pair.client.send(Typing(UserId(user)))


@pytest.mark.slow
def test_more_chats_than_handles_reuse_the_least_recent_and_nobody_is_mistaken() -> None:
    pair = online_pair()
    fill_handles(pair, 1, MAX_BINDINGS_PER_SIDE)
    pair.take_events()
    pair.client.send(Typing(UserId(9_999)))  # takes the handle of user 1
    crossing = Accepted(UserId(1), MessageNumber(5))
    pair.relay.send(crossing)  # said before the relay knew
    in_flight = pair.relay.data_to_send()
    to_relay = pair.client.data_to_send()
    assert pair.client.receive_data(in_flight) == [crossing]
    assert pair.relay.receive_data(to_relay) == [Typing(UserId(9_999))]
    pair.relay.send(Accepted(UserId(9_999), MessageNumber(6)), crossing)
    _, at_client = pair.take_events()
    assert at_client == [Accepted(UserId(9_999), MessageNumber(6)), crossing]  # and nobody saw the Pong


def test_many_addresses_both_ways_always_arrive_as_themselves() -> None:
    pair = online_pair(pieces=byte_by_byte)
    addresses: list[Address] = [ALICE, BOB, ALICES_PHONE, BOBS_PHONE]
    for address in addresses * 2:
        if isinstance(address, DeviceAddress):
            pair.client.send(Read(address, MessageNumber(1)))
            pair.relay.send(Typing(address))
        else:
            pair.client.send(Typing(address))
            pair.relay.send(Read(address, MessageNumber(1)))
    at_relay, at_client = pair.take_events()
    assert [getattr(event, "chat", None) for event in at_relay] == addresses * 2
    assert [getattr(event, "chat", None) for event in at_client] == addresses * 2


# --- Pings ---


def test_a_ping_is_answered_by_the_connection_itself() -> None:
    pair = online_pair()
    pair.relay.send(Ping())
    assert pair.client.receive_data(pair.relay.data_to_send()) == []
    assert pair.relay.receive_data(pair.client.data_to_send()) == [Pong()]


def test_a_pong_that_nobody_asked_for_is_malformed() -> None:
    pair = online_pair()
    with pytest.raises(MalformedError):
        pair.relay.receive_data(forced(pair.client, [(Pong(), Sender.CLIENT)]))


# --- Frames ---


def frames_in(data: bytes) -> list[int]:
    decoder, sizes = FrameDecoder(), []
    decoder.feed(data)
    while (frame := decoder.next_frame()) is not None:
        sizes.append(len(frame))
    return sizes


def test_all_that_waits_goes_out_in_one_frame() -> None:
    pair = online_pair()
    for seq in range(1, 100):
        pair.client.send(Ack(Seq(seq)))
    data = pair.client.data_to_send()
    assert len(frames_in(data)) == 1
    assert pair.relay.receive_data(data) == [Ack(Seq(seq)) for seq in range(1, 100)]
    assert pair.client.data_to_send() == b""
    assert not pair.client.has_data_to_send


def test_what_does_not_fit_one_frame_takes_several_in_order() -> None:
    pair = online_pair()
    sends = [Send(BOB, MessageNumber(number), bytes(MAX_CIPHERTEXT_BYTES)) for number in (1, 2, 3)]
    pair.client.send(*sends)
    data = pair.client.data_to_send()
    assert len(frames_in(data)) >= 3
    assert pair.relay.receive_data(data) == sends


def test_more_stanzas_than_a_frame_may_hold_take_several() -> None:
    pair = online_pair()
    acks = [Ack(Seq(seq)) for seq in range(1, 2 * MAX_STANZAS_PER_FRAME)]
    pair.client.send(*acks)
    assert pair.relay.receive_data(pair.client.data_to_send()) == acks


# --- The end ---


def test_nothing_behind_an_error_is_heard() -> None:
    pair = online_pair()
    frame = forced(pair.client, [(Error(1), Sender.CLIENT), (Ack(Seq(1)), Sender.CLIENT)])
    assert pair.relay.receive_data(frame + frame) == [Error(1)]
    assert pair.relay.state is State.CLOSED


def test_sending_an_error_closes_and_nothing_more_is_said() -> None:
    pair = online_pair()
    pair.client.send(Ack(Seq(1)), Error(ErrorCode.INTERNAL))
    with pytest.raises(LocalProtocolError):
        pair.client.send(Ack(Seq(2)))
    at_relay, _ = pair.take_events()
    assert at_relay == [Ack(Seq(1)), Error(ErrorCode.INTERNAL)]


def test_what_was_queued_before_the_peers_fault_still_goes_out() -> None:
    pair = online_pair()
    pair.relay.send(Accepted(BOB, MessageNumber(1)))
    with pytest.raises(NotAllowedError):
        pair.relay.receive_data(forced(pair.client, [(Accepted(BOB, MessageNumber(1)), Sender.RELAY)]))
    heard = pair.client.receive_data(pair.relay.data_to_send())
    assert heard == [Accepted(BOB, MessageNumber(1)), Error(ErrorCode.NOT_ALLOWED_HERE)]


def test_a_rested_connection_goes_on_where_it_was() -> None:
    pair = online_pair()
    pair.relay.rest()
    pair.client.rest()
    pair.client.send(Ack(Seq(1)))
    at_relay, _ = pair.take_events()
    assert at_relay == [Ack(Seq(1))]
    ConnectionPair().relay.rest()  # harmless before the handshake


# --- Keepalives without waking anybody ---


def test_a_lone_ping_is_answered_at_once_and_a_lone_pong_is_taken_note_of() -> None:
    pair = online_pair()
    for near, far in ((pair.client, pair.relay), (pair.relay, pair.client)):
        for _ in range(3):
            near.send(Ping())
            pong = far.hear_keepalive(near.data_to_send())
            assert pong
            assert near.hear_keepalive(pong) == b""
    assert pair.take_events() == ([], [])


def test_what_is_no_lone_ping_is_left_as_it_is_for_receive_data() -> None:
    pair = online_pair()
    pair.client.send(Ping())
    ping = pair.client.data_to_send()
    assert pair.relay.hear_keepalive(ping[:-1]) is None  # not all of it
    assert pair.relay.hear_keepalive(ping + b"\0") is None  # more than it
    assert pair.relay.hear_keepalive(ping[:-1] + bytes([ping[-1] ^ 1])) is None  # not authentic
    assert pair.relay.hear_keepalive(b"\0\0\x12" + ping[3:]) is None  # another length
    assert pair.relay.hear_keepalive(ping)
    pair.client.send(Ack(Seq(1)), Ping())
    two = pair.client.data_to_send()
    assert pair.relay.hear_keepalive(two) is None
    assert pair.relay.receive_data(two) == [Ack(Seq(1))]


def test_a_ping_is_not_answered_ahead_of_what_waits_to_be_sent() -> None:
    pair = online_pair()
    pair.relay.send(Accepted(BOB, MessageNumber(1)))
    pair.client.send(Ping())
    ping = pair.client.data_to_send()
    assert pair.relay.hear_keepalive(ping) is None
    assert pair.relay.receive_data(ping) == []
    assert pair.client.receive_data(pair.relay.data_to_send()) == [Accepted(BOB, MessageNumber(1)), Pong()]


def test_a_ping_behind_half_a_frame_belongs_to_that_frame() -> None:
    pair = online_pair()
    pair.client.send(Ack(Seq(1)))
    ack = pair.client.data_to_send()
    assert pair.relay.receive_data(ack[:5]) == []
    pair.client.send(Ping())
    assert pair.relay.hear_keepalive(pair.client.data_to_send()) is None


def test_a_pong_that_answers_no_ping_is_left_to_be_complained_about() -> None:
    pair = online_pair()
    pong = forced(pair.client, [(Pong(), Sender.CLIENT)])
    assert pair.relay.hear_keepalive(pong) is None
    with pytest.raises(MalformedError):
        pair.relay.receive_data(pong)


def test_nobody_is_answered_before_the_handshake_has_proved_who_it_is() -> None:
    relay, client = relay_connection(), client_connection()
    relay.receive_data(client.data_to_send())
    client.receive_data(relay.data_to_send())
    first_ping = client.data_to_send()
    assert relay.hear_keepalive(first_ping) is None
    assert [type(event) for event in relay.receive_data(first_ping)] == [Confirmed]
    client.send(Ping())
    assert relay.hear_keepalive(client.data_to_send()) is None  # what is held stands before it


# --- Any order of things ---

CLIENT_SAYS, RELAY_SAYS, TO_RELAY, TO_CLIENT = range(4)


class Crossing:
    """Two ends whose bytes are under way for as long as a test likes; both record what was said and heard."""

    def __init__(self) -> None:
        self.pair = online_pair()
        self.under_way: dict[int, list[bytes]] = {TO_RELAY: [], TO_CLIENT: []}
        self.said: dict[int, list[object]] = {TO_RELAY: [], TO_CLIENT: []}
        self.heard: dict[int, list[object]] = {TO_RELAY: [], TO_CLIENT: []}

    def say(self, way: int, user: UserId) -> None:
        stanza = Typing(user) if way == TO_RELAY else Accepted(user, MessageNumber(1))
        end: Channel = self.pair.client if way == TO_RELAY else self.pair.relay
        try:
            end.send(stanza)
        except HandleTableFullError:
            return  # by design: it may be said after the next Pong
        self.said[way].append(stanza)
        self._flush()

    def carry_one(self, way: int) -> None:
        end: Channel = self.pair.relay if way == TO_RELAY else self.pair.client
        if self.under_way[way]:
            self.heard[way] += end.receive_data(self.under_way[way].pop(0))
            self._flush()

    def carry_all(self) -> None:
        while self.under_way[TO_RELAY] or self.under_way[TO_CLIENT]:
            self.carry_one(TO_RELAY)
            self.carry_one(TO_CLIENT)

    def _flush(self) -> None:
        for way, end in ((TO_RELAY, self.pair.client), (TO_CLIENT, self.pair.relay)):
            if end.has_data_to_send:
                self.under_way[way].append(end.data_to_send())


@given(steps=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 6).map(UserId)), max_size=60))
@settings(max_examples=60)
def test_however_bytes_cross_a_rebound_handle_never_names_the_wrong_chat(
    steps: list[tuple[int, UserId]],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("protocol.handles.MAX_BINDINGS_PER_SIDE", 2)  # so that nearly every chat is a rebinding
        crossing = Crossing()
        for what, user in steps:
            if what in (CLIENT_SAYS, RELAY_SAYS):
                crossing.say(TO_RELAY if what == CLIENT_SAYS else TO_CLIENT, user)
            else:
                crossing.carry_one(what)
        crossing.carry_all()
    assert crossing.heard == crossing.said


@given(
    stanzas=st.lists(stanzas_from(Sender.CLIENT), max_size=4), cuts=st.lists(st.integers(1, 40), max_size=20)
)
@settings(max_examples=30)
def test_how_the_bytes_are_cut_changes_nothing(stanzas: list[Stanza], cuts: list[int]) -> None:
    def pieces(data: bytes) -> list[bytes]:
        found = []
        for cut in cuts:
            found.append(data[:cut])
            data = data[cut:]
        return [*found, data]

    said = [stanza for stanza in stanzas if type(stanza) not in (Ping, Pong, Bind, Error, TestCrash)]
    pair = online_pair()
    pair.client.send(*said)
    at_relay = []
    for piece in pieces(pair.client.data_to_send()):
        at_relay += pair.relay.receive_data(piece)
    assert at_relay == said


def test_a_groups_delivery_that_was_put_together_for_all_is_what_each_hears() -> None:
    pair = online_pair()
    member = MemberAddress(GroupId(7), *ALICES_PHONE)
    pair.relay.send_delivery(Seq(3), member, (MessageNumber(2), b"sealed", None, GroupSeq(9)))
    pair.relay.send_delivery(Seq(4), member, (MessageNumber(1), b"entry", None, GroupSeq(10), 1))
    assert hear(pair.client, pair.relay.data_to_send()) == [
        Deliver(Seq(3), member, MessageNumber(2), b"sealed", None, GroupSeq(9)),
        Deliver(Seq(4), member, MessageNumber(1), b"entry", None, GroupSeq(10), 1),
    ]


def test_a_groups_delivery_goes_to_nobody_who_is_not_online() -> None:
    with pytest.raises(LocalProtocolError):
        stranger_pair().relay.send_delivery(
            Seq(1), MemberAddress(GroupId(7), *ALICES_PHONE), (MessageNumber(1), b"x", None, GroupSeq(1))
        )


def test_a_tick_is_what_the_device_hears_and_binds_its_chat_as_any_stanza() -> None:
    pair = online_pair()
    for tick in (Accepted, Delivered, Read):
        pair.relay.send_tick(tick, BOB, 5)
    heard = hear(pair.client, pair.relay.data_to_send())
    assert heard == [tick(BOB, MessageNumber(5)) for tick in (Accepted, Delivered, Read)]


def test_a_tick_goes_to_nobody_who_is_not_online() -> None:
    with pytest.raises(LocalProtocolError):
        stranger_pair().relay.send_tick(Accepted, BOB, 1)
