"""A parked task waits for one reschedule, whatever else trio has in mind, and keeps one frame."""

from __future__ import annotations

import trio
from trio.lowlevel import Task, current_task, reschedule
from trio.testing import wait_all_tasks_blocked

from actors.parking import PARKED


class Sleeper:
    """Parks, and says how often it was woken."""

    def __init__(self) -> None:
        self.task: Task | None = None
        self.woken = 0

    async def sleep(self, times: int) -> None:
        self.task = current_task()
        for _ in range(times):
            await PARKED
            self.woken += 1


async def test_a_parked_task_goes_on_when_it_is_rescheduled_and_not_before() -> None:
    sleeper = Sleeper()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sleeper.sleep, 2)
        for woken in range(2):
            await wait_all_tasks_blocked()
            assert sleeper.woken == woken
            assert sleeper.task is not None
            reschedule(sleeper.task)
    assert sleeper.woken == 2


async def test_many_tasks_await_the_same_object() -> None:
    sleepers = [Sleeper() for _ in range(3)]
    async with trio.open_nursery() as nursery:
        for sleeper in sleepers:
            nursery.start_soon(sleeper.sleep, 1)
        await wait_all_tasks_blocked()
        for sleeper in sleepers:
            assert sleeper.task is not None
            reschedule(sleeper.task)
    assert [sleeper.woken for sleeper in sleepers] == [1, 1, 1]


async def test_cancellation_does_not_wake_a_parked_task() -> None:
    sleeper = Sleeper()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sleeper.sleep, 1)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
        with trio.CancelScope(shield=True):
            await wait_all_tasks_blocked()
        assert sleeper.woken == 0
        assert sleeper.task is not None
        reschedule(sleeper.task)
    assert sleeper.woken == 1


async def test_a_parked_task_is_one_frame_deep() -> None:
    sleeper = Sleeper()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sleeper.sleep, 1)
        await wait_all_tasks_blocked()
        assert sleeper.task is not None
        assert sleeper.task.coro.cr_await is PARKED
        assert len(list(sleeper.task.iter_await_frames())) == 1
        reschedule(sleeper.task)
