"""The runner: plain actors without a turn of a task, and what still needs one."""

from __future__ import annotations

import sys
from collections.abc import Coroutine
from functools import partial
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actors import (
    NOPROC,
    NORMAL,
    Actor,
    ActorDeadError,
    ActorRef,
    Down,
    ExitReason,
    Overflow,
    open_actor_system,
)
from actors.exits import KILLED, SHUTDOWN
from actors.runner import TURN_MESSAGES
from actors.testing import ManualClock, settle
from tests.helpers.behaviours import Crasher, Echo, Recorder


class Mixed(Actor):
    """Handles most at once; told or asked an event it waits for it, and answers with how often it has."""

    mailbox_limit = 2

    def __init__(self) -> None:
        self.seen: list[object] = []
        self.cancelled = False
        self.end: ExitReason | None = None

    def handle(self, message: object) -> object:
        if isinstance(message, trio.Event):
            return self.wait_for(message)
        self.seen.append(message)
        if message == "stop, then wait":
            self.stop()
            return self.wait_for(trio.Event())
        return None

    async def wait_for(self, event: trio.Event) -> int:
        try:
            with trio.move_on_after(60):
                await event.wait()
        except trio.Cancelled:
            self.cancelled = True
            raise
        self.seen.append("waited")
        return len(self.seen)

    async def on_stop(self, reason: ExitReason) -> None:
        self.end = reason


async def start(system: Any, actor: Actor) -> ActorRef:
    ref: ActorRef = await system.start(lambda: actor)
    await settle()
    return ref


def has_task(ref: ActorRef) -> bool:
    return ref._task is not None


@pytest.mark.parametrize("passes", range(6))
async def test_a_kill_around_an_on_stop_that_waits_leaves_nothing_unawaited(passes: int) -> None:
    class Lingerer(Actor):
        async def on_stop(self, reason: ExitReason) -> None:
            await trio.sleep_forever()

    async with open_actor_system() as system:
        ref = await start(system, Lingerer())
        ref.exit(SHUTDOWN)
        for _ in range(passes):
            await trio.lowlevel.checkpoint()
        ref.kill()
        assert await ref.wait_stopped() is KILLED


async def test_a_plain_actor_has_a_task_only_while_it_waits_for_something(autojump_clock: MockClock) -> None:
    async with open_actor_system() as system:
        actor = Mixed()
        ref, event = await start(system, actor), trio.Event()
        ref.tell_nowait("nothing to wait for")
        await settle()
        assert not has_task(ref)
        ref.tell_nowait(event)
        await settle()
        assert has_task(ref)
        event.set()
        await settle()
        assert not has_task(ref)
        assert actor.seen == ["nothing to wait for", "waited"]
        await ref.stop()
    assert actor.end is NORMAL


async def test_plain_actors_are_run_in_the_order_in_which_they_got_something() -> None:
    order: list[int] = []

    class Numbered(Actor):
        def __init__(self, number: int) -> None:
            self.number = number

        def handle(self, message: object) -> None:
            order.append(self.number)

    async with open_actor_system() as system:
        refs = [await start(system, Numbered(number)) for number in range(20)]
        for ref in reversed(refs):
            ref.tell_nowait("x")
        await settle()
    assert order == list(reversed(range(20)))


async def test_other_tasks_have_their_turn_while_plain_actors_are_busy() -> None:
    handled = 0

    class Endless(Actor):
        def handle(self, message: object) -> None:
            nonlocal handled
            handled += 1
            self.ref.tell_nowait(message)

    async with open_actor_system() as system:
        for _ in range(3):
            (await system.start(Endless)).tell_nowait("on and on")
        await trio.lowlevel.checkpoint()
        before = handled
        await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()
        assert 0 < handled - before <= 3 * TURN_MESSAGES
        for ref in system.actors:
            ref.kill()


