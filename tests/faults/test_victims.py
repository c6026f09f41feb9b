import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from faults.real import victims
from faults.real.fault import Broken
from faults.real.node import NodeProcess
from faults.real.victims import Watch, ends_in, until, until_killing_is_fair
from relay.node_tree import WORKER_PERIOD_SECONDS, WORKER_RESTARTS

ALL = WORKER_RESTARTS * 2 - victims.SPARE_RESTARTS


def line(worker: int, status: int, ago: float = 0.0) -> str:
    """What a parent logs of a worker's end."""
    at = datetime.fromtimestamp(time.time() - ago, UTC).isoformat().replace("+00:00", "Z")
    facts = {"at": at, "event": "child_terminated", "child": f"worker-{worker}", "exit_status": status}
    return json.dumps(facts) + "\n"


def append(node: NodeProcess, *lines: str) -> None:
    with node.log.open("a") as log:
        log.writelines(lines)


@pytest.fixture
def node(tmp_path: Path) -> NodeProcess:
    """One that never runs, and has a log."""
    return NodeProcess(tmp_path, workers=2)


def test_only_ends_of_workers_are_read_from_a_log_with_anything_in_it(node: NodeProcess) -> None:
    reserve = line(0, -9).replace("worker-0", "reserve")
    append(
        node, "Roost is ready.\n", line(1, -9), reserve, '{"event": "bus_up"}\n', line(0, 1), line(0, 1)[:60]
    )
    assert [(end.worker, end.status) for end in ends_in(node.log)] == [(1, -9), (0, 1)]


async def test_an_end_counts_from_when_the_watch_began(
    node: NodeProcess, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(victims, "GONE_SECONDS", 1.0)
    append(node, line(1, -9))
    watch = Watch(node)
    with pytest.raises(Broken, match="worker 1"):
        await watch.until_ended(1, -9)
    append(node, line(1, -9), line(0, -9))
    await watch.until_ended(1, -9)
    with pytest.raises(Broken):
        await watch.until_ended(1, -9, times=2)
    with pytest.raises(Broken):
        await watch.until_ended(1, 1)


async def test_whoever_waits_in_vain_is_told_for_what(autojump_clock: MockClock) -> None:
    with pytest.raises(Broken, match="no rain"):
        await until(lambda: False, 5.0, "no rain")
    assert trio.current_time() >= 5.0


async def test_a_node_is_not_killed_more_often_than_it_bears(
    node: NodeProcess, autojump_clock: MockClock
) -> None:
    append(node, *[line(0, -9, ago=WORKER_PERIOD_SECONDS + 5)] * 20)  # long ago
    await until_killing_is_fair(node, ALL)
    append(node, *[line(0, -9, ago=50)] * (ALL - 1))
    await until_killing_is_fair(node, 1)
    assert trio.current_time() == 0.0


def test_killing_waits_until_enough_deaths_are_a_minute_ago(
    node: NodeProcess,
) -> None:
    append(node, *[line(0, -9, ago=50)] * 3, *[line(1, -9, ago=20)] * (ALL - 3))
    assert victims._seconds_until_fair(node.log, ALL - 1) == pytest.approx(10, abs=3)
    assert victims._seconds_until_fair(node.log, ALL - 4) == pytest.approx(40, abs=3)
