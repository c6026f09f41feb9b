"""The test kit is tested, too."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from actors import NORMAL, Exit, open_actor_system
from actors.testing import ManualClock, open_probe, settle
from tests.helpers.behaviours import Echo, Recorder


async def test_a_probe_gives_messages_by_type_and_leaves_the_others() -> None:
    async with open_actor_system() as system:
        probe = await open_probe(system)
        for message in (1, "a", 2):
            probe.ref.tell_nowait(message)
        assert await probe.receive(str) == "a"
        assert await probe.receive(int) == 1
        assert list(probe.received) == [2]


async def test_a_probe_waits_for_what_has_not_come_yet() -> None:
    async with open_actor_system() as system:
        probe = await open_probe(system)
        async with trio.open_nursery() as nursery:

            async def expect() -> None:
                assert await probe.receive(str) == "at last"

            nursery.start_soon(expect)
            await settle()
            probe.ref.tell_nowait(0)
            await settle()
            probe.ref.tell_nowait("at last")


async def test_a_probe_does_not_wait_for_good(autojump_clock: MockClock) -> None:
    async with open_actor_system() as system:
        probe = await open_probe(system)
        with pytest.raises(trio.TooSlowError):
            await probe.receive(str)


async def test_a_probe_answers_as_it_is_told_and_survives_what_it_is_linked_with() -> None:
    async with open_actor_system() as system:
        probe = await open_probe(system)
        probe.answer = 42
        assert await probe.ref.ask("?") == 42
        ref = await system.start(Echo)
        probe.link(ref)
        await ref.stop()
        assert await probe.receive(Exit) == Exit(ref, NORMAL)


async def test_settle_waits_until_everything_is_handled() -> None:
    recorder = Recorder()
    async with open_actor_system() as system:
        ref = await system.start(lambda: recorder)
        for number in range(1000):
            ref.tell_nowait(number)
        await settle()
        assert len(recorder.seen) == 1000


def test_a_manual_clock_stands_still_until_it_is_moved() -> None:
    clock = ManualClock(5.0)
    assert clock() == clock() == 5.0
    clock.advance(1.5)
    assert clock() == 6.5
