"""What a supervisor remembers of a child."""

from __future__ import annotations

from trio.testing import MockClock

from actors import ActorSystem
from supervisors.child import Child, ChildInfo, ChildState, Retry
from supervisors.child_spec import ChildSpec, ChildType, Restart
from tests.supervisors.cast import Player, Stage


async def test_a_child_goes_through_its_states(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    child = Child(stage.spec("a"))
    assert child.state is ChildState.STOPPED
    ref = await system.start(lambda: Player("a", stage))
    child.runs(ref, 3.0)
    assert (child.state, child.ref, child.started_at) == (ChildState.RUNNING, ref, 3.0)
    child.awaits_restart(Retry(child))
    assert (child.state, child.ref, child.last_ref) == (ChildState.RESTARTING, None, ref)
    child.ended()
    assert child.info() == ChildInfo("a", None, ChildState.STOPPED, ChildType.WORKER, 0)


def test_only_the_latest_plan_of_a_restart_is_wanted(stage: Stage) -> None:
    child = Child(stage.spec("a"))
    first, second = Retry(child), Retry(child)
    child.awaits_restart(first)
    child.awaits_restart(second)
    assert (first.is_wanted, second.is_wanted) == (False, True)
    child.ended()
    assert not second.is_wanted


async def test_only_a_child_that_may_be_started_again_keeps_its_arguments(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage
) -> None:
    for restart, kept in ((Restart.TEMPORARY, ()), (Restart.TRANSIENT, ("a",))):
        child = Child(ChildSpec("any", lambda name: Player(name, stage), restart), ("a",))
        child.runs(await system.start(child.make_actor), 0.0)
        assert child.arguments == kept
