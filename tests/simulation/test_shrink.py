"""Shrinking: what is not needed for the failure goes, what is needed stays."""

from faults.simulation.plan import Plan, Step, draw_plan
from faults.simulation.shrink import Shrinker, kind_of, steps_of


def needs(*steps: Step) -> Shrinker:
    """Fails as long as all these are in the plan."""

    def fails(plan: Plan) -> bool:
        return all(step in (*plan.deeds, *plan.faults) for step in steps)

    return Shrinker(fails, tries_left=1_000)


def test_what_the_failure_needs_is_what_is_left() -> None:
    plan = draw_plan(5, kinds=["cut"])
    deed, fault = plan.deeds[7], plan.faults[3]
    small = needs(deed, fault).shrink(plan)
    assert (small.deeds, small.faults) == ((deed,), (fault,))
    assert small.seconds < plan.seconds or max(deed.at, fault.at) > plan.seconds - 1


def test_the_town_gets_as_small_as_the_failure_allows() -> None:
    def fails(plan: Plan) -> bool:
        return plan.people >= 4 and plan.workers >= 2

    small = Shrinker(fails, tries_left=1_000).shrink(draw_plan(5, people=9, workers=3))
    assert (small.people, small.workers) == (4, 2)
    assert (small.deeds, small.faults) == ((), ())


def test_it_stops_when_its_tries_are_used_up() -> None:
    plan = draw_plan(5, kinds=["cut"])
    shrinker = needs(plan.deeds[7])
    shrinker.tries_left = 3
    assert plan.deeds[7] in shrinker.shrink(plan).deeds
    assert shrinker.tries_left == 0


def test_what_is_left_can_be_read() -> None:
    plan = draw_plan(5, kinds=["cut"])
    assert len(list(steps_of(plan))) == len(plan.deeds) + len(plan.faults)


def test_violations_are_of_one_kind_if_they_begin_alike() -> None:
    assert kind_of("D2: p01.1 never got it") == "D2"
