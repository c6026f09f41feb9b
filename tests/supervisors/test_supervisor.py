"""Supervisor: starting, stopping, kinds of children, trees and surprises, as in OTP's supervisor_SUITE."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from actors import (
    KILLED,
    NORMAL,
    SHUTDOWN,
    Actor,
    ActorSystem,
    ExitReason,
    StartError,
    shutdown,
)
from supervisors import (
    ChildSpec,
    ChildSpecError,
    ChildStartError,
    ChildState,
    Restart,
    Supervisor,
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


async def test_children_that_stop_together_take_as_long_as_the_slowest(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    slow = [stage.spec(id_, kind=SlowStopper) for id_ in ("a", "b", "c")]
    sup = await supervise(system, *slow, stop_together=True)
    began = trio.current_time()
    await sup.ref.stop()
    assert trio.current_time() - began == pytest.approx(3)
    assert sorted(stage.diary) == ["+a", "+b", "+c", "-a", "-b", "-c"]


async def test_one_that_does_not_stop_together_with_its_siblings_is_killed_and_reported(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    never = stage.spec("a", kind=NeverStopper, shutdown=2.0)
    sup = await supervise(system, never, stage.spec("b"), stop_together=True)
    await sup.ref.stop()
    assert [record.message for record in caplog.records] == ["child_shutdown_failed"]


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
