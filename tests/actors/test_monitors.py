"""Monitors: one Down for each, whatever the end."""

from __future__ import annotations

import pytest

from actors import (
    KILLED,
    NOPROC,
    NORMAL,
    SHUTDOWN,
    Actor,
    ActorRef,
    Down,
    ExitReason,
    MonitorRef,
    open_actor_system,
    shutdown,
)
from actors.testing import open_probe, settle
from tests.helpers.behaviours import Crasher, Echo, Recorder


@pytest.mark.parametrize("reason", [NORMAL, SHUTDOWN, shutdown("why")])
async def test_the_watcher_is_told_the_reason_and_lives(reason: ExitReason) -> None:
    async with open_actor_system() as system:
        probe = await open_probe(system)
        ref = await system.start(Echo)
        probe.monitor(ref)
        await ref.stop(reason)
        assert await probe.expect_down(ref) is reason


async def test_a_kill_and_a_crash_are_told_too() -> None:
    async with open_actor_system() as system:
        probe = await open_probe(system)
        killed, crashed = await system.start(Echo), await system.start(Crasher)
        probe.monitor(killed)
        killed.kill()
        assert await probe.expect_down(killed) is KILLED
        probe.monitor(crashed)
        crashed.tell_nowait(KeyError())
        assert isinstance((await probe.expect_down(crashed)).error, KeyError)


async def test_watching_the_dead_or_nobody_is_answered_with_noproc() -> None:
    async with open_actor_system() as system:
        probe = await open_probe(system)
        ref = await system.start(Echo)
        await ref.stop()
        probe.monitor(ref)
        assert await probe.expect_down(ref) is NOPROC
        probe.monitor(system.via("nobody"))
        assert await probe.expect_down(system.nobody) is NOPROC


async def test_each_monitor_gives_its_own_down() -> None:
    async with open_actor_system() as system:
        probe = await open_probe(system)
        ref = await system.start(Echo)
        probe.monitor(ref)
        probe.monitor(ref)
        await ref.stop()
        first, second = await probe.receive(Down), await probe.receive(Down)
        assert first.monitor is not second.monitor


class Watcher(Actor):
    """Watches a ref it is told, and stops watching by the MonitorRef it answered with."""

    def __init__(self) -> None:
        self.downs: list[Down] = []

    def handle(self, message: object) -> object:
        match message:
            case ActorRef():
                return self.monitor(message)
            case MonitorRef():
                self.demonitor(message)
            case Down():
                self.downs.append(message)
            case _:
                self.unexpected(message)
        return None


async def test_no_down_comes_after_demonitor() -> None:
    watcher = Watcher()
    async with open_actor_system() as system:
        ref = await system.start(lambda: watcher)
        target = await system.start(Echo)
        watch = await ref.ask(target)
        await ref.ask(watch)
        await target.stop()
        await settle()
    assert watcher.downs == []


async def test_demonitor_takes_back_a_down_that_is_queued() -> None:
    class Flusher(Watcher):
        def handle(self, message: object) -> object:
            if isinstance(message, ActorRef):
                watch = self.monitor(message)  # dead already: its Down is queued by now
                self.demonitor(watch)
                return None
            return super().handle(message)

    flusher = Flusher()
    async with open_actor_system() as system:
        target = await system.start(Echo)
        await target.stop()
        ref = await system.start(lambda: flusher)
        await ref.ask(target)
        await settle()
    assert flusher.downs == []


async def test_a_dead_watcher_is_forgotten_by_what_it_watched() -> None:
    async with open_actor_system() as system:
        target = await system.start(Echo)
        watcher = await system.start(Watcher)
        await watcher.ask(target)
        await watcher.stop()
        assert target._own_bonds().watched_by is None


async def test_downs_overtake_ordinary_messages() -> None:
    recorder = Recorder()
    async with open_actor_system() as system:
        ref = await system.start(lambda: recorder)
        target = await system.start(Echo)
        await target.stop()
        for number in range(3):
            ref.tell_nowait(number)
        recorder.monitor(target)
        await settle()
    assert isinstance(recorder.seen[0], Down)
    assert recorder.seen[1:] == [0, 1, 2]