async def test_what_a_plain_handler_returns_as_a_coroutine_is_awaited_and_answers(
    autojump_clock: MockClock,
) -> None:
    async with open_actor_system() as system:
        actor = Mixed()
        ref, event = await start(system, actor), trio.Event()
        answers: list[int] = []

        async def ask() -> None:
            answers.append(await ref.ask(event))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await settle()
            ref.tell_nowait("behind it")
            await settle()
            assert actor.seen == []  # one message after the other
            event.set()
        await settle()
        assert answers == [1]
        assert actor.seen == ["waited", "behind it"]
        assert ref.statistics().handled == 2  # type: ignore[union-attr]  # it is alive


async def test_a_kill_reaches_a_plain_actor_where_it_waits() -> None:
    async with open_actor_system() as system:
        actor = Mixed()
        ref = await start(system, actor)
        ref.tell_nowait(trio.Event())
        await wait_all_tasks_blocked()
        ref.kill()
        assert await ref.wait_stopped() is KILLED
        assert actor.cancelled
        assert actor.end is None


@pytest.mark.parametrize("passes", range(6))
async def test_a_kill_between_the_handler_and_its_waiting_leaves_nothing_unawaited(passes: int) -> None:
    async with open_actor_system() as system:
        ref = await start(system, Mixed())
        ref.tell_nowait(trio.Event())
        for _ in range(passes):
            await trio.lowlevel.checkpoint()
        ref.kill()
        assert await ref.wait_stopped() is KILLED


async def test_an_exit_signal_cancels_what_a_plain_handler_waits_for_and_on_stop_runs() -> None:
    async with open_actor_system() as system:
        actor = Mixed()
        ref = await start(system, actor)
        ref.tell_nowait(trio.Event())
        await wait_all_tasks_blocked()
        ref.exit(SHUTDOWN)
        await ref.wait_stopped()
        assert actor.cancelled
        assert actor.end is SHUTDOWN


async def test_an_actor_that_stops_itself_finishes_the_message_it_waits_in(autojump_clock: MockClock) -> None:
    async with open_actor_system() as system:
        actor = Mixed()
        ref = await start(system, actor)
        ref.tell_nowait("stop, then wait")
        ref.tell_nowait("never handled")
        await ref.wait_stopped()
        assert actor.seen == ["stop, then wait", "waited"]
        assert actor.end is NORMAL


async def test_a_plain_handler_that_brings_its_own_end_about_is_cancelled_where_it_waits(
    autojump_clock: MockClock,
) -> None:
    class Follower(Actor):
        def __init__(self, other: ActorRef) -> None:
            self.other = other

        def handle(self, message: object) -> Coroutine[Any, Any, None]:
            self.link(self.other)
            return self.wait()

        async def wait(self) -> None:
            await trio.sleep(60)

    async with open_actor_system() as system:
        other = await start(system, Echo())
        await other.stop()
        ref = await start(system, Follower(other))
        ref.tell_nowait("follow the dead")
        assert await ref.wait_stopped() is NOPROC
        assert trio.current_time() < 60


async def test_a_stop_waits_for_the_message_that_waits(autojump_clock: MockClock) -> None:
    async with open_actor_system() as system:
        actor = Mixed()
        ref, event = await start(system, actor), trio.Event()
        ref.tell_nowait(event)
        await wait_all_tasks_blocked()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ref.stop)
            await wait_all_tasks_blocked()
            assert ref.is_alive
            event.set()
        assert actor.seen == ["waited"]


async def test_a_coroutine_that_raises_crashes_its_actor_and_no_other() -> None:
    class Late(Actor):
        def handle(self, message: object) -> Coroutine[Any, Any, None]:
            return self.fail()

        async def fail(self) -> None:
            raise RuntimeError

    async with open_actor_system() as system:
        ref, other = await start(system, Late()), await start(system, Echo())
        with pytest.raises(ActorDeadError):
            await ref.ask("x")
        assert await other.ask("here") == "here"
        assert system.reports.crashes == 1


async def test_a_crash_of_one_leaves_the_others_in_the_line() -> None:
    async with open_actor_system() as system:
        crashing = await start(system, Crasher())
        recorder = Recorder()
        ref = await start(system, recorder)
        crashing.tell_nowait("x")
        ref.tell_nowait("y")
        await crashing.wait_stopped()
        assert recorder.seen == ["y"]


