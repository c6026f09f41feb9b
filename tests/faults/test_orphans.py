import os
import signal
import subprocess
import sys

import pytest

from faults.real.orphans import SOURCE, Watcher, has_ended
from faults.real.processes import is_running

RUN = """
import os, subprocess, sys
from faults.real.orphans import Watcher
watcher = Watcher()
sleeper = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True)
watcher.mind_session(sleeper.pid)
print(sleeper.pid, flush=True)
os.read(0, 1)
os.kill(os.getpid(), %d)
"""


def until_gone(descriptor: int) -> None:
    while not has_ended(descriptor):
        os.sched_yield()


@pytest.mark.slow
@pytest.mark.parametrize("stopped", [False, True])
def test_what_a_run_has_started_ends_when_the_run_is_killed(stopped: bool) -> None:
    words = [sys.executable, "-c", RUN % signal.SIGKILL]
    with subprocess.Popen(words, cwd=SOURCE, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        sleeper = int(run.stdout.readline())
        descriptor = os.pidfd_open(sleeper)
        if stopped:
            os.kill(sleeper, signal.SIGSTOP)
        assert is_running(sleeper)
        run.communicate(b"x")
    until_gone(descriptor)
    os.close(descriptor)


@pytest.mark.slow
def test_at_the_end_of_a_run_nothing_is_left_of_what_it_has_forgotten() -> None:
    with Watcher() as watcher:
        words = [sys.executable, "-c", "import signal; signal.pause()"]
        sleeper = subprocess.Popen(words, start_new_session=True)
        watcher.mind_session(sleeper.pid)
    assert sleeper.wait() == -signal.SIGKILL
