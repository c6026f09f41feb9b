"""A slice of the simulation: whatever breaks, what was promised holds. Old seeds, and new ones.

`roost faults simulate` runs more, and tells the story of a seed that fails.
"""

import os
from random import Random

import pytest

from faults.simulation.history import Founder, run_history
from faults.simulation.plan import draw_plan

PEOPLE, SECONDS = 2, 6.0  # 0.3 s of CPU each, so that two hundred take one minute
CHUNK = 5  # a busy machine takes three seconds for one
FIXED_CHUNKS = 20
FRESH_CHUNKS = 20

# Drawn once for all processes of a run, as the scheduler's seed is (tests/conftest.py).
FRESH_FIRST = Random(os.environ["SCHEDULER_SEED"]).randrange(1_000_000, 1_000_000_000)


def run_seeds(founder: Founder, first: int, count: int = CHUNK) -> None:
    """A few histories; one that fails is told."""
    for seed in range(first, first + count):
        outcome = run_history(draw_plan(seed, people=PEOPLE, seconds=SECONDS), founder)
        words = f"roost faults simulate --seed {seed} --people {PEOPLE} --minutes {SECONDS / 60:.6f}"
        assert not outcome.problems, "\n".join([words, *outcome.problems, *outcome.story])


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(FIXED_CHUNKS))
def test_nothing_that_was_promised_is_broken_in_histories_that_are_always_the_same(
    founder: Founder, chunk: int
) -> None:
    run_seeds(founder, chunk * CHUNK)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(FRESH_CHUNKS))
def test_nothing_that_was_promised_is_broken_in_new_histories(founder: Founder, chunk: int) -> None:
    run_seeds(founder, FRESH_FIRST + chunk * CHUNK)


def test_whoever_writes_into_a_group_that_all_others_have_left_waits_for_nobody(founder: Founder) -> None:
    run_seeds(founder, 67_378_780, 1)
