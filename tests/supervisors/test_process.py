"""One OS process: its pipes, its end, its status in words."""

from __future__ import annotations

import os
import signal
import sys

import pytest
import trio

from actors import NORMAL
from supervisors.errors import ProcessEndedError
from supervisors.process import READY_FD_VARIABLE, describe_status, end_now, exit_reason, start_process


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


async def test_it_has_a_pipe_for_its_word_if_it_is_to_say_one() -> None:
    code = "import os; os.write(int(os.environ['ROOST_READY_FD']), b'ready')"
    started = await start_process(python(code), None, (), ready=True)
    async with started.ready:
        assert await started.ready.receive_some() == b"ready"
    assert await started.process.wait() == 0
    await end_now(started.process)


async def test_of_whom_no_word_is_expected_it_has_nobody_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(READY_FD_VARIABLE, "1")
    code = f"import os; raise SystemExit({READY_FD_VARIABLE!r} in os.environ)"
    started = await start_process(python(code), None, (), ready=False)
    assert await started.process.wait() == 0
    await end_now(started.process)
    await started.ready.aclose()


async def test_a_program_that_is_not_there_leaves_no_descriptor_open() -> None:
    before = os.listdir("/proc/self/fd")
    with pytest.raises(FileNotFoundError):
        await start_process(["/no/such/program"], None, (), ready=True)
    assert os.listdir("/proc/self/fd") == before


async def test_ended_now_it_is_dead_and_reaped_whatever_it_thinks_of_signals() -> None:
    deaf = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); sys.stdin.read()"
    started = await start_process(python(deaf), None, (), ready=False)
    with trio.CancelScope() as scope:
        scope.cancel()
        await end_now(started.process)
    assert started.process.returncode == -signal.SIGKILL
    await started.ready.aclose()


@pytest.mark.parametrize(
    ("status", "words"),
    [(0, "exited with status 0"), (-15, "was ended by SIGTERM"), (-250, "was ended by signal 250")],
)
def test_an_exit_status_in_words(status: int, words: str) -> None:
    assert describe_status(status) == words


def test_status_zero_is_normal_and_all_else_a_crash() -> None:
    assert exit_reason("worker", 0) == NORMAL
    error = exit_reason("worker", -9).error
    assert isinstance(error, ProcessEndedError)
    assert (error.program, error.status) == ("worker", -9)
