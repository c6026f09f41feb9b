"""Short work in an actor of its own."""

from __future__ import annotations

import math

import pytest
import trio
from trio.testing import MockClock

from actors import (
    KILLED,
    SHUTDOWN,
    ActorDeadError,
    CallTimeoutError,
    Exit,
    ExitKind,
    TaskDone,
    TaskFailed,
    open_actor_system,
    start_task,
)
from actors.testing import open_probe, settle
from tests.helpers.behaviours import Echo


async def one() -> int:
    return 1


async def fail() -> None:
    raise ValueError


async def test_the_result_can_be_awaited() -> None:
    async with open_actor_system() as system:
        task = await start_task(system, one)
        assert await task.result() == 1
        await settle()
        assert len(system) == 0


async def test_the_result_waits_for_who_comes_late() -> None:
    async with open_actor_system() as system:
        task = await start_task(system, one)
        await settle()
        assert await task.result() == 1


async def test_a_crash_is_an_actor_dead_error_with_its_reason() -> None:
    async with open_actor_system() as system:
        task = await start_task(system, fail)
        with pytest.raises(ActorDeadError) as caught:
            await task.result()
        assert isinstance(caught.value.reason.error, ValueError)


async def test_a_result_that_takes_too_long_times_out_and_the_work_goes_on(autojump_clock: MockClock) -> None:
    async with open_actor_system() as system:
        probe = await open_probe(system)

        async def slow() -> str:
            await trio.sleep(10)
            return "done"

        task = await start_task(system, slow, report_to=probe.ref)
        with pytest.raises(CallTimeoutError):
            await task.result(timeout=1)
        assert await probe.receive(TaskDone, timeout=20) == TaskDone(task, "done")


async def test_the_result_can_be_awaited_again_after_a_timeout_and_a_cancellation(
    autojump_clock: MockClock,
) -> None:
    async with open_actor_system() as system:

        async def slow() -> str:
            await trio.sleep(10)
            return "done"

        task = await start_task(system, slow)
        with pytest.raises(CallTimeoutError):
            await task.result(timeout=1)
        with trio.move_on_after(1):
            await task.result(timeout=math.inf)
        assert await task.result(timeout=20) == "done"
        assert await task.result() == "done"


async def test_the_owner_is_told_the_result_and_nothing_else() -> None:
    async with open_actor_system() as system:
        probe = await open_probe(system)
        task = await start_task(system, one, report_to=probe.ref)
        await settle()
        assert list(probe.received) == [TaskDone(task, 1)]


async def test_the_owner_is_told_of_a_crash_and_lives() -> None:
    async with open_actor_system() as system:
        probe = await open_probe(system)
        task = await start_task(system, fail, report_to=probe.ref)
        failed = await probe.receive(TaskFailed)
        assert failed.task is task
        assert failed.reason.kind is ExitKind.CRASH


async def test_cancelled_and_killed_work_is_reported_too() -> None:
    async with open_actor_system() as system:
        probe = await open_probe(system)
        cancelled = await start_task(system, trio.sleep_forever, report_to=probe.ref)
        await settle()
        cancelled.cancel()
        assert (await probe.receive(TaskFailed)).reason is SHUTDOWN
        killed = await start_task(system, trio.sleep_forever, report_to=probe.ref)
        killed.ref.kill()
        assert (await probe.receive(TaskFailed)).reason is KILLED


async def test_linked_work_shares_its_owners_fate() -> None:
    async with open_actor_system() as system:
        owner = await system.start(Echo)
        task = await start_task(system, trio.sleep_forever, link_to=owner)
        await settle()
        owner.kill()
        assert await task.ref.wait_stopped() is KILLED
        second = await system.start(Echo)
        await start_task(system, fail, link_to=second)
        assert (await second.wait_stopped()).kind is ExitKind.CRASH


async def test_linked_work_that_ends_well_leaves_its_owner_alone() -> None:
    async with open_actor_system() as system:
        probe = await open_probe(system)
        await start_task(system, one, link_to=probe.ref, report_to=probe.ref)
        assert (await probe.receive(TaskDone)).result == 1
        assert (await probe.receive(Exit)).reason.kind is ExitKind.NORMAL


async def test_reporting_to_the_dead_is_harmless() -> None:
    async with open_actor_system() as system:
        owner = await system.start(Echo)
        await owner.stop()
        task = await start_task(system, one, report_to=owner)
        assert await task.result() == 1
