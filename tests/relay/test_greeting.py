"""The greeting: who gets an actor, and what becomes of handshakes that come to nothing."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from protocol import ErrorCode
from relay.config import HANDSHAKE_SECONDS
from relay.worker import Worker
from relay.worker_process import drain
from tests.helpers.recording_owner import RecordingOwner
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import Stage, open_stage

PREAMBLE = b"RO\x01\x00"


def connections(worker: Worker) -> int:
    """How many actors of connections there are."""
    return sum(ref.kind_name == "Connection" for ref in worker.system.actors)


def alert(code: ErrorCode) -> bytes:
    return b"\x00\x00\x01" + bytes((code,))


async def knock(stage: Stage, sim: SimNetwork, said: bytes = PREAMBLE) -> RecordingOwner:
    """A peer that says something, and then nothing."""
    peer = RecordingOwner(await sim.connect("127.0.0.1", stage.running.port.port), keep_reading=True)
    peer.link.write(said)
    await trio.testing.wait_all_tasks_blocked()
    return peer


async def test_nobody_has_an_actor_before_it_is_known_who_it_is(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        worker = stage.running.worker
        await knock(stage, sim)
        assert worker.presence.handshakes == 1
        assert connections(worker) == 0
        await (await stage.anna.connect()).expect_silence()
        assert connections(worker) == 1


async def test_a_handshake_that_does_not_end_is_ended_and_leaves_nothing(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        worker = stage.running.worker
        peer = await knock(stage, sim)
        with trio.fail_after(HANDSHAKE_SECONDS + 3):
            await peer.wait_closed()
        assert peer.data == alert(ErrorCode.HANDSHAKE_TIMEOUT)
        await trio.sleep(3)
        assert worker.presence.connection_count == worker.presence.handshakes == 0
        assert worker.counters.connections_closed == {"handshake-timeout": 1}


async def test_whoever_leaves_in_the_middle_of_it_leaves_nothing(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        peer = await knock(stage, sim)
        peer.link.abort()
        await trio.sleep(1)
        assert stage.running.worker.presence.connection_count == 0


async def test_garbage_is_named_and_ends_it(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        peer = await knock(stage, sim, b"GET / HTTP/1.1\r\n\r\n")
        await peer.wait_closed()
        assert peer.data == alert(ErrorCode.MALFORMED)
        assert stage.running.worker.counters.refused == {"malformed": 1}


async def test_a_fault_of_ours_ends_one_connection_and_nothing_else(
    sim: SimNetwork,
    autojump_clock: MockClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        worker = stage.running.worker
        ben = await stage.ben.connect()
        with monkeypatch.context() as patch:
            patch.setattr(type(worker.store), "read_directory", _broken)
            with pytest.raises(AssertionError):
                await stage.anna.connect()
        assert "greeting_failed" in caplog.messages
        assert worker.counters.crashes == 1
        await ben.expect_silence()
        await (await stage.anna.connect()).expect_silence()


async def test_a_node_that_drains_says_goodbye_in_the_middle_of_a_handshake(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        peer = await knock(stage, sim)
        await drain(stage.running.worker, stage.running.root)
        await peer.wait_closed()
        assert peer.data == alert(ErrorCode.RESTARTING)


def _broken(_store: object) -> object:
    raise RuntimeError("a bug")