async def test_a_system_message_overtakes_what_a_plain_actor_in_the_line_has() -> None:
    async with open_actor_system() as system:
        recorder = Recorder()
        ref, watched = await start(system, recorder), await start(system, Echo())
        monitor = recorder.monitor(watched)
        watched.kill()
        await watched.wait_stopped()
        ref.tell_nowait("later")
        await settle()
        assert recorder.seen == [Down(monitor, watched, KILLED), "later"]


async def test_a_plain_actor_that_is_killed_in_the_line_handles_nothing_more() -> None:
    async with open_actor_system() as system:
        recorder = Recorder()
        ref = await start(system, recorder)
        ref.tell_nowait("x")
        ref.kill()
        await ref.wait_stopped()
        assert recorder.seen == []
        assert system.dead_letters == 1


async def test_a_plain_handler_that_exits_normally_is_itself_the_sender() -> None:
    class Leaver(Actor):
        def handle(self, message: object) -> None:
            self.ref.exit(NORMAL)

    async with open_actor_system() as system:
        ref = await start(system, Leaver())
        ref.tell_nowait("go")
        assert await ref.wait_stopped() is NORMAL


async def test_the_plain_part_of_a_handler_that_waits_is_reported_if_it_holds_the_loop() -> None:
    clock = ManualClock()

    class Slow(Actor):
        def handle(self, message: object) -> Coroutine[Any, Any, None]:
            clock.advance(1.0)
            return self.wait()

        async def wait(self) -> None:
            await trio.lowlevel.checkpoint()

    async with open_actor_system(stall_clock=clock) as system:
        ref = await start(system, Slow())
        await ref.ask("x")
        assert system.reports.stalls == 1


async def test_what_no_actor_may_keep_to_itself_ends_the_system() -> None:
    class Interrupted(Actor):
        def handle(self, message: object) -> None:
            raise KeyboardInterrupt

    with pytest.raises(BaseExceptionGroup) as caught:  # noqa: PT012  (the block is the test)
        async with open_actor_system() as system:
            ref, other = await start(system, Interrupted()), await start(system, Echo())
            other.tell_nowait("in the line behind it")
            ref.tell_nowait("x")
            other.tell_nowait("y")
            await trio.sleep_forever()
    assert caught.group_contains(KeyboardInterrupt)
    assert not ref.is_alive
    assert not other.is_alive


async def test_ctrl_c_ends_more_linked_actors_than_the_stack_is_deep() -> None:
    class Interrupted(Actor):
        def __init__(self, before: ActorRef | None) -> None:
            self.before = before

        def on_start(self) -> None:
            if self.before is not None:
                self.link(self.before)

        def handle(self, message: object) -> None:
            raise KeyboardInterrupt

    refs: list[ActorRef] = []
    with pytest.raises(BaseExceptionGroup) as caught:  # noqa: PT012  (the block is the test)
        async with open_actor_system() as system:
            for _ in range(sys.getrecursionlimit()):
                before = refs[-1] if refs else None
                refs.append(system.start_nowait(partial(Interrupted, before)))
            await settle()
            refs[-1].tell_nowait("x")
            await trio.sleep_forever()
    assert caught.group_contains(KeyboardInterrupt)
    assert not caught.group_contains(RecursionError)
    assert not any(ref.is_alive for ref in refs)


async def test_an_offer_to_a_full_mailbox_is_to_be_awaited() -> None:
    async with open_actor_system() as system:
        actor = Mixed()
        ref, event = await start(system, actor), trio.Event()
        ref.tell_nowait(event)
        await wait_all_tasks_blocked()
        assert actor.overflow is Overflow.WAIT
        assert ref.offer(1) is None
        assert ref.offer(2) is None
        waiting = ref.offer(3)
        assert waiting is not None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: waiting)
            await wait_all_tasks_blocked()
            event.set()
        await settle()
        assert actor.seen == ["waited", 1, 2, 3]
        ref.kill()
        await ref.wait_stopped()
        assert ref.offer(4) is None
        assert system.dead_letters == 1
