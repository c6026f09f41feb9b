"""DynamicSupervisor: the cases of Elixir's suite, as claims."""

from __future__ import annotations

import time

import pytest
import trio
from trio.testing import MockClock

from actors import KILLED, NORMAL, Actor, ActorDeadError, ActorRef, ActorSystem
from supervisors import (
    Backoff,
    ChildCounts,
    ChildNotFoundError,
    ChildSpec,
    ChildSpecError,
    ChildStartError,
    ChildState,
    DynamicSupervisor,
    MaxChildrenError,
    Restart,
    SupervisorHandle,
)
from tests.supervisors.cast import (
    FOREVER,
    NOW,
    Crash,
    NeverStopper,
    SlowStopper,
    Stage,
    crash,
    end,
    settle,
)

WAIT_A_SECOND = Backoff(lambda size: bytes(size), initial=1.0)


async def dynamic(
    system: ActorSystem, max_children: int | None = None, intensity: int = 3
) -> SupervisorHandle:
    return SupervisorHandle(await system.start(lambda: DynamicSupervisor(max_children, intensity)))


async def start(sup: SupervisorHandle, spec: ChildSpec) -> ActorRef:
    ref = await sup.start_child(spec)
    assert ref is not None
    return ref


async def test_it_starts_without_children(autojump_clock: MockClock, system: ActorSystem) -> None:
    assert await (await dynamic(system)).count_children() == ChildCounts(0, 0, 0, 0)


