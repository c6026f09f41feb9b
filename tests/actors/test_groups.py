"""Process groups, as OTP's pg."""

from __future__ import annotations

import pytest

from actors import ActorDeadError, open_actor_system
from actors.testing import open_probe, settle
from tests.helpers.behaviours import Echo, GatedRefuser, Recorder


async def test_all_members_are_told() -> None:
    first, second = Recorder(), Recorder()
    async with open_actor_system() as system:
        system.groups.join("room", await system.start(lambda: first))
        system.groups.join("room", await system.start(lambda: second))
        assert system.groups.tell_nowait("room", "hello") == 2
        assert system.groups.tell_nowait("empty", "hello") == 0
        await settle()
    assert (first.seen, second.seen) == (["hello"], ["hello"])


async def test_members_vanish_when_they_end_and_groups_with_their_last_member() -> None:
    async with open_actor_system() as system:
        first, second = await system.start(Echo), await system.start(Echo)
        for group in ("a", "b"):
            system.groups.join(group, first)
        system.groups.join("a", second)
        first.kill()
        await first.wait_stopped()
        assert system.groups.members("a") == [second]
        assert system.groups.names() == ["a"]


async def test_who_joined_twice_is_told_once_and_leaves_twice() -> None:
    async with open_actor_system() as system:
        probe = await open_probe(system)
        system.groups.join("room", probe.ref)
        system.groups.join("room", probe.ref)
        assert system.groups.tell_nowait("room", "once") == 1
        assert system.groups.leave("room", probe.ref)
        assert system.groups.members("room") == [probe.ref]
        assert system.groups.leave("room", probe.ref)
        assert not system.groups.leave("room", probe.ref)
        assert system.groups.names() == []


async def test_a_full_member_costs_the_others_nothing() -> None:
    async with open_actor_system() as system:
        probe = await open_probe(system)
        full = await system.start(GatedRefuser)
        for member in (full, probe.ref):
            system.groups.join("room", member)
        for _ in range(GatedRefuser.mailbox_limit):
            full.tell_nowait("fill")
        assert system.groups.tell_nowait("room", "news") == 1
        assert await probe.receive(str) == "news"


async def test_the_dead_cannot_join() -> None:
    async with open_actor_system() as system:
        ref = await system.start(Echo)
        await ref.stop()
        with pytest.raises(ActorDeadError):
            system.groups.join("room", ref)
