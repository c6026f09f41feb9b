"""ProcessWatcher: holds one process and never lets go of it alive."""

from __future__ import annotations

import sys

import pytest
import trio
import trio.testing

from actors import KILLED, NORMAL, ActorSystem, StartError
from supervisors.process import start_process
from supervisors.process_watcher import ProcessWatcher, Watched


def watcher(watched: Watched, code: str) -> ProcessWatcher:
    argv = [sys.executable, "-I", "-S", "-c", code]
    return ProcessWatcher(watched, "python", lambda: start_process(argv, None, (), ready=False))


async def test_it_ends_with_its_process(system: ActorSystem) -> None:
    ref = await system.start(lambda: watcher(Watched(), "pass"))
    assert await ref.wait_stopped() == NORMAL


async def test_killed_it_leaves_when_the_process_has_been_reaped(system: ActorSystem) -> None:
    watched = Watched()
    ref = await system.start(lambda: watcher(watched, "import sys; sys.stdin.read()"))
    ref.kill()
    assert await ref.wait_stopped() == KILLED
    assert watched.process is not None
    assert watched.process.returncode == -9


async def test_killed_while_it_starts_it_leaves_no_process_either(system: ActorSystem) -> None:
    watched = Watched()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(expect_failed_start, system, watched)
        await trio.testing.wait_all_tasks_blocked()  # it waits for the thread that starts the process
        for ref in system.actors:
            ref.kill()
    for ref in system.actors:
        await ref.wait_stopped()
    assert watched.process is None or watched.process.returncode is not None


async def expect_failed_start(system: ActorSystem, watched: Watched) -> None:
    try:
        await system.start(lambda: watcher(watched, "import sys; sys.stdin.read()"))
    except StartError:
        pass  # if the thread was faster than the kill, it was started and then killed


async def test_it_understands_nothing_but_its_own_note(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    idle = ProcessWatcher(Watched(), "true", lambda: start_process(["true"], None, (), ready=False))
    idle.on_start = nothing  # type: ignore[method-assign] # a watcher that never started its process
    ref = await system.start(lambda: idle)
    await ref.tell("what is this?")
    await trio.testing.wait_all_tasks_blocked()
    assert [record.message for record in caplog.records] == ["unexpected_message"]


async def nothing() -> None: ...
