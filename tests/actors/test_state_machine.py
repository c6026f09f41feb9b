"""The core of gen_statem: states, timeouts, postponed and inserted events."""

from __future__ import annotations

import enum

import pytest
import trio
from trio.testing import MockClock

from actors import (
    ActorDeadError,
    MailboxFullError,
    Reply,
    StateMachine,
    StateTimeout,
    UnexpectedMessageError,
    open_actor_system,
)
from actors.testing import settle


class DoorState(enum.Enum):
    LOCKED = enum.auto()
    OPEN = enum.auto()


class Door(StateMachine[DoorState]):
    """Locked until the code is right; locks itself after ten seconds. Knocks wait until it is open."""

    initial_state = DoorState.LOCKED
    mailbox_limit = 8

    def __init__(self) -> None:
        self.log: list[str] = []
        self.later: Reply | None = None

    def on_enter(self, old: DoorState, new: DoorState) -> None:
        self.log.append(f"{old.name}->{new.name}")
        if new is DoorState.OPEN:
            self.set_state_timeout(10)

    def on_event(self, state: DoorState, event: object) -> object:
        match state, event:
            case DoorState.LOCKED, 1234:
                self.transition(DoorState.OPEN)
                return "open"
            case DoorState.LOCKED, "knock":
                self.postpone()
                return "never said"
            case DoorState.OPEN, "knock":
                self.log.append("come in")
                return "come in"
            case DoorState.OPEN, "later":
                self.later = self.reply_later()
                return "not this"
            case DoorState.OPEN, "hold":
                self.set_state_timeout(30)
                return None
            case DoorState.OPEN, "twice":
                self.next_event("first")
                self.next_event("second")
                return None
            case DoorState.OPEN, "first" | "second":
                self.log.append(str(event))
                return None
            case DoorState.OPEN, "lock" | StateTimeout():
                self.transition(DoorState.LOCKED)
                return None
            case _, "state":
                return self.state
        return super().on_event(state, event)


async def test_events_change_the_state_and_are_answered(autojump_clock: MockClock) -> None:
    async with open_actor_system() as system:
        door = await system.start(Door)
        assert await door.ask("state") is DoorState.LOCKED
        assert await door.ask(1234) == "open"
        assert await door.ask("state") is DoorState.OPEN


async def test_the_initial_state_is_entered_at_the_start() -> None:
    door = Door()
    async with open_actor_system() as system:
        await system.start(lambda: door)
    assert door.log == ["LOCKED->LOCKED"]


async def test_an_unknown_event_is_told_to_its_asker_and_is_not_fatal() -> None:
    async with open_actor_system() as system:
        door = await system.start(Door)
        with pytest.raises(UnexpectedMessageError):
            await door.ask("what?")
        assert door.is_alive


async def test_a_postponed_event_comes_after_the_change_of_state_and_before_newer_ones() -> None:
    door = Door()
    async with open_actor_system() as system, trio.open_nursery() as nursery:
        ref = await system.start(lambda: door)
        answers: list[object] = []

        async def knock() -> None:
            answers.append(await ref.ask("knock"))

        nursery.start_soon(knock)
        nursery.start_soon(knock)
        await settle()
        assert answers == []
        ref.tell_nowait(1234)
        ref.tell_nowait("lock")
        await settle()
        assert answers == ["come in", "come in"]
    assert door.log == ["LOCKED->LOCKED", "LOCKED->OPEN", "come in", "come in", "OPEN->LOCKED"]


async def test_inserted_events_come_in_their_order_and_before_the_mailbox() -> None:
    door = Door()
    async with open_actor_system() as system:
        ref = await system.start(lambda: door)
        for event in (1234, "twice", "knock"):
            ref.tell_nowait(event)
        await settle()
    assert door.log[2:] == ["first", "second", "come in"]


async def test_a_state_timeout_fires_once_if_the_state_is_still_the_same(autojump_clock: MockClock) -> None:
    door = Door()
    async with open_actor_system() as system:
        ref = await system.start(lambda: door)
        ref.tell_nowait(1234)
        await trio.sleep(9)
        assert door.state.name == "OPEN"
        await trio.sleep(2)
        assert door.state.name == "LOCKED"
        await trio.sleep(50)
    assert door.log.count("OPEN->LOCKED") == 1


