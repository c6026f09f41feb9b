"""Bugs that are planted on purpose are found: that nothing is found otherwise means something.

Each is looked for with the faults that bring it out, in at most so many seeds; docs/reliability.md says which
one found it. `roost faults simulate --planted NAME` does the same with all faults.
"""

from collections.abc import Sequence
from typing import NamedTuple

import pytest

from faults.simulation.history import Founder, Outcome, run_history
from faults.simulation.plan import draw_plan
from faults.simulation.planted import PLANTED

PEOPLE, SECONDS = 3, 12.0

HEALING_SECONDS = 60.0
"""What never comes to its end need not be waited for so long as if it were expected to."""


class Hunt(NamedTuple):
    """How a bug is looked for."""

    seeds: int
    """At most so many."""
    kinds: Sequence[str] | None = None
    """The faults; None for those that each seed draws."""
    first: int = 0
    """From this one on, where those before are known to find nothing."""


HUNTS: dict[str, Hunt] = {
    "acknowledge before commit": Hunt(4),
    "lose the dedupe table": Hunt(3, ("flapping while writing",), first=6),
    "forget a waiter": Hunt(4),
    "off by one at resume": Hunt(6, ("reconnect storm", "crash phone", "slow reader")),
    "restart twice": Hunt(6, ("kill any actor", "kill mailbox")),
    "tick delivery at once": Hunt(4, ("slow network", "stutter", "slow reader", "crash phone")),
    "acknowledge what was not stored": Hunt(4),
    "forget to store a session": Hunt(4),
    "believe in dead connections": Hunt(4, ("half-open",)),
    "leak connections": Hunt(4),
    "tell siblings nothing": Hunt(4),
    "delete one too many": Hunt(4),
    "leave out a device": Hunt(4),
    "keep idle mailboxes": Hunt(4),
    "send in clear": Hunt(4),
    "leave a task": Hunt(4),
}


def hunt(founder: Founder, name: str) -> Outcome | None:
    """The first history that finds it."""
    seeds, kinds, first = HUNTS[name]
    for seed in range(first, first + seeds):
        plan = draw_plan(seed, people=PEOPLE, seconds=SECONDS, kinds=kinds)
        outcome = run_history(plan, founder, sabotage=PLANTED[name], healing_seconds=HEALING_SECONDS)
        if outcome.problems:
            return outcome
    return None


def test_every_planted_bug_is_hunted() -> None:
    assert list(HUNTS) == list(PLANTED)


@pytest.mark.slow
@pytest.mark.timeout(240)  # what never comes to its end is waited for, and a busy machine is slow
@pytest.mark.parametrize("name", HUNTS)
def test_a_planted_bug_is_found(founder: Founder, name: str) -> None:
    found = hunt(founder, name)
    assert found is not None, f"nobody noticed: {name}"


@pytest.mark.slow
def test_the_seeds_that_find_bugs_find_nothing_when_there_are_none(founder: Founder) -> None:
    for seed in (0, 1):
        assert run_history(draw_plan(seed, people=PEOPLE, seconds=SECONDS), founder).problems == []
