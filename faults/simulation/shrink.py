"""Makes a failing plan small: fewer of all that is in it, while the same kind of violation remains.

Delta debugging: leave out halves, then quarters and so on, and keep every smaller plan that still fails.
Steps that remain do what they did, because plans name things by number and each concern draws from its own
stream.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from faults.simulation.plan import Plan, Step, without

Fails = Callable[[Plan], bool]

FEWEST_PEOPLE = 2
FEWEST_WORKERS = 1

TAIL_SECONDS = 1.0
"""What a shortened history goes on for after its last step."""


def kind_of(problem: str) -> str:
    """What kind of violation it is: the word in front."""
    return problem.partition(":")[0]


@dataclass
class Shrinker:
    """Looks for smaller plans that fail, at most so often."""

    fails: Fails
    tries_left: int

    def shrink(self, plan: Plan) -> Plan:
        """The smallest plan that was found."""
        before = None
        while before != plan and self.tries_left > 0:
            before = plan
            plan = self._smaller(plan, "workers", FEWEST_WORKERS)
            plan = self._smaller(plan, "people", FEWEST_PEOPLE)
            plan = self._fewer(plan, "faults")
            plan = self._fewer(plan, "deeds")
            plan = self._shorter(plan)
        return plan

    def _smaller(self, plan: Plan, which: Literal["workers", "people"], fewest: int) -> Plan:
        """With as few of them as it still fails with: steps name people and workers modulo what there is."""
        for number in range(fewest, getattr(plan, which)):
            smaller = replace(plan, people=number) if which == "people" else replace(plan, workers=number)
            if self._still_fails(smaller):
                return smaller
        return plan

    def _fewer(self, plan: Plan, which: str) -> Plan:
        chunk = len(getattr(plan, which))
        while chunk >= 1:
            for start in range(0, len(getattr(plan, which)), chunk):
                smaller = _without(plan, which, range(start, start + chunk))
                if smaller != plan and self._still_fails(smaller):
                    plan = smaller
                    break
            else:
                chunk //= 2
        return plan

    def _shorter(self, plan: Plan) -> Plan:
        steps: list[Step] = [*plan.deeds, *plan.faults]
        end = max((step.at for step in steps), default=0.0) + TAIL_SECONDS
        shorter = replace(plan, seconds=end)
        return shorter if end < plan.seconds and self._still_fails(shorter) else plan

    def _still_fails(self, plan: Plan) -> bool:
        if self.tries_left <= 0:
            return False
        self.tries_left -= 1
        return self.fails(plan)


def _without(plan: Plan, which: str, places: range) -> Plan:
    gone = list(places)
    return without(plan, faults=gone) if which == "faults" else without(plan, deeds=gone)


def steps_of(plan: Plan) -> Iterator[str]:
    """What is left of a plan, a line each."""
    for word, steps in (("deed", plan.deeds), ("fault", plan.faults)):
        for step in steps:
            facts = f"who {step.who}, whom {step.whom}, size {step.size:.2f}, {step.seconds} s"
            yield f"{step.at:10.3f}  {word:<6}{step.kind} ({facts})"
