"""Supervisor: strategies, restarts that fail, back-off, and significant children."""

from __future__ import annotations

import logging

import pytest
import trio
from trio.testing import MockClock

from actors import (
    SHUTDOWN,
    ActorSystem,
    ExitKind,
    shutdown,
)
from supervisors import (
    AutoShutdown,
    Backoff,
    ChildCounts,
    ChildSpecError,
    ChildState,
    Restart,
    Strategy,
    Supervisor,
    SupervisorHandle,
)
from tests.supervisors.cast import (
    Crash,
    Stage,
    crash,
    end,
    settle,
    supervise,
)

# ---- Strategies --------------------------------------------------------------------------------------


async def three(
    system: ActorSystem, stage: Stage, strategy: Strategy, **settings: object
) -> SupervisorHandle:
    specs = [stage.spec(id_) for id_ in "abc"]
    sup = await supervise(system, *specs, strategy=strategy, **settings)
    stage.take_diary()
    return sup


@pytest.mark.parametrize(
    ("strategy", "failed", "diary"),
    [
        (Strategy.ONE_FOR_ONE, "b", ["+b"]),
        (Strategy.ONE_FOR_ALL, "b", ["-c", "-a", "+a", "+b", "+c"]),
        (Strategy.REST_FOR_ONE, "a", ["-c", "-b", "+a", "+b", "+c"]),
        (Strategy.REST_FOR_ONE, "b", ["-c", "+b", "+c"]),
        (Strategy.REST_FOR_ONE, "c", ["+c"]),
    ],
)
async def test_who_is_stopped_and_started_when_a_child_crashes(
    autojump_clock: MockClock,
    system: ActorSystem,
    stage: Stage,
    strategy: Strategy,
    failed: str,
    diary: list[str],
) -> None:
    sup = await three(system, stage, strategy)
    await crash(stage, failed)
    assert stage.take_diary() == diary
    assert await sup.count_children() == ChildCounts(specs=3, active=3, supervisors=0, workers=3)


@pytest.mark.parametrize("strategy", Strategy)
async def test_one_restart_more_than_granted_ends_the_supervisor_and_all_children(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage, strategy: Strategy
) -> None:
    sup = await three(system, stage, strategy, intensity=2, period=10)
    await crash(stage, "b", "b")
    assert system.resolve(sup.ref).exit_reason is None
    await crash(stage, "b")
    reason = system.resolve(sup.ref).exit_reason
    assert reason is not None
    assert reason.kind is ExitKind.SHUTDOWN
    assert len(system) == 0
    assert stage.diary[-2:] == ["-c", "-a"]


@pytest.mark.parametrize("strategy", Strategy)
async def test_restarts_that_are_far_apart_go_on_for_good(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage, strategy: Strategy
) -> None:
    sup = await three(system, stage, strategy, intensity=1, period=10)
    for _ in range(5):
        await crash(stage, "b")
        await trio.sleep(10.1)
    assert sup.ref.is_alive


@pytest.mark.parametrize("strategy", Strategy)
async def test_a_restart_that_fails_is_tried_again_until_it_succeeds(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage, strategy: Strategy
) -> None:
    sup = await three(system, stage, strategy, intensity=5)
    stage.failures["b"] = 2
    await crash(stage, "b")
    counts = await sup.count_children()
    assert counts.active == 3
    assert stage.diary.count("!b") == 2
    assert stage.diary[-1] == ("+b" if strategy is Strategy.ONE_FOR_ONE else "+c")


@pytest.mark.parametrize("strategy", Strategy)
async def test_a_restart_that_keeps_failing_counts_and_ends_the_supervisor(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage, strategy: Strategy
) -> None:
    sup = await three(system, stage, strategy, intensity=4)
    stage.failures["b"] = 1_000
    await crash(stage, "b")
    assert not sup.ref.is_alive
    assert stage.diary.count("!b") == 4
    assert len(system) == 0


