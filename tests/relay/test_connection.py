"""What a device may say through its connection, and what happens to one that says something else."""

import logging
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from trio.testing import MockClock

from actors.ports import system_entropy
from protocol import (
    ClientConnection,
    Deliver,
    ErrorCode,
    FetchProgress,
    Hello,
    KeyPair,
    Paused,
    Progresses,
    Refused,
    Send,
    TestCrash,
    Typing,
    UserId,
)
from protocol.limits import MAX_FRAME_BYTES
from tests.helpers.device import Device
from tests.helpers.recording_owner import RecordingOwner
from tests.helpers.relay_node import TEST_CONFIG
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import Stage, open_stage


async def knock(stage: Stage, data: bytes) -> RecordingOwner:
    """Connect without any protocol, say something, and hear what comes."""
    link = await stage.running.worker.network.connect("127.0.0.1", stage.running.port.port)
    owner = RecordingOwner(link, keep_reading=True)
    link.write(data)
    return owner


def alert(code: ErrorCode) -> bytes:
    return b"\x00\x00\x01" + bytes((code,))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", ErrorCode.MALFORMED),
        (b"RO\x07\x00", ErrorCode.UNSUPPORTED_VERSION),
        (b"RO\x01\x00" + (MAX_FRAME_BYTES + 1).to_bytes(3) + b"x", ErrorCode.FRAME_TOO_LARGE),
        (b"RO\x01\x01\x00\x00\x05hello", ErrorCode.HANDSHAKE_FAILED),
    ],
)
async def test_garbage_gets_a_named_alert_a_closed_connection_a_counter_and_one_line(
    sim: SimNetwork,
    autojump_clock: MockClock,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    data: bytes,
    code: ErrorCode,
) -> None:
    caplog.set_level(logging.INFO, "roost.relay")
    async with open_stage(tmp_path, sim) as stage:
        peer = await knock(stage, data)
        assert await peer.wait_closed() == "eof"
        assert peer.data == alert(code)
        assert stage.running.worker.counters.refused == {code.wire_name: 1}
        ends = [record for record in caplog.records if record.getMessage() == "peer_broke_protocol"]
        assert len(ends) == 1
        assert not [record for record in caplog.records if record.exc_info or record.levelno > logging.INFO]


async def test_whoever_asks_for_another_relay_is_refused(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        wrong_key = KeyPair.generate(system_entropy).public
        client = ClientConnection(stage.anna.keys, wrong_key, Hello(), system_entropy)
        peer = await knock(stage, client.data_to_send())
        await peer.wait_closed()
        assert peer.data == alert(ErrorCode.HANDSHAKE_FAILED)


async def test_the_whole_way_works_byte_by_byte(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    sim.segment_bytes = 1
    async with open_stage(tmp_path, sim) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        anna.send(stage.ben.address.user, 1, b"hello")
        assert (await ben.expect(Deliver)).ciphertext == b"hello"
        await anna.expect_accepted(1)


async def test_an_unknown_stanza_ends_the_connection_with_its_name(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        anna.say_raw(200)
        assert await anna.expect_error() == ErrorCode.UNKNOWN_STANZA


async def test_a_malformed_stanza_ends_the_connection_and_nobody_elses(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        anna.say_raw((8, "not a handle"))
        assert await anna.expect_error() == ErrorCode.MALFORMED
        await ben.expect_silence()


async def test_a_stranger_may_not_send(sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path) -> None:
    async with open_stage(tmp_path, sim) as stage:
        stranger = await stage.stranger()
        assert stranger.welcome is not None
        assert stranger.welcome.user == 0
        stranger.say_raw((2, 1))
        assert await stranger.expect_error() == ErrorCode.NOT_ALLOWED_HERE


async def test_without_test_hooks_nobody_can_crash_anything(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim, config=replace(TEST_CONFIG, test_hooks=False)) as stage:
        anna = await stage.anna.connect()
        anna.say(TestCrash("connection"))
        assert await anna.expect_error() == ErrorCode.UNKNOWN_STANZA
        assert stage.running.worker.counters.crashes == 0


async def test_a_recorded_first_message_does_not_replace_the_device(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        relay_key = stage.running.worker.static.public
        recorded = ClientConnection(stage.anna.keys, relay_key, Hello(), system_entropy).data_to_send()
        anna = await stage.anna.connect()
        thief = await knock(stage, recorded)
        await thief.wait_for_data(1)  # the relay's handshake message: it cannot know better yet
        await anna.expect_silence()
        assert stage.running.worker.presence.device_count == 1


async def test_a_message_to_nobody_is_refused(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        anna.send(UserId(12345), 1)
        refused = await anna.expect(Refused)
        assert (refused.chat, refused.code) == (12345, ErrorCode.UNKNOWN_USER)


async def test_a_delivery_introduces_its_sender_with_the_phone_number(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        anna.send(stage.ben.address.user, 1)
        delivery = await ben.expect(Deliver)
        assert delivery.chat == stage.anna.address
        assert ben.phones == {stage.anna.address: stage.anna.number}


async def test_only_what_waited_says_when_it_was_accepted(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        anna.send(stage.ben.address.user, 1)
        await anna.expect_accepted(1)
        ben = await stage.ben.connect()
        anna.send(stage.ben.address.user, 2)
        waited, direct = await ben.expect_deliveries(2)
        assert waited.accepted_at is not None
        assert direct.accepted_at is None


async def test_typing_reaches_who_is_online_and_is_kept_for_nobody(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        anna.say(Typing(stage.ben.address.user))
        ben = await stage.ben.connect()
        await ben.expect_silence()
        anna.say(Typing(stage.ben.address.user))
        assert (await ben.expect(Typing)).chat == stage.anna.address
        anna.say(Paused(stage.ben.address.user))
        assert (await ben.expect(Paused)).chat == stage.anna.address


async def test_more_requests_in_one_frame_than_the_stack_is_deep_are_all_answered(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    many = sys.getrecursionlimit() + 1
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        anna.say(*(FetchProgress(request, (stage.ben.address.user,)) for request in range(1, many + 1)))
        answered = [(await anna.expect(Progresses)).request for _ in range(many)]
        assert answered == [*range(1, many + 1)]


async def test_a_device_that_says_why_it_leaves_is_let_go(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        ben: Device = await stage.ben.connect()
        ben.channel.close(ErrorCode.INTERNAL)
        ben.flush()
        await ben.expect_end()
        assert stage.running.worker.presence.device_count == 0


def test_sends_are_what_the_fast_path_knows() -> None:
    # The read loop compares exact types: a subclass of Send would be taken for a request.
    assert Send.__subclasses__() == []
