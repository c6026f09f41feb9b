"""strace at a process that runs: to have a system call fail, or to write down what it does to its files.

It is let go of again at the end of a block, and goes on as before, if it lives.
"""

from __future__ import annotations

import signal
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from faults.real.fault import Broken
from faults.real.node import Minder
from faults.real.strace import WORDS

ATTACH_SECONDS = 20.0
DETACH_SECONDS = 20.0

_ATTACHED = b"attached"
_INJECTED = "(INJECTED)"


@dataclass(frozen=True, slots=True)
class Failure:
    """A system call that is to fail, without being done."""

    call: str
    error: str
    """The name of the error: EIO, ENOSPC."""
    when: int
    """At the so-manieth time that a thread makes it, from 1."""

    def words(self) -> list[str]:
        """How strace is told."""
        inject = f"inject={self.call}:error={self.error}:when={self.when}"
        return ["strace", "-f", "-e", "signal=none", "-e", f"trace={self.call}", "-e", inject]


@asynccontextmanager
async def failing(
    pid: int, failure: Failure, notes: Path, minder: Minder | None = None
) -> AsyncIterator[None]:
    """Let a system call of a process fail, once, if it is made within the block.

    Args:
        pid: whose.
        failure: which call, and how.
        notes: a file in which strace writes what it sees; `has_failed` reads it.
        minder: told of strace's own process.

    Raises:
        Broken: strace could not take hold of it.
    """
    async with _attached([*failure.words(), "-o", str(notes)], pid, minder):
        yield


def has_failed(notes: Path) -> bool:
    """Whether the call has failed that was to fail."""
    return notes.exists() and _INJECTED in notes.read_text()


@asynccontextmanager
async def recorded(
    pid: int, recording: Path, minder: Minder | None = None, *, last_sync: int | None = None
) -> AsyncIterator[None]:
    """Write down for the length of a block what a process does to its files; for strace.read_events.

    Args:
        pid: which process.
        recording: the file that it is written to.
        minder: told of strace's own process.
        last_sync: at its so-manieth fdatasync, which is not done any more, the process is killed.

    Raises:
        Broken: strace could not take hold of it.
    """
    words = [*WORDS, "-o", str(recording)]
    if last_sync is not None:
        words += ["-e", f"inject=fdatasync:signal=SIGKILL:when={last_sync}"]
    async with _attached(words, pid, minder):
        yield


@asynccontextmanager
async def _attached(words: Sequence[str], pid: int, minder: Minder | None) -> AsyncIterator[None]:
    process = await trio.lowlevel.open_process(
        [*words, "-p", str(pid)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    if minder is not None:
        minder.mind_session(process.pid)
    try:
        await _until_attached(process, pid)
        yield
    finally:
        with trio.CancelScope(shield=True):
            await _let_go(process)


async def _until_attached(process: trio.Process, pid: int) -> None:
    assert process.stderr is not None
    said = b""
    with trio.move_on_after(ATTACH_SECONDS):
        while _ATTACHED not in said:
            heard = await process.stderr.receive_some()
            if not heard:
                break
            said += heard
    if _ATTACHED not in said:
        raise Broken(f"strace did not take hold of process {pid}: {said.decode(errors='replace').strip()}")


async def _let_go(process: trio.Process) -> None:
    """Have strace detach; it ends by itself once nobody is left to be traced."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    with trio.move_on_after(DETACH_SECONDS):
        await process.wait()
    if process.poll() is None:
        process.kill()
        await process.wait()
    assert process.stderr is not None
    await process.stderr.aclose()
