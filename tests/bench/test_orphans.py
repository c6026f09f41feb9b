"""A server whose bench was killed is ended, with all that it has started and its folder; else nothing is."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.orphans import SOURCE, Watcher, end, main

PATIENCE_SECONDS = 20.0

HAS_A_CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""

BENCH = """
import sys, time
from pathlib import Path
from bench.orphans import Watcher
watcher = Watcher(int(sys.argv[1]), Path(sys.argv[2]))
print("watched", flush=True)
time.sleep(600)
"""


@pytest.fixture
def server() -> Iterator["subprocess.Popen[bytes]"]:
    words = [sys.executable, "-c", HAS_A_CHILD]
    with subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True) as process:
        yield process
        process.kill()


def _pidfd_of_child(server: "subprocess.Popen[bytes]") -> int:
    assert server.stdout is not None
    return os.pidfd_open(int(server.stdout.readline()))


def _has_ended(watched: int, seconds: float) -> bool:
    return bool(select.select([watched], [], [], seconds)[0])


@pytest.mark.slow
def test_a_killed_bench_leaves_no_server_and_no_folder(
    server: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    child = _pidfd_of_child(server)
    words = [sys.executable, "-c", BENCH, str(server.pid), str(folder)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=SOURCE) as bench:
        assert bench.stdout is not None
        assert bench.stderr is not None
        bench.stdout.readline()
        bench.kill()
        bench.stderr.read()  # which the watcher has inherited: it ends when that does
    assert server.wait(PATIENCE_SECONDS) < 0
    assert _has_ended(child, PATIENCE_SECONDS)
    assert not folder.exists()
    os.close(child)


@pytest.mark.slow
def test_a_watcher_that_is_dismissed_touches_nothing(
    server: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    child = _pidfd_of_child(server)
    Watcher(server.pid, tmp_path).dismiss()
    assert server.poll() is None
    assert not _has_ended(child, 0)
    assert tmp_path.exists()
    os.killpg(server.pid, signal.SIGKILL)
    os.close(child)


@pytest.mark.slow
def test_a_watcher_is_dismissed_while_a_load_process_still_holds_its_pipe(
    server: "subprocess.Popen[bytes]", tmp_path: Path
) -> None:
    watcher = Watcher(server.pid, tmp_path)
    held = os.dup(watcher.pipe.fileno())
    watcher.dismiss()
    assert server.poll() is None
    os.close(held)
    os.killpg(server.pid, signal.SIGKILL)


def test_a_number_that_is_nobodys_is_left_alone(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    watched = os.pidfd_open(ended.pid)
    ended.wait()
    assert main([str(ended.pid), str(tmp_path)]) == 0
    end(os.getpid(), watched)  # whoever has the number by now
    assert tmp_path.exists()
    os.close(watched)
