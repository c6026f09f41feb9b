import json

import pytest

from faults.real.arena import Arena
from faults.real.catalogue import FAMILIES, FAULTS
from faults.real.fault import Fault, Stroke
from faults.real.plan import RECIPES, Plan, PlanError, draw_plan


async def do_nothing(arena: Arena, stroke: Stroke) -> str:
    return "nothing"


def fault(name: str, weight: int = 10) -> Fault:
    return Fault(name, "somewhere", "something", do_nothing, seconds=(1.0, 2.0), weight=weight)


TWO_FAMILIES = {"network": (fault("cut"), fault("half-open")), "disk": (fault("full disk"),)}


def test_the_same_seed_gives_the_same_plan_and_another_gives_another() -> None:
    assert draw_plan("soak", 7, TWO_FAMILIES) == draw_plan("soak", 7, TWO_FAMILIES)
    assert draw_plan("soak", 7, TWO_FAMILIES).steps != draw_plan("soak", 8, TWO_FAMILIES).steps


def test_the_standard_plan_has_every_fault_once() -> None:
    steps = draw_plan("standard", 1, TWO_FAMILIES).steps
    assert sorted(step.fault for step in steps) == ["cut", "full disk", "half-open"]


def test_a_plan_of_a_family_has_that_familys_faults_only() -> None:
    steps = draw_plan("network", 1, TWO_FAMILIES).steps
    assert {step.fault for step in steps} == {"cut", "half-open"}


def test_a_plan_for_minutes_has_every_fault_and_then_as_many_as_may_fit() -> None:
    plan = draw_plan("standard", 1, TWO_FAMILIES, size={"minutes": 10.0})
    assert {step.fault for step in plan.steps[:3]} == {"cut", "half-open", "full disk"}
    least = sum(step.seconds + plan.size.rest for step in plan.steps)
    assert 300 < least < 600


def test_a_fault_of_more_weight_strikes_more_often() -> None:
    families = {"network": (fault("cut", weight=20), fault("half-open", weight=1))}
    names = [step.fault for step in draw_plan("soak", 1, families).steps]
    assert names.count("cut") > 3 * names.count("half-open")


def test_only_the_faults_that_were_asked_for_are_in_it() -> None:
    steps = draw_plan("standard", 1, TWO_FAMILIES, only=["cut"]).steps
    assert [step.fault for step in steps] == ["cut"]


def test_a_fault_lasts_as_long_as_it_says_that_it_may() -> None:
    steps = draw_plan("soak", 1, TWO_FAMILIES).steps
    assert all(1.0 <= step.seconds <= 2.0 and 0.0 <= step.size <= 1.0 for step in steps)


def test_a_plan_written_down_is_read_as_the_same() -> None:
    for minutes in (None, 2.0):
        plan = draw_plan("standard", 1, TWO_FAMILIES, size={"minutes": minutes, "workers": 3})
        assert Plan.from_json(plan.to_json()) == plan


def test_what_a_stroke_draws_is_the_same_each_time_a_plan_is_carried_out() -> None:
    step = draw_plan("standard", 1, TWO_FAMILIES).steps[0]
    assert step.stroke().random.random() == step.stroke().random.random()


def without(key: str) -> str:
    facts = json.loads(draw_plan("standard", 1, TWO_FAMILIES).to_json())
    del facts[key]
    return json.dumps(facts)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "7", without("steps"), without("size"), '{"name": "a", "seed": 1, "size": {}}']
)
def test_what_is_no_plan_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(PlanError, match="it is no plan of a run"):
        Plan.from_json(text)


def test_words_where_a_plan_has_numbers_are_refused() -> None:
    text = draw_plan("standard", 1, TWO_FAMILIES).to_json().replace('"workers": 2', '"workers": "two"')
    with pytest.raises(PlanError, match="workers is 'two' and no number"):
        Plan.from_json(text)


def test_names_that_there_are_not_are_refused_with_those_that_there_are() -> None:
    with pytest.raises(PlanError, match="no plan called 'quickly': there are quick, standard"):
        draw_plan("quickly", 1, TWO_FAMILIES)
    with pytest.raises(PlanError, match="no fault called 'a cat'"):
        draw_plan("standard", 1, TWO_FAMILIES, only=["a cat"])


@pytest.mark.parametrize("name", RECIPES)
def test_every_plan_that_has_a_name_can_be_drawn_and_breaks_something(name: str) -> None:
    steps = draw_plan(name, 1, FAMILIES).steps
    assert steps
    assert all(step.fault in FAULTS for step in steps)
