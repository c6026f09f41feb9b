"""Last words to peers that get no connection here."""

from pathlib import Path

import pytest
from trio.testing import MockClock

from actors.ports import system_entropy
from protocol import Error, ErrorCode, HandOff, KeyPair
from relay.goodbye import turn_away, turn_back
from relay.handover import Moving
from tests.helpers.connection_pair import ConnectionPair
from tests.helpers.recording_owner import RecordingOwner
from tests.helpers.relay_node import RunningNode
from tests.helpers.sim_network import SimLink, SimNetwork
from tests.helpers.stage import open_stage


async def moving_to(running: RunningNode, sim: SimNetwork, state: HandOff) -> tuple[SimLink, Moving]:
    """A stream and a state on their way, and the peer's side of the stream."""
    listener = await sim.listen("127.0.0.1", 0, 1)
    near = await sim.connect("127.0.0.1", listener.port)
    stream = (await listener.accept()).detach()
    assert stream is not None
    return near, Moving(stream, state, 0, 7)


async def test_a_peer_at_the_door_gets_four_bytes_and_the_end(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        listener = await sim.listen("127.0.0.1", 0, 1)
        peer = RecordingOwner(await sim.connect("127.0.0.1", listener.port), keep_reading=True)
        turn_away(stage.running.worker, await listener.accept())
        assert await peer.wait_closed() == "eof"
        assert peer.data == b"\x00\x00\x01" + bytes((ErrorCode.OVERLOADED,))
        assert stage.running.worker.counters.refused == {"overloaded": 1}


async def test_a_peer_between_two_workers_is_told_why_in_its_own_encryption(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    pair = ConnectionPair()
    pair.run()
    async with open_stage(tmp_path, sim) as stage:
        worker = stage.running.worker
        near, moving = await moving_to(stage.running, sim, pair.relay.export())
        peer = RecordingOwner(near, keep_reading=True)
        turn_back(worker, moving, ErrorCode.RESTARTING)
        assert await peer.wait_closed() == "eof"
        assert pair.client.receive_data(peer.data) == [Error(ErrorCode.RESTARTING)]
        assert worker.counters.connections_closed == {"restarting": 1}


async def test_a_peer_whose_state_nobody_understands_is_cut_off(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        near, moving = await moving_to(stage.running, sim, HandOff(KeyPair.generate(system_entropy).public))
        peer = RecordingOwner(near, keep_reading=True)
        turn_back(stage.running.worker, moving, ErrorCode.RESTARTING)
        assert await peer.wait_closed() == "reset"
    assert "handover_lost" in [record.message for record in caplog.records]
