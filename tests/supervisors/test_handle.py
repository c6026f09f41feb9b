"""The handle: refusals are raised at the caller's, and a supervisor found by name is as good as its ref."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from actors import ActorSystem
from supervisors import ChildNotFoundError, Supervisor, SupervisorHandle
from tests.supervisors.cast import SlowStarter, Stage, settle, supervise


async def test_a_refusal_is_raised_and_harms_nobody(autojump_clock: MockClock, system: ActorSystem) -> None:
    sup = await supervise(system)
    with pytest.raises(ChildNotFoundError):
        await sup.terminate_child("x")
    assert await sup.which_children() == []


async def test_a_supervisor_can_be_talked_to_by_its_name(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    await system.start(lambda: Supervisor([stage.spec("a")]), name="root")
    assert (await SupervisorHandle(system.via("root")).count_children()).active == 1


async def test_a_child_can_be_terminated_by_its_registered_name(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(system, stage.spec("a"))
    system.registry.register("name of a", stage.refs["a"])
    await sup.terminate_child(system.via("name of a"))
    assert (await sup.count_children()).active == 0
    with pytest.raises(ChildNotFoundError):
        await sup.terminate_child(system.via("name of a"))


async def test_a_request_whose_caller_gave_up_is_carried_out_all_the_same(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    sup = await supervise(system)
    with trio.move_on_after(1):
        await sup.start_child(stage.spec("a", kind=SlowStarter))
    await trio.sleep(2)
    await settle()
    assert (await sup.count_children()).active == 1
