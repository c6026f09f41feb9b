"""Plans: drawn from a seed, written down, and made smaller without changing what is left."""

import pytest

from faults.simulation.plan import FAULTS, Plan, draw_plan, without


def test_a_seed_has_one_plan() -> None:
    assert draw_plan(5) == draw_plan(5)
    assert draw_plan(5) != draw_plan(6)


def test_a_plan_that_was_written_down_is_the_same_plan() -> None:
    plan = draw_plan(5)
    assert Plan.from_json(plan.to_json()) == plan


def test_only_the_faults_that_were_asked_for_are_in_a_plan() -> None:
    plan = draw_plan(5, kinds=["cut", "kill worker"])
    assert {step.kind for step in plan.faults} == {"cut", "kill worker"}
    assert draw_plan(5, kinds=[]).faults == ()


def test_seeds_mix_a_few_of_many_faults_and_many_of_a_few() -> None:
    mixtures = [len(dict.fromkeys(step.kind for step in draw_plan(seed).faults)) for seed in range(50)]
    assert min(mixtures) <= 2
    assert max(mixtures) >= 8


def test_a_fault_that_does_not_exist_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no such fault: flood"):
        draw_plan(5, kinds=["flood"])


def test_steps_that_are_left_out_move_nothing_else() -> None:
    plan = draw_plan(5)
    smaller = without(plan, deeds=[0], faults=[1])
    assert smaller.deeds == plan.deeds[1:]
    assert smaller.faults == (plan.faults[0], *plan.faults[2:])


def test_steps_come_in_the_order_of_their_times_within_the_plan() -> None:
    plan = draw_plan(5, seconds=30)
    moments = [step.at for step in plan.faults]
    assert moments == sorted(moments)
    assert all(0 <= moment <= 31 for moment in moments)
    assert {step.kind for step in plan.faults} <= set(FAULTS)
