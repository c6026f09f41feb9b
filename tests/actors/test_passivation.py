"""Actors that leave and return: nothing is lost in between, and never two of one name at once."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from actors import (
    PASSIVATED,
    ActorDeadError,
    ActorSystem,
    ExitReason,
    PassiveActor,
    PassiveActors,
    Reply,
    StartError,
    open_actor_system,
)
from actors.exits import Stop
from actors.testing import settle

IDLE_S = 60


class Shelf:
    """The storage of the test: what an actor finds when it returns."""

    def __init__(self) -> None:
        self.saved: dict[str, list[object]] = {}
        self.starts: list[str] = []
        self.present: dict[str, int] = {}
        self.saving = trio.Event()  # an actor has begun to save
        self.may_save = trio.Event()  # and may go on
        self.may_save.set()


class Notebook(PassiveActor):
    """Keeps what it is told; saves it when it leaves."""

    mailbox_limit = 4

    def __init__(self, shelf: Shelf, key: str) -> None:
        self.shelf = shelf
        self.key = key
        self.notes: list[object] = []
        self.is_busy = False

    def may_leave(self) -> bool:
        return not self.is_busy

    async def on_start(self) -> None:
        count = self.shelf.present[self.key] = self.shelf.present.get(self.key, 0) + 1
        assert count == 1, "two actors of one name"
        self.shelf.starts.append(self.key)
        self.notes = self.shelf.saved.get(self.key, [])

    def handle(self, message: object) -> object:
        if message == "crash":
            raise RuntimeError
        if message == "busy":
            self.is_busy = True
        self.notes = [*self.notes, message]
        return self.notes

    async def on_stop(self, reason: ExitReason) -> None:
        self.shelf.saving.set()
        await self.shelf.may_save.wait()
        self.shelf.saved[self.key] = self.notes
        self.shelf.present[self.key] -= 1


@asynccontextmanager
async def open_notebooks() -> AsyncIterator[tuple[ActorSystem, Shelf, PassiveActors[str]]]:
    shelf = Shelf()
    notebooks: PassiveActors[str] = PassiveActors(lambda key: Notebook(shelf, key), IDLE_S)
    async with open_actor_system() as system:
        await system.start(notebooks.keeper)
        yield system, shelf, notebooks


async def test_the_first_message_calls_the_actor(autojump_clock: MockClock) -> None:
    async with open_notebooks() as (_, shelf, notebooks):
        assert notebooks.whereis("a") is None
        assert await notebooks.at("a").ask(1) == [1]
        await notebooks.at("a").tell(2)
        notebooks.at("a").tell_nowait(3)
        assert await notebooks.at("a").ask(4) == [1, 2, 3, 4]
        assert shelf.starts == ["a"]


async def test_the_idle_leave_and_return_with_the_next_message(autojump_clock: MockClock) -> None:
    async with open_notebooks() as (system, shelf, notebooks):
        ref = notebooks.wake("a")
        await notebooks.at("a").tell(1)
        await trio.sleep(3 * IDLE_S)
        assert len(notebooks) == 0
        assert ref.exit_reason is PASSIVATED
        assert len(system) == 1  # the keeper
        assert await notebooks.at("a").ask(2) == [1, 2]
        assert shelf.starts == ["a", "a"]


async def test_who_is_spoken_to_stays(autojump_clock: MockClock) -> None:
    async with open_notebooks() as (_, shelf, notebooks):
        for number in range(10):
            await notebooks.at("a").tell(number)
            await trio.sleep(IDLE_S / 2)
        assert shelf.starts == ["a"]


async def test_who_has_a_reason_to_stay_stays(autojump_clock: MockClock) -> None:
    async with open_notebooks() as (_, _shelf, notebooks):
        await notebooks.at("a").tell("busy")
        await trio.sleep(10 * IDLE_S)
        assert notebooks.whereis("a") is not None


class Debtor(PassiveActor):
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.owed: list[Reply] = []

    def handle(self, message: object) -> object:
        if message == "pay":
            for reply in self.owed:
                reply.send("paid")
        else:
            self.owed.append(self.reply_later())
        return None


async def test_who_owes_an_answer_stays_until_it_is_given(autojump_clock: MockClock) -> None:
    debtors: PassiveActors[int] = PassiveActors(lambda _key: Debtor(), IDLE_S)
    async with open_actor_system() as system, trio.open_nursery() as nursery:
        await system.start(debtors.keeper)
        answers: list[object] = []

        async def ask() -> None:
            answers.append(await debtors.at(1).ask("later", timeout=math.inf))

        nursery.start_soon(ask)
        await trio.sleep(5 * IDLE_S)
        await debtors.at(1).tell("pay")
        await settle()
        assert answers == ["paid"]
        await trio.sleep(3 * IDLE_S)
        assert len(debtors) == 0


async def test_messages_told_while_an_actor_is_leaving_reach_the_one_that_returns(
    autojump_clock: MockClock,
) -> None:
    """The race: the old one is saving, and its name is told, asked and waited on meanwhile."""
    async with open_notebooks() as (system, shelf, notebooks), trio.open_nursery() as nursery:
        name = notebooks.at("a")
        await name.tell("before")
        shelf.may_save = trio.Event()
        await shelf.saving.wait()  # it is leaving, and has not saved yet

        answers: list[object] = []

        async def ask() -> None:
            answers.append(await name.ask("asked"))

        await name.tell("told")
        name.tell_nowait("told too")
        nursery.start_soon(ask)
        await settle()
        await name.tell("fills the mailbox")
        nursery.start_soon(name.tell, "waited for room")
        await settle()
        assert shelf.starts == ["a"]  # no second one while the first has not saved

        shelf.may_save.set()
        await settle()
        assert shelf.starts == ["a", "a"]
        assert answers == [["before", "told", "told too", "asked"]]
        assert await name.ask("after") == [
            "before",
            "told",
            "told too",
            "asked",
            "fills the mailbox",
            "waited for room",
            "after",
        ]
        assert system.dead_letters == 0


async def test_a_message_at_every_moment_of_many_leavings_is_handled_once_and_in_order(
    autojump_clock: MockClock,
) -> None:
    async with open_notebooks() as (system, shelf, notebooks):
        name = notebooks.at("a")
        for number in range(200):
            ref = notebooks.whereis("a")
            if ref is not None and number % 3 == 0:
                mailbox = ref._mailbox
                assert mailbox is not None
                mailbox.put_signal(Stop(PASSIVATED))
            for _ in range(number % 5):
                await trio.lowlevel.checkpoint()
            await name.tell(number)
        assert await name.ask("end") == [*range(200), "end"]
        assert len(shelf.starts) > 20
        assert system.dead_letters == 0


async def test_a_crash_loses_its_queue_and_the_next_message_starts_anew(autojump_clock: MockClock) -> None:
    async with open_notebooks() as (_, shelf, notebooks):
        name = notebooks.at("a")
        with pytest.raises(ActorDeadError):
            await name.ask("crash")
        assert await name.ask(1) == [1]
        assert shelf.starts == ["a", "a"]


async def test_the_end_of_the_keeper_is_the_end_of_the_family(autojump_clock: MockClock) -> None:
    shelf = Shelf()
    notebooks: PassiveActors[str] = PassiveActors(lambda key: Notebook(shelf, key), IDLE_S)
    async with open_actor_system() as system:
        keeper = await system.start(notebooks.keeper)
        await notebooks.at("a").ask(1)
        await keeper.stop()
        assert len(system) == 0
        assert shelf.saved == {"a": [1]}
        with pytest.raises(ActorDeadError):
            await notebooks.at("a").tell(2)


async def test_a_failing_on_start_is_reported_and_its_asker_hears_at_once(
    caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    class Torn(PassiveActor):
        async def on_start(self) -> None:
            raise OSError("the page is torn")

    torn: PassiveActors[str] = PassiveActors(lambda _key: Torn(), IDLE_S)
    async with open_actor_system() as system:
        await system.start(torn.keeper)
        with pytest.raises(ActorDeadError):
            await torn.at("a").ask(1)
        assert len(torn) == 0
        assert [record.message for record in caplog.records] == ["actor_crashed"]


async def test_a_failing_factory_is_a_start_error(autojump_clock: MockClock) -> None:
    def make(key: str) -> PassiveActor:
        raise RuntimeError(key)

    async with open_actor_system() as system:
        family = PassiveActors(make, IDLE_S)
        await system.start(family.keeper)
        with pytest.raises(StartError):
            await family.at("a").tell(1)
