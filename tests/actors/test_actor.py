"""The contract of the callbacks, and what an actor is given."""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors import (
    KILLED,
    NORMAL,
    SHUTDOWN,
    Actor,
    ActorDeadError,
    ExitReason,
    Reply,
    StartError,
    StartIgnored,
    UnexpectedMessageError,
    crash,
    open_actor_system,
    shutdown,
)
from actors.testing import settle
from tests.helpers.behaviours import (
    AsyncEcho,
    Crasher,
    CrashOnStart,
    CrashOnStop,
    Echo,
    IgnoreStart,
    Recorder,
    SlowStarter,
)


class Diary(Actor):
    """Notes each callback."""

    def __init__(self) -> None:
        self.pages: list[str] = []

    async def on_start(self) -> None:
        self.pages.append("start")

    def handle(self, message: object) -> object:
        self.pages.append(str(message))
        return None

    async def on_stop(self, reason: ExitReason) -> None:
        self.pages.append(f"stop {reason}")


async def test_on_start_comes_before_the_first_message_and_on_stop_after_the_last() -> None:
    diary = Diary()
    async with open_actor_system() as system:
        ref = await system.start(lambda: diary)
        ref.tell_nowait("one")
        ref.tell_nowait("two")
        await settle()
        await ref.stop()
    assert diary.pages == ["start", "one", "two", "stop normal"]


@pytest.mark.parametrize("kind", [Echo, AsyncEcho])
async def test_handle_may_be_plain_or_async(kind: type[Actor]) -> None:
    async with open_actor_system() as system:
        ref = await system.start(kind)
        assert await ref.ask("hello") == "hello"


async def test_a_raise_in_the_factory_is_a_start_error_and_nothing_runs() -> None:
    def faulty() -> Actor:
        raise RuntimeError("no parts")

    async with open_actor_system() as system:
        with pytest.raises(StartError) as caught:
            await system.start(faulty)
        assert isinstance(caught.value.reason.error, RuntimeError)
        assert len(system) == 0


async def test_a_raise_in_on_start_is_a_start_error_and_on_stop_does_not_run() -> None:
    class Never(CrashOnStart):
        stopped = False

        async def on_stop(self, reason: ExitReason) -> None:
            Never.stopped = True

    async with open_actor_system() as system:
        with pytest.raises(StartError) as caught:
            await system.start(Never, name="never")
        assert isinstance(caught.value.__cause__, RuntimeError)
        await settle()
        assert len(system) == 0
        assert system.whereis("never") is None
    assert not Never.stopped


async def test_on_start_may_ignore_the_start() -> None:
    async with open_actor_system() as system:
        with pytest.raises(StartIgnored):
            await system.start(IgnoreStart)
        assert system.reports.crashes == 0


async def test_a_plain_on_start_has_run_when_the_start_returns_and_nobody_else_has() -> None:
    class Ready(Actor):
        ready = False

        def on_start(self) -> None:
            Ready.ready = True
            self.ref.tell_nowait("first")

        def handle(self, message: object) -> object:
            return message

    async with open_actor_system() as system:
        ref = system.start_nowait(Ready)
        assert Ready.ready
        assert await ref.ask("second") == "second"
        await ref.stop()


@pytest.mark.parametrize(("error", "expected"), [(RuntimeError, StartError), (StartIgnored, StartIgnored)])
async def test_a_raise_in_a_plain_on_start_leaves_nothing_behind(
    error: type[Exception], expected: type[Exception]
) -> None:
    class Faulty(Actor):
        def on_start(self) -> None:
            raise error

    async with open_actor_system() as system:
        parent = await system.start(Echo)
        with pytest.raises(expected):
            await system.start(Faulty, name="faulty", link_to=parent)
        await settle()
        assert parent.is_alive  # it is told once, and not by the link
        assert len(system) == 1
        assert system.whereis("faulty") is None
        assert system.reports.crashes == 0


class StartsInTwoParts(Actor):
    """Does what it can at once, and waits for the rest."""

    def __init__(self) -> None:
        self.may_go_on = trio.Event()
        self.parts: list[str] = []

    def on_start(self) -> Coroutine[Any, Any, None]:
        self.parts.append("at once")
        return self._wait()

    async def _wait(self) -> None:
        await self.may_go_on.wait()
        self.parts.append("later")


