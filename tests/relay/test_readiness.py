"""A node says that it wants no more to do before devices notice, and why."""

from dataclasses import replace
from pathlib import Path

import pytest
from trio.testing import MockClock

from relay.readiness import BACKLOG_RED, ROOM_RED, reasons_against
from relay.worker import Phase, Worker
from storage import JournalFailedError
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage


def names(worker: Worker) -> list[str]:
    return [reason.name for reason in reasons_against(worker)]


async def test_a_quiet_node_is_ready(sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path) -> None:
    async with open_stage(tmp_path, sim) as stage:
        assert reasons_against(stage.running.worker) == []


@pytest.mark.parametrize("phase", [Phase.STARTING, Phase.DRAINING])
async def test_a_node_that_starts_or_drains_is_not(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path, phase: Phase
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        stage.running.worker.phase = phase
        assert names(stage.running.worker) == [phase.value]


async def test_a_disk_that_falls_behind_is_a_reason(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        worker = stage.running.worker
        monkeypatch.setattr(type(worker.journal), "backlog", BACKLOG_RED)
        assert names(worker) == ["journal-backlog"]
        monkeypatch.setattr(type(worker.journal), "backlog", BACKLOG_RED - 1)
        assert names(worker) == []


async def test_a_journal_that_has_failed_is_a_reason(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        worker = stage.running.worker
        monkeypatch.setattr(type(worker.journal), "failure", JournalFailedError("fsync"))
        assert names(worker) == ["journal-failed"]


async def test_connections_near_their_limit_are_a_reason_before_anybody_is_turned_away(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        worker = stage.running.worker
        worker.config = replace(worker.config, max_connections=20)
        for _ in range(19):
            await stage.stranger()
        (reason,) = reasons_against(worker)
        assert (reason.name, reason.detail) == ("connections", "19 of max_connections = 20")
        await stage.anna.connect()  # which still gets in


async def test_handshakes_near_their_limit_are_a_reason(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        worker = stage.running.worker
        worker.presence.handshakes = worker.config.max_handshakes
        assert names(worker) == ["handshakes"]


async def test_little_room_is_a_reason_before_messages_are_refused(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        worker = stage.running.worker
        reserve = worker.environment.reserve_bytes
        monkeypatch.setattr(worker.environment, "room_bytes", lambda: ROOM_RED * reserve - 1)
        assert names(worker) == ["storage-nearly-full"]
        anna = await stage.anna.connect()
        anna.send(stage.ben.address.user, 1)
        await anna.expect_accepted(1)
        monkeypatch.setattr(worker.environment, "room_bytes", lambda: reserve - 1)
        anna.send(stage.ben.address.user, 2)
        await anna.expect_accepted(2)  # the commit in which the journal finds out
        assert names(worker) == ["storage-full"]
