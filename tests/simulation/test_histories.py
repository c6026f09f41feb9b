"""A slice of the simulation: whatever breaks, what was promised holds.

Most seeds are the same in every run, so that a change is judged by what it changes; some are new, so that
every run looks where nobody has looked before. One that fails says how to see it again; `roost faults
simulate` tells its story, and draws as many more as there is time for.
"""

from pathlib import Path
from random import SystemRandom

import pytest

from faults.simulation.harm import NEIGHBOURLY
from faults.simulation.history import Founder, run_history
from faults.simulation.plan import Plan, draw_plan

PEOPLE, SECONDS = 2, 3.0
CHUNK = 5  # a busy machine takes three seconds for one
CHUNKS, FRESH_CHUNKS = 36, 4
MOST_FRESH = 1 << 40

PLANS = Path(__file__).parent / "plans"
"""What has found bugs, made small."""


def run_seeds(founder: Founder, first: int, count: int = CHUNK, *, seconds: float = SECONDS) -> None:
    """A few histories; one that fails is told."""
    for seed in range(first, first + count):
        print(f"seed {seed}")
        outcome = run_history(draw_plan(seed, people=PEOPLE, seconds=seconds), founder)
        words = f"roost faults simulate --seed {seed} --people {PEOPLE} --minutes {seconds / 60:.6f}"
        assert not outcome.problems, "\n".join([words, *outcome.problems, *outcome.story])


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_nothing_that_was_promised_is_broken(founder: Founder, chunk: int) -> None:
    run_seeds(founder, chunk * CHUNK)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(FRESH_CHUNKS))
def test_nothing_is_broken_in_histories_that_nobody_has_seen(founder: Founder, chunk: int) -> None:
    run_seeds(founder, SystemRandom().randrange(MOST_FRESH))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_whoever_is_not_harmed_does_not_notice_that_others_are(founder: Founder, seed: int) -> None:
    plan = draw_plan(seed, people=4, seconds=8.0, kinds=NEIGHBOURLY)
    outcome = run_history(plan, founder)
    assert sum(outcome.faults.values()) > 0
    assert outcome.problems == []


def test_whoever_writes_into_a_group_that_all_others_have_left_waits_for_nobody(founder: Founder) -> None:
    run_seeds(founder, 67_378_780, 1, seconds=6.0)


@pytest.mark.parametrize("plan", sorted(PLANS.glob("*.json")), ids=lambda plan: plan.stem)
def test_what_was_found_once_is_not_found_again(founder: Founder, plan: Path) -> None:
    assert run_history(Plan.from_json(plan.read_text()), founder).problems == []
