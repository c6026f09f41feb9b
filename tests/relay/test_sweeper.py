"""Once a second: handshakes that do not end, peers that are silent, readers that do not read."""

from dataclasses import replace
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from actors.socket_network import FLUSH_SECONDS
from protocol import ErrorCode, Ping
from relay.config import HANDSHAKE_SECONDS, REST_AFTER_BEATS, STALL_SECONDS
from tests.helpers.recording_owner import RecordingOwner
from tests.helpers.relay_node import TEST_CONFIG
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage


async def test_a_handshake_that_never_ends_is_ended_even_if_it_drips(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        link = await sim.connect("127.0.0.1", stage.running.port.port)
        owner = RecordingOwner(link, keep_reading=True)
        began = trio.current_time()
        for byte in (b"R", b"O", b"\x01", b"\x00", b"\x00"):
            link.write(byte)
            await trio.sleep(2)
        assert await owner.wait_closed() == "eof"
        assert owner.data == b"\x00\x00\x01" + bytes((ErrorCode.HANDSHAKE_TIMEOUT,))
        assert HANDSHAKE_SECONDS < trio.current_time() - began < HANDSHAKE_SECONDS + 3
        assert stage.running.worker.presence.handshakes == 0


async def test_a_peer_that_has_vanished_without_a_word_is_noticed(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        sim.silence(sim.links[0])
        await trio.sleep(TEST_CONFIG.keepalive_seconds * 2.5 - 1)
        assert stage.running.worker.presence.device_count == 1
        await trio.sleep(3)
        assert stage.running.worker.presence.device_count == 0
        assert anna.closed is None  # half-open: it was told nothing
        assert stage.running.worker.counters.connections_closed == {"idle-timeout": 1}


async def test_a_device_that_pings_in_time_is_never_pinged(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        counters = stage.running.worker.counters
        before = counters.frames_out
        for _ in range(10):
            await trio.sleep(TEST_CONFIG.keepalive_seconds)
            anna.say(Ping())
        await trio.sleep(1)
        assert counters.frames_out - before == 10  # its pongs
        assert stage.running.worker.presence.device_count == 1


async def test_a_device_that_keeps_silent_is_asked_and_stays_if_it_answers(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        await stage.anna.connect()
        await trio.sleep(TEST_CONFIG.keepalive_seconds * 10)
        assert stage.running.worker.presence.device_count == 1


async def test_a_quiet_connection_gives_its_cipher_objects_back_and_goes_on(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        anna = await stage.anna.connect()
        surroundings = stage.running.worker.surroundings
        assert len(surroundings.awake) == 1
        await trio.sleep(2 * REST_AFTER_BEATS + 1)
        assert not surroundings.awake
        anna.say(Ping())
        await trio.sleep(1)
        assert not surroundings.awake  # a ping is answered half asleep
        assert stage.running.worker.presence.device_count == 1


async def test_a_reader_that_takes_nothing_is_closed_although_it_talks(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim, config=replace(TEST_CONFIG, window_bytes=2**24)) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        sim.stall(ben.link)  # type: ignore[arg-type]  # the simulated network's links
        for number in range(1, 12):
            anna.send(stage.ben.address.user, number, b"x" * 60_000)
        for _ in range(int(STALL_SECONDS + FLUSH_SECONDS) + 5):
            ben.say(Ping())
            anna.say(Ping())
            await trio.sleep(1)
        closed = stage.running.worker.counters.connections_closed
        assert stage.running.worker.presence.of_device(stage.ben.address) is None
        assert list(closed) == ["too-slow"]


async def test_what_waits_for_a_slow_reader_stays_within_the_limit(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    config = replace(TEST_CONFIG, window_bytes=2**24, max_unsent_bytes=2**16)
    async with open_stage(tmp_path, sim, config=config) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        sim.stall(ben.link)  # type: ignore[arg-type]  # the simulated network's links
        for number in range(1, 12):
            anna.send(stage.ben.address.user, number, b"x" * 60_000)
        await anna.expect_accepted(11)
        await trio.sleep(10)
        assert stage.running.worker.presence.of_device(stage.ben.address) is None
        again = await stage.ben.connect()
        assert len(await again.expect_deliveries(11)) == 11


async def test_once_a_minute_what_killed_readers_left_in_the_store_is_cleared(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        looks: list[float] = []
        store = stage.running.worker.store
        monkeypatch.setattr(store, "clear_stale_readers", lambda: looks.append(trio.current_time()))
        await trio.sleep(200)
        assert len(looks) == 3
