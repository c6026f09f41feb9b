"""A look at the living, as data."""

from __future__ import annotations

import pytest

from actors import actor_info, all_actors, busiest, children, open_actor_system, system_info
from actors.testing import ManualClock, open_probe, settle
from tests.helpers.behaviours import Crasher, Echo, Gated, Recorder


async def test_an_actor_is_described_by_name_class_parent_and_mailbox() -> None:
    clock = ManualClock()
    async with open_actor_system(stall_clock=clock) as system:
        probe = await open_probe(system)
        recorder = Recorder()
        ref = await system.start(lambda: recorder, name="recorder", link_to=probe.ref)
        probe.monitor(ref)
        recorder.send_after(100, "later")
        for number in range(10):
            ref.tell_nowait(number)
        await settle()
        info = actor_info(ref)
        assert info is not None
        assert (info.id, info.name, info.kind, info.parent) == (ref.id, "recorder", "Recorder", probe.ref.id)
        assert (info.mailbox.handled, info.mailbox.peak, info.mailbox.length) == (10, 10, 0)
        assert (info.links, info.monitors, info.timers) == (1, 1, 1)
        assert info.rates.over_1_s == pytest.approx(10)
        clock.advance(3)
        faded = actor_info(ref)
        assert faded is not None
        assert faded.rates.over_1_s == pytest.approx(0.5, abs=0.1)


async def test_the_dead_are_not_described() -> None:
    async with open_actor_system() as system:
        ref = await system.start(Echo)
        await ref.stop()
        assert actor_info(ref) is None
        assert all_actors(system) == []


async def test_the_longest_mailboxes_come_first() -> None:
    async with open_actor_system() as system:
        refs = [await system.start(Gated) for _ in range(3)]
        await settle()
        refs[1].tell_nowait("in its hands")
        refs[2].tell_nowait("in its hands")
        await settle()
        refs[1].tell_nowait("queued")
        refs[2].tell_nowait("queued")
        refs[2].tell_nowait("queued")
        assert [info.id for info in busiest(system, 2)] == [refs[2].id, refs[1].id]


async def test_the_tree_is_parents_and_children_in_start_order() -> None:
    async with open_actor_system() as system:
        root = await system.start(Echo)
        first, second = [await system.start(Echo, link_to=root) for _ in range(2)]
        leaf = await system.start(Echo, link_to=second)
        assert children(system) == {None: [root], root: [first, second], second: [leaf]}


async def test_the_system_counts_its_living_its_dead_letters_and_its_crashes() -> None:
    async with open_actor_system() as system:
        ref = await system.start(Crasher)
        recorder = Recorder()
        await system.start(lambda: recorder)
        recorder.send_after(1000, "later")
        ref.tell_nowait("boom")
        ref.tell_nowait("lost")
        await ref.wait_stopped()
        info = system_info(system)
        assert (info.alive, info.started, info.crashes) == (1, 2, 1)
        assert (info.dead_letters, info.stalls, info.timers) == (1, 0, 1)