async def test_a_change_of_state_ends_the_timeout_of_the_old_one(autojump_clock: MockClock) -> None:
    door = Door()
    async with open_actor_system() as system:
        ref = await system.start(lambda: door)
        ref.tell_nowait(1234)
        await trio.sleep(8)
        ref.tell_nowait("lock")
        ref.tell_nowait(1234)
        await trio.sleep(8)
        assert door.state.name == "OPEN"


async def test_a_timeout_that_was_queued_when_the_state_changed_is_not_given_to_the_new_visit(
    mock_clock: MockClock,
) -> None:
    door = Door()
    async with open_actor_system() as system:
        ref = await system.start(lambda: door)
        await ref.ask(1234)
        await settle()
        for event in ("lock", 1234):
            ref.tell_nowait(event)
        mock_clock.jump(10)  # it fires while those two are still to be handled, or is cancelled by them
        await settle()
        assert door.state.name == "OPEN"


async def test_a_timeout_set_anew_replaces_the_old_one(autojump_clock: MockClock) -> None:
    door = Door()
    async with open_actor_system() as system:
        ref = await system.start(lambda: door)
        ref.tell_nowait(1234)
        ref.tell_nowait("hold")
        await trio.sleep(20)
        assert door.state.name == "OPEN"
        await trio.sleep(11)
        assert door.state.name == "LOCKED"


async def test_a_timeout_that_was_queued_when_it_was_set_anew_does_not_come_early(
    autojump_clock: MockClock,
) -> None:
    """It and the event that sets it anew fall due together, the event first."""
    door = Door()
    async with open_actor_system() as system:
        ref = await system.start(lambda: door)
        door.send_after(10, "hold")
        ref.tell_nowait(1234)  # the timeout it sets is 10, too
        await trio.sleep(11)
        assert door.state is DoorState.OPEN
        await trio.sleep(30)
        assert door.log == ["LOCKED->LOCKED", "LOCKED->OPEN", "OPEN->LOCKED"]


class Eager(StateMachine[DoorState]):
    """Inserts events at its start, and takes its time to be told something before it runs."""

    initial_state = DoorState.LOCKED

    def __init__(self) -> None:
        self.log: list[object] = []

    def on_enter(self, old: DoorState, new: DoorState) -> None:
        self.set_state_timeout(0)
        self.next_event("first")
        self.next_event("second")

    async def on_start(self) -> None:
        await super().on_start()
        self.ref.tell_nowait("told")

    def on_event(self, state: DoorState, event: object) -> object:
        self.log.append("timeout" if isinstance(event, StateTimeout) else event)
        return None


async def test_events_inserted_at_the_start_and_a_timeout_of_no_time_come_before_the_mailbox() -> None:
    eager = Eager()
    async with open_actor_system() as system:
        await system.start(lambda: eager)
        await settle()
    assert eager.log == ["first", "second", "timeout", "told"]


async def test_a_machine_that_sets_timeouts_of_no_time_for_good_leaves_the_others_their_turns() -> None:
    class Spinner(StateMachine[DoorState]):
        initial_state = DoorState.OPEN

        def on_enter(self, old: DoorState, new: DoorState) -> None:
            self.set_state_timeout(0)

        def on_event(self, state: DoorState, event: object) -> object:
            self.set_state_timeout(0)
            return None

    async with open_actor_system(grace_s=0) as system:
        spinner = await system.start(Spinner)
        for _ in range(10):
            await trio.lowlevel.checkpoint()
        assert spinner.is_alive


async def test_an_answer_may_be_given_later() -> None:
    door = Door()
    async with open_actor_system() as system, trio.open_nursery() as nursery:
        ref = await system.start(lambda: door)
        ref.tell_nowait(1234)

        async def ask() -> None:
            assert await ref.ask("later") == "at last"

        nursery.start_soon(ask)
        await settle()
        assert door.later is not None
        door.later.send("at last")


async def test_a_dying_machine_answers_the_askers_of_what_it_postponed() -> None:
    async with open_actor_system() as system, trio.open_nursery() as nursery:
        ref = await system.start(Door)

        async def knock() -> None:
            with pytest.raises(ActorDeadError):
                await ref.ask("knock")

        nursery.start_soon(knock)
        await settle()
        ref.kill()


async def test_a_machine_that_only_postpones_crashes_instead_of_growing() -> None:
    async with open_actor_system() as system:
        ref = await system.start(Door)
        for _ in range(Door.mailbox_limit + 1):
            await ref.tell("knock")
        reason = await ref.wait_stopped()
        assert isinstance(reason.error, MailboxFullError)