async def test_children_of_the_same_id_live_side_by_side(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await dynamic(system)
    one, two = await start(sup, stage.spec("a")), await start(sup, stage.spec("a"))
    assert one is not two
    assert [child.ref for child in await sup.which_children()] == [one, two]


async def test_one_spec_starts_many_children_and_each_comes_back_with_its_own_arguments(
    autojump_clock: MockClock, system: ActorSystem
) -> None:
    made: list[str] = []

    class Named(Actor):
        def __init__(self, name: str) -> None:
            made.append(name)

        def handle(self, message: object) -> object:
            raise RuntimeError(message)

    spec = ChildSpec("any", Named)
    sup = await dynamic(system)
    for name in ("a", "b"):
        ref = await sup.start_child(spec, name)
    assert ref is not None
    await ref.tell("crash")
    await settle()
    assert made == ["a", "b", "b"]


class PlainStarter(Actor):
    def on_start(self) -> None:
        pass


class FaultyStarter(Actor):
    def on_start(self) -> None:
        raise RuntimeError("no parts")


async def at_once(system: ActorSystem, max_children: int | None = None) -> DynamicSupervisor:
    """A dynamic supervisor to be called directly."""
    supervisor = DynamicSupervisor(max_children)
    await system.start(lambda: supervisor)
    return supervisor


async def test_a_child_that_is_started_without_a_word_is_a_child_like_any_other(
    autojump_clock: MockClock, system: ActorSystem
) -> None:
    supervisor = await at_once(system)
    spec = ChildSpec("any", PlainStarter)
    ref = supervisor.start_child_nowait(spec)
    assert ref.is_alive
    assert ref.parent is supervisor.ref
    ref.kill()
    await settle()
    (child,) = await SupervisorHandle(supervisor.ref).which_children()
    assert (child.restarts, child.state) == (1, ChildState.RUNNING)


async def test_a_child_that_does_not_start_without_a_word_is_not_added(
    autojump_clock: MockClock, system: ActorSystem
) -> None:
    supervisor = await at_once(system, max_children=1)
    with pytest.raises(ChildStartError):
        supervisor.start_child_nowait(ChildSpec("faulty", FaultyStarter))
    with pytest.raises(TypeError):
        supervisor.start_child_nowait(ChildSpec("waits", NeverStarter))
    supervisor.start_child_nowait(ChildSpec("any", PlainStarter))
    with pytest.raises(MaxChildrenError):
        supervisor.start_child_nowait(ChildSpec("any", PlainStarter))
    assert supervisor.count_children() == ChildCounts(1, 1, 0, 1)


async def test_a_supervisor_that_is_stopping_starts_nobody(
    autojump_clock: MockClock, system: ActorSystem
) -> None:
    supervisor = await at_once(system)
    await supervisor.ref.stop()
    with pytest.raises((ActorDeadError, ChildStartError)):
        supervisor.start_child_nowait(ChildSpec("any", PlainStarter))
    assert len(system) == 0


class NeverStarter(Actor):
    async def on_start(self) -> None:
        await trio.sleep_forever()


async def test_a_crashed_child_comes_back_and_its_siblings_do_not_notice(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await dynamic(system)
    for id_ in "abc":
        await sup.start_child(stage.spec(id_))
    await crash(stage, "b")
    assert stage.diary == ["+a", "+b", "+c", "+b"]
    assert await sup.count_children() == ChildCounts(specs=3, active=3, supervisors=0, workers=3)


@pytest.mark.parametrize("restart", [Restart.TRANSIENT, Restart.TEMPORARY])
async def test_a_child_that_ends_well_and_for_good_is_forgotten(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage, restart: Restart
) -> None:
    sup = await dynamic(system)
    await sup.start_child(stage.spec("a", restart))
    await end(stage, "a")
    assert await sup.which_children() == []


async def test_a_temporary_child_that_crashes_is_forgotten(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await dynamic(system)
    await sup.start_child(stage.spec("a", Restart.TEMPORARY))
    await crash(stage, "a")
    assert await sup.which_children() == []


async def test_a_permanent_child_that_ends_well_is_restarted(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await dynamic(system)
    await sup.start_child(stage.spec("a"))
    await end(stage, "a", NORMAL)
    assert [child.restarts for child in await sup.which_children()] == [1]


async def test_restarts_of_all_children_count_together(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await dynamic(system, intensity=2)
    for id_ in "abc":
        await sup.start_child(stage.spec(id_))
    await crash(stage, "a", "b")
    assert system.resolve(sup.ref).is_alive
    await crash(stage, "c")
    assert len(system) == 0


async def test_no_more_children_than_allowed(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await dynamic(system, max_children=1)
    ref = await start(sup, stage.spec("a"))
    with pytest.raises(MaxChildrenError, match="has its 1 children"):
        await sup.start_child(stage.spec("b"))
    await sup.terminate_child(ref)
    await sup.start_child(stage.spec("b"))


async def test_a_child_that_awaits_its_restart_counts_toward_the_limit(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await dynamic(system, max_children=1)
    await sup.start_child(stage.spec("a", backoff=WAIT_A_SECOND))
    await crash(stage, "a")
    with pytest.raises(MaxChildrenError):
        await sup.start_child(stage.spec("b"))
    assert [child.state for child in await sup.which_children()] == [ChildState.RESTARTING]


async def test_a_child_that_did_not_start_or_had_nothing_to_do_does_not_count(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await dynamic(system, max_children=1)
    stage.failures["a"] = 1
    with pytest.raises(ChildStartError):
        await sup.start_child(stage.spec("a"))
    stage.ignored["a"] = True
    assert await sup.start_child(stage.spec("a")) is None
    assert await sup.start_child(stage.spec("b")) is stage.refs["b"]


async def test_a_child_is_terminated_by_its_ref(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await dynamic(system)
    ref = await start(sup, stage.spec("a"))
    await sup.terminate_child(ref)
    assert stage.diary == ["+a", "-a"]
    assert await sup.which_children() == []
    for unknown in (ref, "a"):
        with pytest.raises(ChildNotFoundError):
            await sup.terminate_child(unknown)


async def test_a_child_that_awaits_its_restart_can_be_terminated_by_its_last_ref(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await dynamic(system)
    ref = await start(sup, stage.spec("a", backoff=WAIT_A_SECOND))
    await crash(stage, "a")
    await sup.terminate_child(ref)
    await trio.sleep(5)
    assert stage.diary == ["+a"]


async def test_a_restart_that_fails_is_tried_again(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await dynamic(system, intensity=5)
    await sup.start_child(stage.spec("a"))
    stage.failures["a"] = 2
    await crash(stage, "a")
    assert stage.diary == ["+a", "!a", "!a", "+a"]
    assert [child.restarts for child in await sup.which_children()] == [3]


async def test_a_child_that_has_nothing_to_do_any_more_when_restarted_is_forgotten(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await dynamic(system)
    await sup.start_child(stage.spec("a"))
    stage.ignored["a"] = True
    await crash(stage, "a")
    assert await sup.which_children() == []


async def test_a_hanging_restart_loop_can_be_stopped(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await dynamic(system, intensity=1_000_000)
    ref = await start(sup, stage.spec("a"))
    stage.failures["a"] = 1_000_000
    await ref.tell(Crash())
    while stage.failures["a"] > 999_990:
        await trio.lowlevel.checkpoint()
    await sup.terminate_child(ref)
    tried = stage.failures["a"]
    await settle()
    assert stage.failures["a"] == tried


async def test_all_children_stop_at_once_and_not_one_after_the_other(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await dynamic(system)
    for id_ in "abc":
        await sup.start_child(stage.spec(id_, kind=SlowStopper))
    began = trio.current_time()
    await sup.ref.stop()
    assert trio.current_time() - began == pytest.approx(3)
    assert sorted(stage.diary[3:]) == ["-a", "-b", "-c"]


async def test_each_child_gets_its_own_shutdown_time(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    sup = await dynamic(system)
    patient = await start(sup, stage.spec("patient", kind=SlowStopper, shutdown=FOREVER))
    hurried = await start(sup, stage.spec("hurried", kind=NeverStopper, shutdown=1.0))
    brutal = await start(sup, stage.spec("brutal", shutdown=NOW))
    began = trio.current_time()
    await sup.ref.stop()
    assert trio.current_time() - began == pytest.approx(3)
    assert [str(ref.exit_reason) for ref in (patient, hurried, brutal)] == ["shutdown", "killed", "killed"]
    assert [vars(record)["child"] for record in caplog.records] == ["hurried"]


async def test_a_child_killed_by_others_while_it_is_being_stopped_does_not_hold_up_the_rest(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await dynamic(system)
    ref = await start(sup, stage.spec("a", kind=NeverStopper, shutdown=FOREVER))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sup.ref.stop)
        await settle()
        ref.kill()
    assert ref.exit_reason == KILLED


async def test_a_child_cannot_be_significant_here(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await dynamic(system)
    with pytest.raises(ChildSpecError, match="auto_shutdown is never"):
        await sup.start_child(stage.spec("a", Restart.TRANSIENT, significant=True))


@pytest.mark.parametrize("value", [-1, 1.5, "many", True])
def test_a_bad_limit_is_named(value: int) -> None:
    with pytest.raises(ChildSpecError, match=f"^max_children must be .* got {value!r}$"):
        DynamicSupervisor(max_children=value)


async def test_requests_of_the_other_kind_are_not_understood(
    autojump_clock: MockClock, system: ActorSystem, caplog: pytest.LogCaptureFixture
) -> None:
    sup = await dynamic(system)
    await sup.ref.tell("what is this?")
    await settle()
    assert [record.message for record in caplog.records] == ["unexpected_message"]
    assert system.resolve(sup.ref).is_alive


class Bystander(Actor):
    __slots__ = ()

    def handle(self, message: object) -> None:
        if isinstance(message, Crash):
            raise RuntimeError


@pytest.mark.slow
async def test_many_temporary_children_come_and_go(autojump_clock: MockClock, system: ActorSystem) -> None:
    sup = await dynamic(system)
    spec = ChildSpec("visitor", Bystander, Restart.TEMPORARY)
    refs = [await start(sup, spec) for _ in range(3_000)]
    for ref in refs:
        ref.exit(KILLED)
    await settle()
    assert await sup.count_children() == ChildCounts(0, 0, 0, 0)


@pytest.mark.slow
async def test_a_restart_costs_the_same_beside_ten_siblings_as_beside_five_thousand(
    autojump_clock: MockClock, system: ActorSystem
) -> None:
    sup = await dynamic(system, intensity=1_000_000)
    few = await cpu_of_restarts(sup, siblings=10)
    many = await cpu_of_restarts(sup, siblings=5_000)
    # A scan of the siblings would make it five hundred times as much.
    assert many < 20 * few


async def cpu_of_restarts(sup: SupervisorHandle, siblings: int) -> float:
    spec = ChildSpec("sibling", Bystander)
    refs = [await start(sup, spec) for _ in range(siblings)]
    began = time.process_time()
    for ref in refs[:10]:
        await ref.tell(Crash())
    await settle()
    return time.process_time() - began