async def test_another_child_that_fails_to_restart_is_tried_again_under_one_for_all(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await three(system, stage, Strategy.ONE_FOR_ALL, intensity=5)
    stage.failures["c"] = 1
    await crash(stage, "a")
    assert stage.diary == ["-c", "-b", "+a", "+b", "!c", "-b", "-a", "+a", "+b", "+c"]
    assert (await sup.count_children()).active == 3


async def test_another_child_that_fails_to_restart_keeps_the_earlier_ones_under_rest_for_one(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    await three(system, stage, Strategy.REST_FOR_ONE, intensity=5)
    stage.failures["b"] = 1
    await crash(stage, "a")
    assert stage.diary == ["-c", "-b", "+a", "!b", "+b", "+c"]


async def test_a_temporary_bystander_is_stopped_with_the_others_and_not_started_again(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(
        system, stage.spec("a"), stage.spec("b", Restart.TEMPORARY), strategy=Strategy.ONE_FOR_ALL
    )
    await crash(stage, "a")
    assert stage.diary == ["+a", "+b", "-b", "+a"]
    assert [child.id for child in await sup.which_children()] == ["a"]


async def test_the_crash_of_a_temporary_child_leaves_the_others_alone_under_one_for_all(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    await supervise(
        system, stage.spec("a"), stage.spec("b", Restart.TEMPORARY), strategy=Strategy.ONE_FOR_ALL
    )
    await crash(stage, "b")
    assert stage.diary == ["+a", "+b"]


@pytest.mark.parametrize("strategy", Strategy)
async def test_children_that_crash_together_all_come_back(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage, strategy: Strategy
) -> None:
    sup = await three(system, stage, strategy, intensity=10)
    for id_ in "abc":
        stage.refs[id_].tell_nowait(Crash())
    await settle()
    assert (await sup.count_children()).active == 3
    assert all(ref.is_alive for ref in stage.refs.values())
    assert len(system) == 4


async def test_a_hanging_restart_loop_can_be_stopped(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await three(system, stage, Strategy.ONE_FOR_ONE, intensity=1_000_000)
    stage.failures["b"] = 1_000_000
    await stage.refs["b"].tell(Crash())
    while stage.failures["b"] > 999_990:
        await trio.lowlevel.checkpoint()
    await sup.terminate_child("b")
    assert [child.state for child in await sup.which_children()] == [
        ChildState.RUNNING,
        ChildState.STOPPED,
        ChildState.RUNNING,
    ]
    tried = stage.failures["b"]
    await settle()
    assert stage.failures["b"] == tried


async def test_a_supervisor_in_a_hanging_restart_loop_can_be_stopped(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await three(system, stage, Strategy.ONE_FOR_ALL, intensity=1_000_000)
    stage.failures["b"] = 1_000_000
    await stage.refs["b"].tell(Crash())
    while stage.failures["b"] > 999_990:
        await trio.lowlevel.checkpoint()
    await sup.ref.stop(SHUTDOWN)
    assert len(system) == 0


async def test_a_child_that_is_awaiting_its_restart_is_listed_so(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    wait = Backoff(lambda size: bytes(size), initial=1.0)
    sup = await supervise(system, stage.spec("a", backoff=wait))
    await crash(stage, "a")
    [child] = await sup.which_children()
    assert (child.state, child.ref) == (ChildState.RESTARTING, None)


# ---- Back-off ----------------------------------------------------------------------------------------


async def test_with_back_off_the_waits_grow_until_the_child_has_lived_well(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    wait = Backoff(lambda size: bytes(size), initial=1.0, factor=2.0, maximum=20.0)
    await supervise(system, stage.spec("a", backoff=wait), intensity=100)
    waits = []
    for healthy_life in (0, 0, 0, 25.0):
        await trio.sleep(healthy_life)
        began = trio.current_time()
        stage.started = trio.Event()
        await crash(stage, "a")
        await stage.started.wait()
        waits.append(trio.current_time() - began)
    assert waits == pytest.approx([1, 2, 4, 1], abs=0.2)


async def test_back_off_delays_the_whole_group_and_counts_once(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    wait = Backoff(lambda size: bytes(size), initial=1.0)
    specs = [stage.spec("a"), stage.spec("b", backoff=wait), stage.spec("c")]
    sup = await supervise(system, *specs, strategy=Strategy.REST_FOR_ONE, intensity=1)
    stage.take_diary()
    await crash(stage, "b")
    assert stage.take_diary() == ["-c"]
    await trio.sleep(1.5)
    assert stage.take_diary() == ["+b", "+c"]
    assert sup.ref.is_alive


async def test_a_failed_start_waits_for_its_back_off_too(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    wait = Backoff(lambda size: bytes(size), initial=1.0)
    await supervise(system, stage.spec("a", backoff=wait))
    stage.failures["a"] = 1
    stage.take_diary()
    await crash(stage, "a")
    await trio.sleep(1.5)
    assert stage.take_diary() == ["!a"]
    await trio.sleep(2)
    assert stage.take_diary() == ["+a"]


async def test_a_child_terminated_during_its_back_off_stays_away(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    wait = Backoff(lambda size: bytes(size), initial=1.0)
    sup = await supervise(system, stage.spec("a", backoff=wait))
    stage.take_diary()
    await crash(stage, "a")
    await sup.terminate_child("a")
    await trio.sleep(5)
    assert stage.diary == []


async def test_siblings_that_wait_for_a_child_terminated_during_its_back_off_are_started_without_it(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    wait = Backoff(lambda size: bytes(size), initial=1.0)
    specs = [stage.spec("a"), stage.spec("b", backoff=wait), stage.spec("c")]
    sup = await supervise(system, *specs, strategy=Strategy.ONE_FOR_ALL)
    await crash(stage, "b")
    stage.take_diary()
    await sup.terminate_child("b")
    assert stage.take_diary() == ["+a", "+c"]
    await trio.sleep(5)
    assert stage.diary == []


async def test_a_child_restarted_by_hand_after_a_back_off_was_cancelled_is_started_once(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    wait = Backoff(lambda size: bytes(size), initial=1.0)
    sup = await supervise(system, stage.spec("a", backoff=wait))
    await crash(stage, "a")
    await sup.terminate_child("a")
    await sup.restart_child("a")
    stage.take_diary()
    await trio.sleep(5)
    assert stage.diary == []


# ---- Significant children ----------------------------------------------------------------------------


async def test_the_end_of_any_significant_child_ends_the_supervisor(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "roost.supervisors")
    sup = await supervise(
        system,
        stage.spec("a"),
        stage.spec("b", Restart.TRANSIENT, significant=True),
        stage.spec("c", Restart.TRANSIENT, significant=True),
        auto_shutdown=AutoShutdown.ANY_SIGNIFICANT,
    )
    await end(stage, "b")
    assert system.resolve(sup.ref).exit_reason == shutdown("a significant child ended")
    assert stage.diary[-2:] == ["-c", "-a"]
    assert caplog.records[-1].message == "supervisor_ended"


async def test_the_end_of_all_significant_children_ends_the_supervisor(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(
        system,
        stage.spec("a"),
        stage.spec("b", Restart.TRANSIENT, significant=True),
        stage.spec("c", Restart.TEMPORARY, significant=True),
        auto_shutdown=AutoShutdown.ALL_SIGNIFICANT,
    )
    await end(stage, "b")
    assert sup.ref.is_alive
    await crash(stage, "c")  # temporary: a crash is an end as well
    assert not sup.ref.is_alive


async def test_a_significant_child_that_crashes_is_restarted_and_ends_nothing(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(
        system,
        stage.spec("a", Restart.TRANSIENT, significant=True),
        auto_shutdown=AutoShutdown.ANY_SIGNIFICANT,
    )
    await crash(stage, "a")
    assert sup.ref.is_alive
    assert stage.refs["a"].is_alive


async def test_a_significant_child_that_is_terminated_on_request_ends_nothing(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(
        system,
        stage.spec("a", Restart.TRANSIENT, significant=True),
        auto_shutdown=AutoShutdown.ANY_SIGNIFICANT,
    )
    await sup.terminate_child("a")
    assert sup.ref.is_alive


async def test_a_significant_child_is_refused_if_nothing_shuts_down(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    spec = stage.spec("a", Restart.TRANSIENT, significant=True)
    with pytest.raises(ChildSpecError, match="auto_shutdown is never"):
        Supervisor([spec])
    sup = await supervise(system)
    with pytest.raises(ChildSpecError, match="auto_shutdown is never"):
        await sup.start_child(spec)
