"""A slice of the simulation: whatever breaks, what was promised holds.

The seeds are the same in every run, so that a change is judged by what it changes. `roost faults simulate`
draws new ones, as many as there is time for, and tells the story of one that fails.
"""

import pytest

from faults.simulation.history import Founder, run_history
from faults.simulation.plan import draw_plan

PEOPLE, SECONDS = 2, 6.0  # 0.3 s of CPU each, so that a hundred take half a minute
CHUNK = 5  # a busy machine takes three seconds for one
CHUNKS = 20


def run_seeds(founder: Founder, first: int, count: int = CHUNK) -> None:
    """A few histories; one that fails is told."""
    for seed in range(first, first + count):
        outcome = run_history(draw_plan(seed, people=PEOPLE, seconds=SECONDS), founder)
        words = f"roost faults simulate --seed {seed} --people {PEOPLE} --minutes {SECONDS / 60:.6f}"
        assert not outcome.problems, "\n".join([words, *outcome.problems, *outcome.story])


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_nothing_that_was_promised_is_broken(founder: Founder, chunk: int) -> None:
    run_seeds(founder, chunk * CHUNK)


def test_whoever_writes_into_a_group_that_all_others_have_left_waits_for_nobody(founder: Founder) -> None:
    run_seeds(founder, 67_378_780, 1)