async def test_a_plain_on_start_may_turn_out_to_have_to_wait() -> None:
    slow = StartsInTwoParts()
    async with open_actor_system() as system, trio.open_nursery() as nursery:
        nursery.start_soon(system.start, lambda: slow)
        await settle()
        assert slow.parts == ["at once"]
        slow.may_go_on.set()
        await settle()
        assert slow.parts == ["at once", "later"]


async def test_who_has_to_wait_cannot_be_started_without_waiting() -> None:
    async with open_actor_system() as system:
        with pytest.raises(TypeError, match="waits"):
            system.start_nowait(StartsInTwoParts)
        await settle()
        assert len(system) == 0


async def test_an_actor_killed_in_on_start_fails_its_starter(autojump_clock: MockClock) -> None:
    slow = SlowStarter()
    async with open_actor_system() as system, trio.open_nursery() as nursery:

        async def start() -> None:
            with pytest.raises(StartError, match="killed"):
                await system.start(lambda: slow)

        nursery.start_soon(start)
        await slow.entered.wait()
        slow.ref.kill()


async def test_a_raise_on_the_way_out_of_a_killed_on_start_does_not_hide_the_kill() -> None:
    class Clumsy(SlowStarter):
        async def on_start(self) -> None:
            try:
                await super().on_start()
            finally:
                raise RuntimeError("while cleaning up")

    clumsy = Clumsy()
    async with open_actor_system() as system, trio.open_nursery() as nursery:

        async def start() -> None:
            with pytest.raises(StartError):
                await system.start(lambda: clumsy)

        nursery.start_soon(start)
        await clumsy.entered.wait()
        clumsy.ref.kill()
        assert await clumsy.ref.wait_stopped() is KILLED


async def test_a_cancelled_start_kills_the_half_started_actor() -> None:
    slow = SlowStarter()
    async with open_actor_system() as system:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(system.start, lambda: slow)
                await slow.entered.wait()
                scope.cancel()
        await settle()
        assert len(system) == 0


async def test_messages_told_while_starting_are_handled_after_it() -> None:
    slow = SlowStarter()
    async with open_actor_system() as system, trio.open_nursery() as nursery:
        nursery.start_soon(system.start, lambda: slow)
        await slow.entered.wait()
        slow.gate.set()
        assert await slow.ref.ask("early") == "early"


async def test_a_raise_in_handle_crashes_the_actor_and_still_runs_on_stop() -> None:
    class Careful(Crasher):
        end: ExitReason | None = None

        async def on_stop(self, reason: ExitReason) -> None:
            Careful.end = reason

    async with open_actor_system() as system:
        ref = await system.start(Careful)
        with pytest.raises(ActorDeadError) as caught:
            await ref.ask(KeyError("x"))
    assert isinstance(caught.value.reason.error, KeyError)
    assert Careful.end is caught.value.reason


async def test_a_raise_in_on_stop_becomes_the_reason() -> None:
    async with open_actor_system() as system:
        ref = await system.start(CrashOnStop)
        await ref.stop()
        assert ref.exit_reason is not None
        assert isinstance(ref.exit_reason.error, RuntimeError)


