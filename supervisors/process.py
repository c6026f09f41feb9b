"""One OS process: how it is started with its pipes, how it is ended, and what its status means."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import trio

from actors import NORMAL, ExitReason, crash
from supervisors.errors import ProcessEndedError

READY_FD_VARIABLE = "ROOST_READY_FD"
"""The environment variable with the number of the descriptor to which a child writes when it is ready."""


@dataclass(frozen=True, slots=True)
class Started:
    """A process that runs, and where it will say whether it is ready."""

    process: trio.Process
    ready: trio.lowlevel.FdStream


async def start_process(
    argv: Sequence[str], env: Mapping[str, str] | None, pass_fds: Sequence[int], *, ready: bool
) -> Started:
    """Start a process with a pipe for its input, and one for its word if it is to say that it is ready.

    Raises:
        OSError: the program cannot be run.
    """
    environ = {**os.environ, **(env or {})}
    environ.pop(READY_FD_VARIABLE, None)  # it may be our own, from the parent that started us
    reader, writer = os.pipe()
    word = trio.lowlevel.FdStream(reader)
    inherited = tuple(pass_fds)
    if ready:
        environ[READY_FD_VARIABLE] = str(writer)
        inherited += (writer,)
    try:
        process = await trio.lowlevel.open_process(
            list(argv),
            stdin=subprocess.PIPE,
            env=environ,
            pass_fds=inherited,
            process_group=0,  # out of reach of the terminal's Ctrl-C
        )
    except BaseException:
        await trio.aclose_forcefully(word)
        raise
    finally:
        os.close(writer)  # the child has its own; ours would keep the pipe from ever ending
    return Started(process, word)


async def end_now(process: trio.Process) -> None:
    """Kill the process if it lives, and do not leave before it has been reaped, cancelled or not."""
    with trio.CancelScope(shield=True):
        process.kill()  # does nothing if its status is known
        await process.wait()
        if process.stdin is not None:
            await process.stdin.aclose()


def exit_reason(program: str, status: int) -> ExitReason:
    """A process's exit status as an actor's exit reason: 0 is normal, all else is a crash."""
    return NORMAL if status == 0 else crash(ProcessEndedError(program, describe_status(status), status))


def describe_status(status: int) -> str:
    """`exited with status 3`, or `was ended by SIGKILL`."""
    if status >= 0:
        return f"exited with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
