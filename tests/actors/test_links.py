"""Exit signals: each row of the table in links.py, and what a link does over its life."""

from __future__ import annotations

import pytest

from actors import (
    KILL,
    KILLED,
    NOPROC,
    NORMAL,
    SHUTDOWN,
    Actor,
    ActorRef,
    Exit,
    ExitReason,
    StartError,
    open_actor_system,
    shutdown,
)
from actors.testing import open_probe, settle
from tests.helpers.behaviours import Crasher, CrashOnStart, Echo, Hanger, Recorder


class Linker(Recorder):
    """Links itself with the refs it is told."""

    def handle(self, message: object) -> object:
        if isinstance(message, ActorRef):
            self.link(message)
            return None
        return super().handle(message)


async def test_a_crash_ends_the_linked_with_the_same_reason() -> None:
    async with open_actor_system() as system:
        crasher = await system.start(Crasher)
        linked = Linker()
        ref = await system.start(lambda: linked)
        await ref.ask(crasher)
        crasher.tell_nowait("boom")
        reason = await ref.wait_stopped()
    assert reason is crasher.exit_reason
    assert linked.end is reason


async def test_links_go_both_ways_and_along_chains() -> None:
    async with open_actor_system() as system:
        first = await system.start(Linker)
        second = await system.start(Linker, link_to=first)
        third = await system.start(Linker, link_to=second)
        third.exit(SHUTDOWN)
        assert await first.wait_stopped() is SHUTDOWN
        assert second.exit_reason is SHUTDOWN


async def test_a_normal_end_leaves_the_linked_alone() -> None:
    async with open_actor_system() as system:
        first = await system.start(Echo)
        second = await system.start(Echo, link_to=first)
        await second.stop()
        assert await first.ask("alive") == "alive"


@pytest.mark.parametrize("reason", [NORMAL, SHUTDOWN, shutdown("why")])
async def test_who_traps_exits_is_told_instead(reason: ExitReason) -> None:
    async with open_actor_system() as system:
        probe = await open_probe(system)
        child = await system.start(Echo, link_to=probe.ref)
        await child.stop(reason)
        assert await probe.receive(Exit) == Exit(child, reason)
        assert probe.ref.is_alive


async def test_a_kill_cannot_be_trapped_and_reaches_the_linked_as_killed() -> None:
    async with open_actor_system() as system:
        probe = await open_probe(system)
        victim = Recorder(traps=True)
        ref = await system.start(lambda: victim, link_to=probe.ref)
        ref.kill()
        assert await probe.receive(Exit) == Exit(ref, KILLED)
        assert victim.end is None


async def test_exit_with_kill_is_a_kill() -> None:
    async with open_actor_system() as system:
        ref = await system.start(lambda: Recorder(traps=True))
        ref.exit(KILL)
        assert await ref.wait_stopped() is KILLED


async def test_stopping_with_kill_as_the_reason_kills_nobody_else() -> None:
    async with open_actor_system() as system:
        probe = await open_probe(system)
        ref = await system.start(Echo, link_to=probe.ref)
        await ref.stop(KILL)
        assert await probe.receive(Exit) == Exit(ref, KILLED)


async def test_the_kill_of_a_parent_ends_a_child_that_traps_exits_whatever_it_is_doing() -> None:
    class TrappingHanger(Hanger):
        async def on_start(self) -> None:
            self.trap_exit = True

    async with open_actor_system() as system:
        parent = await system.start(Echo)
        child = TrappingHanger()
        ref = await system.start(lambda: child, link_to=parent)
        ref.tell_nowait("hang")
        await child.entered.wait()
        parent.kill()
        assert await ref.wait_stopped() is KILLED
        assert child.end is None


async def test_who_traps_exits_still_ends_with_its_parent_and_in_order() -> None:
    async with open_actor_system() as system:
        parent = await system.start(Echo)
        child = Recorder(traps=True)
        ref = await system.start(lambda: child, link_to=parent)
        parent.exit(SHUTDOWN)
        assert await ref.wait_stopped() is SHUTDOWN
        assert child.end is SHUTDOWN


async def test_an_exit_signal_from_a_stranger_is_trapped_too() -> None:
    async with open_actor_system() as system:
        probe = await open_probe(system)
        probe.ref.exit(SHUTDOWN)
        assert (await probe.receive(Exit)).reason is SHUTDOWN


async def test_a_normal_exit_signal_does_nothing_to_who_does_not_trap() -> None:
    async with open_actor_system() as system:
        ref = await system.start(Echo)
        ref.exit(NORMAL)
        assert await ref.ask(1) == 1


async def test_a_normal_exit_signal_to_itself_ends_an_actor() -> None:
    class Leaver(Actor):
        def handle(self, message: object) -> object:
            self.ref.exit(NORMAL)
            return message

    async with open_actor_system() as system:
        ref = await system.start(Leaver)
        assert await ref.ask(1) == 1
        assert await ref.wait_stopped() is NORMAL


async def test_linking_with_the_dead_is_answered_with_noproc() -> None:
    async with open_actor_system() as system:
        probe = await open_probe(system)
        gone = await system.start(Echo)
        await gone.stop()
        probe.link(gone)
        assert await probe.receive(Exit) == Exit(gone, NOPROC)


async def test_linking_with_an_unknown_name_is_answered_with_noproc() -> None:
    async with open_actor_system() as system:
        probe = await open_probe(system)
        probe.link(system.via("nobody"))
        assert (await probe.receive(Exit)).reason is NOPROC


async def test_linking_twice_is_linking_once_and_unlinking_ends_it() -> None:
    class Loose(Actor):
        def handle(self, message: object) -> object:
            match message:
                case ("link", ActorRef() as ref):
                    self.link(ref)
                case ("unlink", ActorRef() as ref):
                    self.unlink(ref)
                case _:
                    self.unexpected(message)
            return None

    async with open_actor_system() as system:
        loose = await system.start(Loose)
        crasher = await system.start(Crasher)
        await loose.ask(("link", crasher))
        await loose.ask(("link", crasher))
        await loose.ask(("unlink", crasher))
        crasher.tell_nowait("boom")
        await crasher.wait_stopped()
        await loose.ask(("unlink", crasher))
        assert loose.is_alive


async def test_exits_overtake_ordinary_messages() -> None:
    recorder = Recorder(traps=True)
    async with open_actor_system() as system:
        ref = await system.start(lambda: recorder)
        child = await system.start(Echo, link_to=ref)
        for number in range(5):
            ref.tell_nowait(number)
        ref.exit(SHUTDOWN, child)
        await settle()
    assert recorder.seen[0] == Exit(child, SHUTDOWN)
    assert recorder.seen[1:6] == [0, 1, 2, 3, 4]


async def test_a_failed_start_is_told_to_the_starter_and_not_by_the_link_too() -> None:
    async with open_actor_system() as system:
        probe = await open_probe(system)
        with pytest.raises(StartError):
            await system.start(CrashOnStart, link_to=probe.ref)
        await settle()
        assert not probe.received


async def test_starting_with_a_link_to_the_dead_fails() -> None:
    async with open_actor_system() as system:
        gone = await system.start(Echo)
        await gone.stop()
        with pytest.raises(StartError, match="noproc"):
            await system.start(Echo, link_to=gone)
        assert len(system) == 0
