"""A process in reserve is there for the next life of a child, and another after it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

import pytest
import trio
import trio.testing

from actors import ActorSystem
from actors.ports import system_entropy
from supervisors import Backoff, Command, Succession, Supervisor, SupervisorHandle, process_spec
from supervisors.process import end_now
from supervisors.reserve import Keeper, Reserve, keeper_spec

# Says what it was told, when it was told.
CODE = (
    "import os, sys; told = sys.stdin.readline();"
    "told and os.write(int(os.environ['ROOST_READY_FD']), b'ready');"
    "sys.stdin.read()"
)

BACKOFF = Backoff(system_entropy, initial=0.01, maximum=1.0, jitter=0.0)


def command(reserve: Reserve) -> Command:
    argv = [sys.executable, "-I", "-S", "-c", CODE]
    return Command(argv, ready=True, in_background=True, input=b"be a worker\n", reserve=reserve)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(30):
        while not condition():  # noqa: ASYNC110 - other processes: there is no event to wait for
            await trio.sleep(0.005)


async def test_the_next_life_takes_the_process_that_waits_and_another_is_started(system: ActorSystem) -> None:
    reserve, line = Reserve(), Succession()
    told = command(reserve)
    specs = [
        process_spec("worker", told, line=line),
        keeper_spec("spare", lambda: Keeper(reserve, told.start_anew, trio.lowlevel.checkpoint), BACKOFF),
    ]
    sup = await system.start(lambda: Supervisor(specs))
    await until(lambda: line.is_ready and reserve.pid is not None)
    first, waiting = line.pid, reserve.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: line.times_ready == 2 and reserve.pid is not None)
    assert line.pid == waiting
    assert reserve.pid not in (first, waiting)
    pids = [line.pid, reserve.pid]
    await sup.stop()
    assert not any(is_running(pid) for pid in pids if pid is not None)


async def test_without_one_in_reserve_a_life_is_started_as_ever(system: ActorSystem) -> None:
    line = Succession()
    await system.start(lambda: Supervisor([process_spec("worker", command(Reserve()), line=line)]))
    await until(lambda: line.is_ready)


async def test_none_is_started_before_it_is_time(system: ActorSystem) -> None:
    reserve, time = Reserve(), trio.Event()
    await system.start(lambda: Keeper(reserve, command(reserve).start_anew, time.wait))
    await trio.testing.wait_all_tasks_blocked()
    assert reserve.pid is None
    time.set()
    await until(lambda: reserve.pid is not None)


async def test_one_that_dies_in_reserve_is_replaced_and_never_taken(system: ActorSystem) -> None:
    reserve = Reserve()
    told = command(reserve)
    spec = keeper_spec("spare", lambda: Keeper(reserve, told.start_anew, trio.lowlevel.checkpoint), BACKOFF)
    sup = SupervisorHandle(await system.start(lambda: Supervisor([spec])))
    await until(lambda: reserve.pid is not None)
    dead = reserve.pid
    assert dead is not None
    os.kill(dead, signal.SIGKILL)
    await until(lambda: reserve.pid not in (None, dead))
    assert (await sup.which_children())[0].restarts == 1


async def test_an_empty_reserve_has_nothing_to_give() -> None:
    assert Reserve().take() is None


async def test_it_understands_nothing_but_its_own_note(
    system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    reserve = Reserve()
    ref = await system.start(lambda: Keeper(reserve, command(reserve).start_anew, trio.lowlevel.checkpoint))
    await until(lambda: reserve.pid is not None)
    await ref.tell("what is this?")
    started = reserve.take()
    assert started is not None
    await end_now(started.process)
    await started.ready.aclose()
    await trio.testing.wait_all_tasks_blocked()
    assert "unexpected_message" in [record.message for record in caplog.records]
