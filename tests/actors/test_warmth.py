"""Busy async actors keep their scope, idle ones let it go, and neither loses a message or a kill by it."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from actors import KILLED, SHUTDOWN, ActorRef, open_actor_system
from actors import warmth as warmth_module
from actors.testing import settle
from actors.warmth import COOLING_SECONDS
from tests.helpers.behaviours import AsyncEcho, Echo, Hanger


def has_scope(ref: ActorRef) -> bool:
    return ref._scope is not None


async def test_a_busy_actor_keeps_its_scope_and_an_idle_one_lets_it_go(autojump_clock: MockClock) -> None:
    async with open_actor_system() as system:
        ref = await system.start(AsyncEcho)
        await ref.ask(1)
        await settle()
        scope = ref._scope
        assert scope is not None
        for _ in range(10):
            await trio.sleep(COOLING_SECONDS / 2)
            await ref.ask(1)
            await settle()
        assert ref._scope is scope
        await trio.sleep(3 * COOLING_SECONDS)
        assert not has_scope(ref)
        assert len(system._warmth) == 0
        assert await ref.ask(2) == 2


async def test_a_plain_actor_has_no_scope() -> None:
    async with open_actor_system() as system:
        ref = await system.start(Echo)
        await ref.ask(1)
        assert ref._scope is None
        assert len(system._warmth) == 0


async def test_a_warm_actor_can_be_killed_stopped_and_told_to_exit() -> None:
    async with open_actor_system() as system:
        refs = [await system.start(AsyncEcho) for _ in range(3)]
        for ref in refs:
            await ref.ask(1)
        await settle()
        refs[0].kill()
        refs[1].exit(SHUTDOWN)
        await refs[2].stop()
        assert await refs[0].wait_stopped() is KILLED
        assert await refs[1].wait_stopped() is SHUTDOWN


async def test_a_warm_actor_is_still_cancelled_in_its_next_message() -> None:
    hanger = Hanger()
    async with open_actor_system() as system:
        ref = await system.start(lambda: hanger)
        ref.tell_nowait("hang")
        await hanger.entered.wait()
        ref.exit(SHUTDOWN)
        await ref.wait_stopped()
        assert hanger.was_cancelled


async def test_only_so_many_stay_warm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warmth_module, "MAX_WARM_ACTORS", 2)
    async with open_actor_system() as system:
        refs = [await system.start(AsyncEcho) for _ in range(3)]
        for ref in refs:
            await ref.ask(1)
        await settle()
        assert [ref._scope is not None for ref in refs] == [True, True, False]
        assert [await ref.ask(2) for ref in refs] == [2, 2, 2]


async def test_the_dead_are_forgotten_at_the_next_look(autojump_clock: MockClock) -> None:
    async with open_actor_system() as system:
        ref = await system.start(AsyncEcho)
        await ref.ask(1)
        await settle()
        ref.kill()
        await trio.sleep(2 * COOLING_SECONDS)
        assert len(system._warmth) == 0


async def test_a_message_told_to_a_warm_actor_just_before_its_end_is_not_handled() -> None:
    handled: list[object] = []

    class Noting(AsyncEcho):
        async def handle(self, message: object) -> object:
            handled.append(message)
            return message

    async with open_actor_system() as system:
        ref = await system.start(Noting)
        await ref.ask("first")
        await settle()
        assert has_scope(ref)
        ref.tell_nowait("too late")
        ref.exit(SHUTDOWN)
        await ref.wait_stopped()
        assert handled == ["first"]
        assert system.dead_letters == 1
