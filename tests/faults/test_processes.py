import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.real.processes import (
    children,
    is_running,
    is_stopped,
    kill_session,
    of_session,
    open_files,
    resident_bytes,
)

FAMILY = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=%s)
print(child.pid, flush=True)
input()
"""


@pytest.fixture
def family() -> Iterator[tuple[int, int]]:
    """A process that leads a session, and its child in it."""
    parent = subprocess.Popen(
        [sys.executable, "-c", FAMILY % False],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert parent.stdout is not None
    yield parent.pid, int(parent.stdout.readline())
    parent.kill()
    parent.communicate()


def test_a_process_knows_its_children_and_its_session(family: tuple[int, int]) -> None:
    parent, child = family
    assert children(parent) == [child]
    assert of_session(parent) == sorted(family)


def test_of_a_session_none_is_left_not_even_who_was_stopped(family: tuple[int, int]) -> None:
    parent, child = family
    os.kill(child, signal.SIGSTOP)
    while not is_stopped(child):
        pass
    kill_session(parent)
    assert of_session(parent) == []
    assert not is_running(child)


def test_a_process_that_is_dead_and_not_reaped_does_not_run() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not is_running(process.pid)
    process.wait()


def test_a_process_shows_what_it_has_open_and_what_memory(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("w"):
        assert path in open_files(os.getpid())
    assert resident_bytes(os.getpid()) > 1 << 20


def test_of_a_process_that_is_gone_there_is_nothing() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert not is_running(process.pid)
    assert open_files(process.pid) == []
    assert resident_bytes(process.pid) == 0
