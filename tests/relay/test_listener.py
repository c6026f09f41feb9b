"""The door: who is let in, and who is turned away."""

from dataclasses import replace
from pathlib import Path

import trio
from trio.testing import MockClock

from protocol import ErrorCode
from relay.worker_process import drain
from tests.helpers.recording_owner import RecordingOwner
from tests.helpers.relay_node import TEST_CONFIG
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage

TURNED_AWAY = b"\x00\x00\x01" + bytes((ErrorCode.OVERLOADED,))


async def test_too_many_unfinished_handshakes_turn_the_next_one_away(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim, config=replace(TEST_CONFIG, max_handshakes=2)) as stage:
        port = stage.running.port.port
        first, second, third = [
            RecordingOwner(await sim.connect("127.0.0.1", port), keep_reading=True) for _ in range(3)
        ]
        assert await third.wait_closed() == "eof"
        assert third.data == TURNED_AWAY
        assert first.reasons == second.reasons == []
        first.link.close()
        second.link.close()
        await first.wait_closed()
        await second.wait_closed()
        await trio.sleep(1)  # the node's side of them has ended too
        await (await stage.anna.connect()).expect_silence()


async def test_devices_that_are_logged_in_do_not_count_as_handshakes(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim, config=replace(TEST_CONFIG, max_handshakes=1)) as stage:
        anna = await stage.anna.connect()
        await (await stage.ben.connect()).expect_silence()
        await anna.expect_silence()


async def test_a_full_node_turns_everybody_away(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim, config=replace(TEST_CONFIG, max_connections=1)) as stage:
        await stage.anna.connect()
        late = RecordingOwner(await sim.connect("127.0.0.1", stage.running.port.port), keep_reading=True)
        await late.wait_closed()
        assert late.data == TURNED_AWAY


async def test_a_node_that_stops_takes_nobody_new(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        await drain(stage.running.worker, stage.running.root)
        try:
            await sim.connect("127.0.0.1", stage.running.port.port)
        except ConnectionRefusedError:
            return
        raise AssertionError("the port is still open")