async def test_what_on_stop_returns_is_the_reason_and_no_crash_of_the_actor(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Truthful(Actor):
        async def on_stop(self, reason: ExitReason) -> ExitReason | None:
            return crash(ValueError("it was gone already"))

    async with open_actor_system() as system:
        ref = await system.start(Truthful)
        await ref.stop()
        assert ref.exit_reason is not None
        assert isinstance(ref.exit_reason.error, ValueError)
        assert system.reports.crashes == 0
    assert not caplog.records


async def test_on_stop_may_be_plain_and_say_the_reason() -> None:
    class Truthful(Actor):
        def on_stop(self, reason: ExitReason) -> ExitReason | None:
            return shutdown(f"it was gone before the {reason} end")

    async with open_actor_system() as system:
        ref = await system.start(Truthful)
        await ref.stop()
        assert ref.exit_reason == shutdown("it was gone before the normal end")


async def test_a_plain_on_stop_may_have_to_wait_and_a_kill_reaches_it_there() -> None:
    class Lingerer(Actor):
        entered = trio.Event()

        def on_stop(self, reason: ExitReason) -> Coroutine[Any, Any, None]:
            return self._linger()

        async def _linger(self) -> None:
            self.entered.set()
            await trio.sleep_forever()

    async with open_actor_system() as system:
        ref = await system.start(Lingerer)
        ref.exit(SHUTDOWN)
        await Lingerer.entered.wait()
        ref.kill()
        assert await ref.wait_stopped() is KILLED


async def test_a_raise_in_a_plain_on_stop_becomes_the_reason() -> None:
    class Clumsy(Actor):
        def on_stop(self, reason: ExitReason) -> None:
            raise RuntimeError("on_stop")

    async with open_actor_system() as system:
        ref = await system.start(Clumsy)
        await ref.stop()
        assert ref.exit_reason is not None
        assert isinstance(ref.exit_reason.error, RuntimeError)


async def test_on_stop_does_not_run_after_a_kill() -> None:
    recorder = Recorder()
    async with open_actor_system() as system:
        ref = await system.start(lambda: recorder)
        ref.kill()
        await ref.wait_stopped()
    assert recorder.end is None


@pytest.mark.parametrize("reason", [NORMAL, SHUTDOWN, shutdown("tired")])
async def test_stopping_itself_ends_it_after_the_current_message(reason: ExitReason) -> None:
    class Quitter(Recorder):
        def handle(self, message: object) -> object:
            self.stop(reason)
            return super().handle(message)

    quitter = Quitter()
    async with open_actor_system() as system:
        ref = await system.start(lambda: quitter)
        ref.tell_nowait("a")
        ref.tell_nowait("b")
        assert await ref.wait_stopped() is reason
    assert quitter.seen == ["a"]


async def test_stopping_itself_between_two_messages_ends_it_at_once() -> None:
    async with open_actor_system() as system:
        recorder = Recorder()
        ref = await system.start(lambda: recorder)
        await settle()  # it is parked now
        recorder.stop()
        assert await ref.wait_stopped() is NORMAL
    assert recorder.end is NORMAL


async def test_an_unexpected_message_is_logged_by_type_and_is_not_fatal(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_actor_system() as system:
        ref = await system.start(Actor)
        ref.tell_nowait("secret")
        with pytest.raises(UnexpectedMessageError):
            await ref.ask(b"secret")
        assert ref.is_alive
    records = [record for record in caplog.records if record.message == "unexpected_message"]
    assert [vars(record)["message_type"] for record in records] == ["str", "bytes"]
    assert "secret" not in caplog.text
    assert {record.levelno for record in records} == {logging.WARNING}


class Later(Actor):
    """Answers the first question when it is told to."""

    def __init__(self) -> None:
        self.reply: Reply | None = None

    def handle(self, message: object) -> object:
        if message == "now":
            assert self.reply is not None
            self.reply.send("the answer")
        elif message == "crash":
            raise RuntimeError
        else:
            self.reply = self.reply_later()
        return "not the answer"


async def test_a_deferred_reply_answers_the_caller_later() -> None:
    async with open_actor_system() as system:
        ref = await system.start(Later)
        answers = []

        async def ask() -> None:
            answers.append(await ref.ask("question"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await settle()
            assert answers == []
            ref.tell_nowait("now")
        assert answers == ["the answer"]


async def test_a_deferred_caller_hears_of_the_death_at_once() -> None:
    async with open_actor_system() as system:
        ref = await system.start(Later)
        async with trio.open_nursery() as nursery:

            async def ask() -> None:
                with pytest.raises(ActorDeadError):
                    await ref.ask("question")

            nursery.start_soon(ask)
            await settle()
            ref.tell_nowait("crash")


def test_a_mailbox_that_could_hold_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="mailbox_limit is 0"):

        class Nothing(Actor):
            mailbox_limit = 0


def test_an_instance_of_a_slotted_class_has_no_dict() -> None:
    assert not hasattr(Echo(), "__dict__")
