"""Supervisor: the cases of OTP's supervisor_SUITE and Elixir's supervisor tests, as claims."""

from __future__ import annotations

import logging

import pytest
import trio
from trio.testing import MockClock

from actors import (
    KILLED,
    NORMAL,
    SHUTDOWN,
    Actor,
    ActorDeadError,
    ActorSystem,
    ExitKind,
    ExitReason,
    StartError,
    shutdown,
)
from supervisors import (
    AutoShutdown,
    Backoff,
    ChildCounts,
    ChildExistsError,
    ChildNotFoundError,
    ChildRunningError,
    ChildSpec,
    ChildSpecError,
    ChildStartError,
    ChildState,
    Restart,
    Strategy,
    Supervisor,
    SupervisorHandle,
    supervisor_spec,
)
from tests.supervisors.cast import (
    FOREVER,
    NOW,
    Boom,
    Crash,
    CrashOnStop,
    Detach,
    NeverStopper,
    SlowStarter,
    SlowStopper,
    Stage,
    crash,
    end,
    settle,
    supervise,
)

# ---- Starting and stopping ---------------------------------------------------------------------------


async def test_children_start_in_order_and_stop_in_reverse(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(system, stage.spec("a"), stage.spec("b"), stage.spec("c"))
    await sup.ref.stop()
    assert stage.diary == ["+a", "+b", "+c", "-c", "-b", "-a"]


async def test_a_supervisor_without_children_starts_and_stops(
    autojump_clock: MockClock, system: ActorSystem
) -> None:
    sup = await supervise(system)
    assert await sup.which_children() == []


async def test_a_failed_start_stops_the_earlier_siblings_in_reverse(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    stage.failures["c"] = 1
    with pytest.raises(StartError) as caught:
        await supervise(system, stage.spec("a"), stage.spec("b"), stage.spec("c"), stage.spec("d"))
    assert stage.diary == ["+a", "+b", "!c", "-b", "-a"]
    refusal = caught.value.__cause__
    assert isinstance(refusal, ChildStartError)
    assert refusal.child == "c"
    assert isinstance(refusal.__cause__, Boom)
    assert len(system) == 0


async def test_a_factory_that_raises_is_a_failed_start(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    def broken() -> Actor:
        raise Boom

    with pytest.raises(StartError) as caught:
        await supervise(system, stage.spec("a"), ChildSpec("b", broken))
    assert isinstance(caught.value.__cause__, ChildStartError)
    assert stage.diary == ["+a", "-a"]


async def test_a_child_with_nothing_to_do_is_listed_as_stopped(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    stage.ignored["b"] = True
    sup = await supervise(system, stage.spec("a"), stage.spec("b"), stage.spec("c"))
    assert [(child.id, child.state) for child in await sup.which_children()] == [
        ("a", ChildState.RUNNING),
        ("b", ChildState.STOPPED),
        ("c", ChildState.RUNNING),
    ]
    stage.ignored["b"] = False
    assert await sup.restart_child("b") is stage.refs["b"]


async def test_a_temporary_child_with_nothing_to_do_is_not_listed(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    stage.ignored["a"] = True
    sup = await supervise(system, stage.spec("a", Restart.TEMPORARY))
    assert await sup.which_children() == []
    assert await sup.start_child(stage.spec("a", Restart.TEMPORARY)) is None
    assert await sup.which_children() == []


async def test_a_killed_supervisor_takes_its_children_along(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(system, stage.spec("a"), stage.spec("b"))
    sup.ref.kill()
    await settle()
    assert not stage.refs["a"].is_alive
    assert not stage.refs["b"].is_alive


async def test_a_supervisor_killed_while_it_waits_for_a_child_takes_that_child_along(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(system, stage.spec("a", kind=NeverStopper, shutdown=FOREVER))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sup.ref.stop)
        await settle()
        sup.ref.kill()
    await settle()
    assert len(system) == 0


@pytest.mark.parametrize(
    "settings",
    [{"strategy": "one_for_one"}, {"auto_shutdown": "never"}, {"intensity": -1}, {"period": 0}],
    ids=lambda settings: next(iter(settings)),
)
def test_a_bad_setting_is_named(settings: dict[str, object]) -> None:
    [(field, value)] = settings.items()
    with pytest.raises(ChildSpecError, match=rf"^{field} must be .* got {value!r}$"):
        Supervisor([], **settings)  # type: ignore[arg-type] # the mistake under test


def test_an_id_that_stands_twice_is_refused(stage: Stage) -> None:
    with pytest.raises(ChildSpecError, match="unique among its siblings, got 'a'"):
        Supervisor([stage.spec("a"), stage.spec("a")])


# ---- Shutdown times ----------------------------------------------------------------------------------


async def test_a_child_within_its_shutdown_time_stops_in_order(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(system, stage.spec("a", kind=SlowStopper, shutdown=4.0))
    began = trio.current_time()
    await sup.terminate_child("a")
    assert stage.take_diary() == ["+a", "-a"]
    assert trio.current_time() - began == pytest.approx(3)


async def test_a_child_that_outlives_its_shutdown_time_is_killed(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    sup = await supervise(system, stage.spec("a", kind=SlowStopper, shutdown=1.0))
    ref = stage.refs["a"]
    began = trio.current_time()
    await sup.terminate_child("a")
    assert trio.current_time() - began == pytest.approx(1)
    assert ref.exit_reason == KILLED
    assert [(record.message, vars(record)["reason"]) for record in caplog.records] == [
        ("child_shutdown_failed", "killed")
    ]


async def test_shutdown_now_kills_without_asking_and_without_a_report(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    sup = await supervise(system, stage.spec("a", shutdown=NOW))
    ref = stage.refs["a"]
    await sup.terminate_child("a")
    assert ref.exit_reason == KILLED
    assert stage.diary == ["+a"]
    assert caplog.records == []


async def test_shutdown_forever_waits_as_long_as_it_takes(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    class DayStopper(SlowStopper):
        async def on_stop(self, reason: ExitReason) -> None:
            await trio.sleep(86_400)

    sup = await supervise(system, stage.spec("a", kind=DayStopper, shutdown=FOREVER))
    ref = stage.refs["a"]
    await sup.terminate_child("a")
    assert ref.exit_reason == SHUTDOWN


async def test_a_child_that_crashes_over_its_stopping_is_reported(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    sup = await supervise(system, stage.spec("a", kind=CrashOnStop))
    await sup.terminate_child("a")
    records = [record for record in caplog.records if record.name == "roost.supervisors"]
    assert [record.message for record in records] == ["child_shutdown_failed"]
    assert vars(records[0])["reason"] == "crash: Boom"


# ---- Kinds of children -------------------------------------------------------------------------------

ENDS = [NORMAL, SHUTDOWN, shutdown("why"), "crash", "kill"]


async def end_somehow(stage: Stage, how: ExitReason | str) -> None:
    if how == "crash":
        await crash(stage, "a")
    elif isinstance(how, ExitReason):
        await end(stage, "a", how)
    else:
        stage.refs["a"].kill()
        await settle()


@pytest.mark.parametrize("how", ENDS, ids=str)
async def test_a_permanent_child_is_always_restarted(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage, how: ExitReason | str
) -> None:
    sup = await supervise(system, stage.spec("a"))
    before = stage.refs["a"]
    await end_somehow(stage, how)
    [child] = await sup.which_children()
    assert (child.state, child.restarts) == (ChildState.RUNNING, 1)
    assert child.ref is stage.refs["a"]
    assert child.ref is not before


@pytest.mark.parametrize("how", ["crash", "kill"])
async def test_a_transient_child_is_restarted_after_an_abnormal_end(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage, how: str
) -> None:
    sup = await supervise(system, stage.spec("a", Restart.TRANSIENT))
    await end_somehow(stage, how)
    [child] = await sup.which_children()
    assert (child.state, child.restarts) == (ChildState.RUNNING, 1)


@pytest.mark.parametrize("how", [NORMAL, SHUTDOWN, shutdown("why")], ids=str)
async def test_a_transient_child_is_not_restarted_after_an_orderly_end(
    autojump_clock: MockClock,
    system: ActorSystem,
    stage: Stage,
    how: ExitReason,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sup = await supervise(system, stage.spec("a", Restart.TRANSIENT))
    await end_somehow(stage, how)
    [child] = await sup.which_children()
    assert (child.state, child.ref) == (ChildState.STOPPED, None)
    assert caplog.records == []


@pytest.mark.parametrize("how", ENDS, ids=str)
async def test_a_temporary_child_is_forgotten_however_it_ended(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage, how: ExitReason | str
) -> None:
    sup = await supervise(system, stage.spec("a", Restart.TEMPORARY), stage.spec("b"))
    await end_somehow(stage, how)
    assert [child.id for child in await sup.which_children()] == ["b"]


async def test_the_crash_of_a_temporary_child_is_reported_all_the_same(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await supervise(system, stage.spec("a", Restart.TEMPORARY))
    await crash(stage, "a")
    assert [r.message for r in caplog.records if r.name == "roost.supervisors"] == ["child_terminated"]


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


# ---- Requests ----------------------------------------------------------------------------------------


async def test_a_child_added_later_is_supervised_like_the_others(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(system, stage.spec("a"))
    assert await sup.start_child(stage.spec("b")) is stage.refs["b"]
    await crash(stage, "b")
    assert [child.restarts for child in await sup.which_children()] == [0, 1]


async def test_a_child_that_fails_to_start_on_request_is_not_added(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(system, stage.spec("a"))
    stage.failures["b"] = 1
    with pytest.raises(ChildStartError, match="child 'b' did not start: crash: Boom") as caught:
        await sup.start_child(stage.spec("b"))
    assert isinstance(caught.value.__cause__, Boom)
    assert [child.id for child in await sup.which_children()] == ["a"]


async def test_an_id_is_taken_as_long_as_it_is_remembered(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(system, stage.spec("a"))
    with pytest.raises(ChildExistsError, match="'a' exists already and is running"):
        await sup.start_child(stage.spec("a"))
    await sup.terminate_child("a")
    with pytest.raises(ChildExistsError, match="'a' exists already and is stopped"):
        await sup.start_child(stage.spec("a"))
    await sup.delete_child("a")
    assert await sup.start_child(stage.spec("a")) is not None


async def test_a_terminated_child_is_not_restarted_but_can_be(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(system, stage.spec("a"))
    await sup.terminate_child("a")
    await settle()
    assert [child.state for child in await sup.which_children()] == [ChildState.STOPPED]
    assert await sup.restart_child("a") is stage.refs["a"]
    assert stage.diary == ["+a", "-a", "+a"]


async def test_terminating_twice_is_harmless(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(system, stage.spec("a"))
    await sup.terminate_child("a")
    await sup.terminate_child("a")


async def test_terminating_a_temporary_child_forgets_it(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(system, stage.spec("a", Restart.TEMPORARY))
    await sup.terminate_child("a")
    with pytest.raises(ChildNotFoundError, match="no child 'a'"):
        await sup.restart_child("a")


async def test_a_running_child_is_neither_restarted_nor_deleted_on_request(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(system, stage.spec("a"))
    with pytest.raises(ChildRunningError, match="'a' is running"):
        await sup.restart_child("a")
    with pytest.raises(ChildRunningError, match="'a' is running"):
        await sup.delete_child("a")


async def test_a_restart_on_request_that_fails_leaves_the_child_stopped(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(system, stage.spec("a"))
    await sup.terminate_child("a")
    stage.failures["a"] = 1
    with pytest.raises(ChildStartError):
        await sup.restart_child("a")
    assert [child.state for child in await sup.which_children()] == [ChildState.STOPPED]


async def test_requests_for_unknown_children_are_refused(
    autojump_clock: MockClock, system: ActorSystem
) -> None:
    sup = await supervise(system)
    for request in (sup.terminate_child, sup.restart_child, sup.delete_child):
        with pytest.raises(ChildNotFoundError, match="no child 'x'"):
            await request("x")


async def test_counts_tell_supervisors_from_workers(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(
        system, stage.spec("a"), supervisor_spec("sub", lambda: Supervisor([])), stage.spec("b")
    )
    await sup.terminate_child("b")
    assert await sup.count_children() == ChildCounts(specs=3, active=2, supervisors=1, workers=2)


async def test_requests_to_a_dead_supervisor_fail_at_once(
    autojump_clock: MockClock, system: ActorSystem
) -> None:
    sup = await supervise(system)
    await sup.ref.stop()
    with pytest.raises(ActorDeadError):
        await sup.which_children()


async def test_a_request_waits_while_a_child_takes_its_time_to_start(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(system)
    began = trio.current_time()
    await sup.start_child(stage.spec("a", kind=SlowStarter))
    assert trio.current_time() - began == pytest.approx(2)


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


# ---- Trees -------------------------------------------------------------------------------------------


def subtree(stage: Stage, *ids: str, **settings: object) -> ChildSpec:
    specs = [stage.spec(id_) for id_ in ids]
    return supervisor_spec("sub", lambda: Supervisor(specs, **settings))  # type: ignore[arg-type]


async def test_a_tree_stops_from_the_last_leaf_to_the_first(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(system, stage.spec("a"), subtree(stage, "b", "c"), stage.spec("d"))
    await sup.ref.stop()
    assert stage.diary == ["+a", "+b", "+c", "+d", "-d", "-c", "-b", "-a"]


async def test_what_a_supervisor_cannot_mend_its_own_supervisor_restarts(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(system, stage.spec("a"), subtree(stage, "b", "c", intensity=0))
    stage.take_diary()
    await crash(stage, "b")
    assert stage.take_diary() == ["-c", "+b", "+c"]
    assert [child.restarts for child in await sup.which_children()] == [0, 1]


async def test_a_failure_that_no_level_can_mend_ends_the_whole_tree(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(system, stage.spec("a"), subtree(stage, "b", intensity=1), intensity=1)
    await crash(stage, "b", "b", "b", "b")
    assert not sup.ref.is_alive
    assert len(system) == 0


async def test_a_subtree_gets_as_long_to_stop_as_its_children_need(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    slow = [stage.spec(id_, kind=SlowStopper) for id_ in "bcd"]
    sup = await supervise(system, supervisor_spec("sub", lambda: Supervisor(slow)))
    await sup.terminate_child("sub")
    assert stage.diary == ["+b", "+c", "+d", "-d", "-c", "-b"]


# ---- Surprises ---------------------------------------------------------------------------------------


async def test_a_child_that_detached_is_still_stopped_with_the_others(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(system, stage.spec("a"))
    await stage.refs["a"].tell(Detach(sup.ref))  # type: ignore[arg-type] # a ref, not a name
    await settle()
    await sup.ref.stop()
    assert stage.diary == ["+a", "-a"]


async def test_a_child_that_detached_and_died_does_not_hold_up_the_stop(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(system, stage.spec("a"))
    await stage.refs["a"].tell(Detach(sup.ref))  # type: ignore[arg-type] # a ref, not a name
    await stage.refs["a"].stop()
    await sup.terminate_child("a")
    await sup.delete_child("a")


async def test_an_unexpected_message_is_logged_and_not_fatal(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    sup = await supervise(system, stage.spec("a"))
    await sup.ref.tell("what is this?")
    await settle()
    assert [record.message for record in caplog.records] == ["unexpected_message"]
    assert (await sup.count_children()).active == 1


async def test_the_exit_of_an_actor_that_is_no_child_is_ignored(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(system, stage.spec("a"))
    stranger = await system.start(lambda: stage.spec("x").start())
    sup.ref.exit(KILLED, stranger)
    await settle()
    assert sup.ref.is_alive
    assert (await sup.count_children()).specs == 1


async def test_a_system_that_closes_while_a_child_is_restarted_leaves_nothing(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    await supervise(system, stage.spec("a", kind=SlowStarter), stage.spec("b"), intensity=100)
    stage.refs["a"].tell_nowait(Crash())
    stage.refs["b"].tell_nowait(Crash())
    await settle()
    await system.shutdown()
    assert len(system) == 0
