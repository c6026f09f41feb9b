"""A dynamic supervisor with a name is found by it, and found again after it was restarted."""

import pytest

from actors import Actor, ActorDeadError, open_actor_system
from relay.named_supervisor import NamedSupervisor, start_child_nowait
from supervisors import ChildSpec, SupervisorHandle


async def test_it_is_found_by_its_name() -> None:
    async with open_actor_system() as system:
        ref = await system.start(lambda: NamedSupervisor(name="rooms"))
        assert system.whereis("rooms") is ref
        counts = await SupervisorHandle(system.via("rooms")).count_children()
        assert counts.specs == 0


class Guest(Actor):
    """Starts at once."""


async def test_its_children_are_started_by_its_name() -> None:
    async with open_actor_system() as system:
        with pytest.raises(ActorDeadError):
            start_child_nowait(system, "rooms", ChildSpec("guest", Guest))
        ref = await system.start(lambda: NamedSupervisor(name="rooms"))
        guest = start_child_nowait(system, "rooms", ChildSpec("guest", Guest))
        assert guest.parent is ref


async def test_its_name_is_free_when_it_is_gone() -> None:
    async with open_actor_system() as system:
        first = await system.start(lambda: NamedSupervisor(name="rooms"))
        first.kill()
        await first.wait_stopped()
        second = await system.start(lambda: NamedSupervisor(name="rooms"))
        assert system.whereis("rooms") is second
