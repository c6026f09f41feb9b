import os

import pytest
import trio.testing

from faults.real.fault import Broken
from faults.real.frames import PREAMBLE_BYTES, FrameEnds
from faults.real.replays import HANDSHAKE_FRAMES, Recorder, answer_to, judge
from protocol.codes import ErrorCode
from protocol.connection import ClientConnection, RelayConnection
from protocol.errors import RemoteProtocolError
from protocol.hello import Hello
from protocol.ids import DeviceId, UserId
from protocol.noise.primitives import KeyPair
from protocol.stanzas import Welcome
from tests.faults.sides import MemorySide

WELCOME = Welcome(UserId(5), DeviceId(1), 1_700_000_000_000, 120, 64, 0)


def frame(body: bytes) -> bytes:
    return len(body).to_bytes(3, "big") + body


def frames_of(stream: bytes) -> list[bytes]:
    ends = FrameEnds(PREAMBLE_BYTES).find(stream)
    return [stream[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def relay_key() -> KeyPair:
    return KeyPair.generate(os.urandom)


def what_a_phone_says(static: KeyPair) -> bytes:
    """Preamble, handshake and ping of a phone that has talked to the relay of this key."""
    relay = RelayConnection(static, os.urandom, knows=lambda _: True)
    phone = ClientConnection(KeyPair.generate(os.urandom), static.public, Hello(), os.urandom)
    said = phone.data_to_send()
    relay.receive_data(said)
    phone.receive_data(relay.data_to_send())
    return said + phone.data_to_send()


def answer_of_a_relay(static: KeyPair, said: bytes) -> bytes:
    """As the real one does it, up to the end of the connection."""
    relay = RelayConnection(static, os.urandom, knows=lambda _: True)
    try:
        relay.receive_data(said)
    except RemoteProtocolError:
        pass
    return relay.data_to_send()


def answer_of_one_who_believes(static: KeyPair) -> bytes:
    """A relay that takes the replay for the phone would say welcome."""
    relay = RelayConnection(static, os.urandom, knows=lambda _: True)
    phone = ClientConnection(KeyPair.generate(os.urandom), static.public, Hello(), os.urandom)
    relay.receive_data(phone.data_to_send())
    answer = relay.data_to_send()
    phone.receive_data(answer)
    relay.receive_data(phone.data_to_send())
    relay.proceed()
    relay.send(WELCOME)
    return answer + relay.data_to_send()


def test_the_answer_of_the_protocol_to_a_replay_is_borne() -> None:
    static = relay_key()
    said = what_a_phone_says(static)
    handshake = b"".join(frames_of(said)[:HANDSHAKE_FRAMES])
    for replayed in (said, handshake):
        answer = answer_of_a_relay(static, replayed)
        assert answer
        judge(answer)


def test_a_relay_that_believes_a_replay_is_found_out() -> None:
    with pytest.raises(Broken, match="more than an Error"):
        judge(answer_of_one_who_believes(relay_key()))


def test_a_relay_that_says_more_than_two_things_to_a_replay_is_found_out() -> None:
    with pytest.raises(Broken, match="3 frames"):
        judge(frame(b"x" * 50) + frame(b"e" * 17) * 2)


def test_no_answer_and_an_alert_are_borne() -> None:
    judge(b"")
    judge(frame(bytes([ErrorCode.OVERLOADED])))


def test_half_a_frame_is_not_an_answer() -> None:
    with pytest.raises(Broken):
        judge(frame(b"x" * 50) + b"\x00\x00\x20half")


async def test_a_node_that_does_not_end_a_replay_is_found_out(
    autojump_clock: trio.testing.MockClock,
) -> None:
    node = MemorySide()
    with pytest.raises(Broken, match="not ended"):
        await answer_to(node, b"once more")
    assert await node.peer.receive_some() == b"once more"


async def test_all_that_is_answered_up_to_the_end_is_heard(autojump_clock: trio.testing.MockClock) -> None:
    node = MemorySide()
    await node.peer.send_all(b"a")
    await node.peer.send_all(b"b")
    await node.peer.send_eof()
    assert await answer_to(node, b"once more") == b"ab"


def test_a_recorder_changes_nothing_and_keeps_the_first_frames() -> None:
    recorder = Recorder(2)
    passed = [sent for each in (b"1", b"2", b"3") for sent in recorder(each)]
    assert passed == [b"1", b"2", b"3"]
    assert recorder.frames == [b"1", b"2"]
    assert recorder.is_full.is_set()
