"""Names: unique, shared, and used in the place of refs."""

from __future__ import annotations

import math

import pytest
import trio

from actors import (
    KILLED,
    NOPROC,
    SHUTDOWN,
    Actor,
    ActorDeadError,
    ActorRef,
    Exit,
    NameTakenError,
    Via,
    open_actor_system,
)
from actors.testing import open_probe, settle
from tests.helpers.behaviours import Crasher, Echo, Recorder


async def test_a_started_name_is_found_and_vanishes_with_its_actor() -> None:
    async with open_actor_system() as system:
        ref = await system.start(Echo, name="echo")
        assert system.whereis("echo") is ref
        await ref.stop()
        assert system.whereis("echo") is None


async def test_a_name_has_one_living_holder() -> None:
    made: list[Echo] = []

    def make() -> Echo:
        made.append(Echo())
        return made[-1]

    async with open_actor_system() as system:
        await system.start(make, name="echo")
        with pytest.raises(NameTakenError):
            await system.start(make, name="echo")
        assert len(made) == 1
        other = await system.start(Echo)
        with pytest.raises(NameTakenError):
            system.registry.register("echo", other)


async def test_registering_again_is_harmless_and_names_add_up() -> None:
    async with open_actor_system() as system:
        ref = await system.start(Echo, name="one")
        system.registry.register("one", ref)
        system.registry.register("two", ref)
        assert system.registry.names_of(ref) == ["one", "two"]
        system.registry.unregister("one")
        assert system.registry.names_of(ref) == ["two"]


async def test_unregistering_is_only_for_the_holder_that_is_meant() -> None:
    async with open_actor_system() as system:
        old = await system.start(Echo)
        new = await system.start(Echo, name="post")
        system.registry.unregister("post", old)
        assert system.whereis("post") is new
        system.registry.unregister("post", new)
        system.registry.unregister("post")
        assert system.whereis("post") is None


async def test_the_dead_cannot_be_registered() -> None:
    async with open_actor_system() as system:
        ref = await system.start(Echo)
        await ref.stop()
        with pytest.raises(ActorDeadError):
            system.registry.register("ghost", ref)
        with pytest.raises(ActorDeadError):
            system.registry.register_shared("ghosts", ref)


async def test_shared_keys_have_any_number_of_holders_with_values() -> None:
    async with open_actor_system() as system:
        first, second = await system.start(Echo), await system.start(Echo)
        system.registry.register_shared("room", first, "a")
        system.registry.register_shared("room", second, "b")
        assert system.registry.lookup("room") == {first: "a", second: "b"}
        assert system.registry.value_of("room", second) == "b"
        system.registry.unregister_shared("room", first)
        system.registry.unregister_shared("room", first)
        await second.stop()
        assert system.registry.lookup("room") == {}
        assert system.registry.value_of("room", second) is None
        assert system.registry._shared == {}


async def test_who_hears_of_a_death_finds_the_name_free() -> None:
    class Heir(Recorder):
        def handle(self, message: object) -> object:
            if isinstance(message, Exit):
                self.system.registry.register("throne", self.ref)
            return super().handle(message)

    heir = Heir(traps=True)
    async with open_actor_system() as system:
        ref = await system.start(lambda: heir)
        king = await system.start(Crasher, name="throne", link_to=ref)
        king.tell_nowait("treason")
        await settle()
        assert system.whereis("throne") is ref


async def test_a_via_follows_the_name_to_its_next_holder() -> None:
    async with open_actor_system() as system:
        via = system.via("echo")
        first = await system.start(Echo, name="echo")
        assert await via.ask(1) == 1
        await via.stop()
        assert not first.is_alive
        assert not via.is_alive
        second = await system.start(Echo, name="echo")
        assert via.resolve() is second
        assert await via.ask(2) == 2
        via.kill()
        await second.wait_stopped()


async def test_a_via_without_a_holder_behaves_as_the_dead() -> None:
    async with open_actor_system() as system:
        via = system.via("nobody")
        via.tell_nowait("x")
        await via.tell("y")
        via.exit(SHUTDOWN)
        await via.stop()
        assert system.dead_letters == 2
        with pytest.raises(ActorDeadError, match="'nobody'") as caught:
            await via.ask("z", timeout=math.inf)
        assert caught.value.reason is NOPROC


async def test_a_via_is_taken_wherever_a_ref_is() -> None:
    async with open_actor_system() as system:
        probe = await open_probe(system)
        system.registry.register("probe", probe.ref)
        child = await system.start(Crasher, name="child", link_to=system.via("probe"))
        assert child.parent is probe.ref
        probe.monitor(system.via("child"))
        child.tell_nowait("boom")
        reason = await probe.expect_down(child)
        assert await probe.receive(Exit) == Exit(child, reason)
        by_name = system.via("probe")
        system.registry.register("second name", by_name)
        system.registry.register_shared("shared", by_name)
        system.groups.join("room", by_name)
        assert system.registry.names_of(probe.ref) == ["probe", "second name"]
        assert list(system.registry.lookup("shared")) == system.groups.members("room") == [probe.ref]
        assert system.groups.leave("room", by_name)
        system.registry.unregister_shared("shared", by_name)
        system.registry.unregister("second name", by_name)
        assert system.registry.names_of(probe.ref) == ["probe"]
        probe.ref.kill()
        assert await by_name.wait_stopped() is KILLED
        assert await by_name.wait_stopped() is NOPROC
        with pytest.raises(ActorDeadError):
            system.groups.join("room", by_name)


async def test_vias_of_the_same_name_are_equal() -> None:
    async with open_actor_system() as system, open_actor_system() as other:
        assert system.via("a") == system.via("a")
        assert hash(system.via("a")) == hash(system.via("a"))
        assert system.via("a") != other.via("a")
        assert repr(Via(system.registry, "a")) == "<Via 'a'>"


async def test_an_actor_may_register_itself_in_on_start() -> None:
    class Named(Actor):
        async def on_start(self) -> None:
            self.system.registry.register("me", self.ref)

    async with open_actor_system() as system:
        ref = await system.start(Named)
        assert system.whereis("me") is ref


async def test_a_name_can_be_waited_for_across_a_restart() -> None:
    async with open_actor_system() as system, trio.open_nursery() as nursery:
        found: list[ActorRef] = []

        async def wait() -> None:
            found.append(await system.registry.wait_for("post"))

        nursery.start_soon(wait)
        nursery.start_soon(wait)
        await settle()
        assert found == []
        ref = await system.start(Echo, name="post")
        await settle()
        assert found == [ref, ref]
        assert await system.registry.wait_for("post") is ref


async def test_who_gives_up_waiting_for_a_name_leaves_nothing_behind() -> None:
    async with open_actor_system() as system:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(system.registry.wait_for, "post")
                await settle()
                scope.cancel()
        assert system.registry._awaited == {}
