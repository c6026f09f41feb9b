"""Supervisor: what can be asked of it, and what it refuses."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from actors import (
    ActorDeadError,
    ActorSystem,
)
from supervisors import (
    ChildCounts,
    ChildExistsError,
    ChildNotFoundError,
    ChildRunningError,
    ChildStartError,
    ChildState,
    Restart,
    Supervisor,
    supervisor_spec,
)
from tests.supervisors.cast import (
    Boom,
    SlowStarter,
    Stage,
    crash,
    settle,
    supervise,
)

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
