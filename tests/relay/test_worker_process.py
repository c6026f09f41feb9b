"""A worker by itself: it serves what it was told, answers its parent, and does not outlive it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from trio.testing import MockClock

from relay.assignment import Assignment
from relay.config import Config, HostPort
from relay.device_port import open_device_port
from relay.version import node_version
from relay.worker_process import questions
from storage import prepare_store
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage

WAIT_SECONDS = 60.0


def spawn(line: bytes, fds: tuple[int, ...]) -> tuple["subprocess.Popen[bytes]", int]:
    """Start a worker as a parent does; returns it, and where it says whether it is ready."""
    reader, writer = os.pipe()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROOST_")}
    worker = subprocess.Popen(
        [sys.executable, "-m", "roost", "worker", "--log", "json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**environment, "ROOST_READY_FD": str(writer)},
        pass_fds=(writer, *fds),
    )
    os.close(writer)
    assert worker.stdin is not None
    worker.stdin.write(line)
    worker.stdin.flush()
    return worker, reader


@contextmanager
def prepared(folder: Path) -> Iterator[Config]:
    config = replace(Config(), data=folder, listen=HostPort("127.0.0.1", 0), admin=None)
    with prepare_store(folder, 1, print):
        yield config


async def assigned(
    config: Config, *, number: int = 0, version: str | None = None
) -> tuple["subprocess.Popen[bytes]", int]:
    port = await open_device_port(config.listen, 2)
    assignment = Assignment(number, version or node_version(), port.descriptors, config)
    spawned = spawn(assignment.encode(), port.descriptors)
    port.close()
    return spawned


def heard(reader: int) -> bytes:
    with os.fdopen(reader, "rb") as pipe:
        return pipe.read()


@pytest.mark.slow
async def test_it_says_that_it_is_ready_and_ends_well_when_it_is_told_to(tmp_path: Path) -> None:
    with prepared(tmp_path) as config:
        worker, reader = await assigned(config)
        assert heard(reader) == b"ready\n"
        worker.send_signal(signal.SIGTERM)
        # Not communicate(), which begins by closing its input: that would be the end of its parent.
        assert worker.wait(WAIT_SECONDS) == 0
        _, err = worker.communicate()
        events = [json.loads(line) for line in err.splitlines()]
        story = [event["event"] for event in events if event["level"] == "info"]
        assert story == ["worker_started", "worker_stopped"]
        assert {event["worker"] for event in events} == {0}


@pytest.mark.slow
async def test_it_ends_at_once_when_its_parent_is_gone(tmp_path: Path) -> None:
    with prepared(tmp_path) as config:
        worker, reader = await assigned(config)
        assert heard(reader) == b"ready\n"
        assert worker.stdin is not None
        worker.stdin.close()
        assert worker.wait(WAIT_SECONDS) == -signal.SIGKILL
        worker.stdin = None
        worker.communicate()


@pytest.mark.slow
def test_it_ends_with_its_parent_though_it_has_only_begun_to_start() -> None:
    with subprocess.Popen([sys.executable, "-m", "roost", "worker"], stdin=subprocess.PIPE) as worker:
        assert worker.stdin is not None
        worker.stdin.close()  # seconds before it could have read that on a busy machine
        assert worker.wait(WAIT_SECONDS) == -signal.SIGKILL


@pytest.mark.slow
async def test_what_keeps_it_from_starting_is_told_to_the_parent_and_to_nobody_else(tmp_path: Path) -> None:
    with prepared(tmp_path) as config:
        worker, reader = await assigned(config, number=1)  # the store was prepared for number 0 only
    assert b"there is no store in" in heard(reader)
    assert worker.wait(WAIT_SECONDS) == 1
    out, err = worker.communicate()
    assert out == b""
    assert b"there is no store" not in err


@pytest.mark.slow
async def test_of_another_version_than_its_node_it_does_not_start(tmp_path: Path) -> None:
    with prepared(tmp_path) as config:
        worker, reader = await assigned(config, version="0.0.1")
        assert b"restart the node" in heard(reader)
        assert worker.wait(WAIT_SECONDS) == 1
        worker.communicate()


@pytest.mark.slow
def test_started_by_hand_it_says_who_starts_workers() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "roost", "worker"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=WAIT_SECONDS,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: workers are started by 'roost serve'")
    assert done.stderr.count(b"\n") == 1


def test_it_imports_nothing_that_only_the_parent_needs() -> None:
    parents = "{'starlette', 'hypercorn', 'httpx', 'prometheus_client', 'relay.node', 'tomllib'}"
    script = f"import sys, relay.worker_process; print({parents} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


async def test_each_question_has_an_answer_that_is_json(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        ways = questions(stage.running.worker)
        assert list(ways) == ["status", "readiness", "metrics", "tree"]
        for answer in ways.values():
            assert json.loads(json.dumps(await answer()))
        assert await ways["readiness"]() == {"reasons": []}
