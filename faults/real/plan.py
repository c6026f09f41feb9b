"""The plan of a run: how large it is, which faults strike, how long and how badly; all drawn beforehand.

The same name, seed and choices give the same plan on every machine. What a machine cannot do is left out when
the plan is carried out, not when it is drawn.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from random import Random
from typing import Any

from faults.real.fault import Fault, Stroke

STEP_SECONDS = 3.0
"""What a step takes at the least besides the fault and the rest after it: somebody has to notice and recover.
A plan for some minutes is drawn long enough for steps that take no longer."""


class PlanError(Exception):
    """It is no plan, or none that can be drawn; the text says why, for people."""


@dataclass(frozen=True, slots=True)
class Step:
    """One fault that strikes once."""

    fault: str
    seconds: float
    size: float
    seed: int
    """Of what it draws itself: which of the workers, at which moment."""

    def stroke(self) -> Stroke:
        """What the fault is handed."""
        return Stroke(self.seconds, self.size, Random(self.seed))


@dataclass(frozen=True, slots=True)
class Size:
    """How large a run is."""

    workers: int = 2
    """Processes of the node."""
    clients: int = 4
    """Client processes."""
    phones: int = 3
    """People of each, with a phone each."""
    companions: int = 1
    """How many of them have a second device."""
    rate: float = 2.0
    """Messages a second that each phone writes."""
    talk: float = 8.0
    """Seconds that they talk before anything happens."""
    rest: float = 3.0
    """Seconds of peace after each fault, when all has recovered."""
    minutes: float | None = None
    """No fault begins after so many; None for as long as the steps take."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that makes a run."""

    name: str
    seed: int
    size: Size
    steps: tuple[Step, ...]

    def to_json(self) -> str:
        """As text that ``from_json`` reads."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @staticmethod
    def from_json(text: str) -> Plan:
        """A plan that was written down.

        Raises:
            PlanError: it is none.
        """
        try:
            facts = json.loads(text)
            size = Size(**_numbers(facts["size"]))
            steps = tuple(Step(fault=str(step.pop("fault")), **_numbers(step)) for step in facts["steps"])
            return Plan(str(facts["name"]), int(facts["seed"]), size, steps)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise PlanError(f"it is no plan of a run: {error}") from None


def _numbers(facts: Mapping[str, Any]) -> dict[str, Any]:
    for name, value in facts.items():
        if not (isinstance(value, int | float) or (name == "minutes" and value is None)):
            raise ValueError(f"{name} is {value!r} and no number")
    return dict(facts)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a plan with a name is drawn."""

    help: str
    size: Size = field(default_factory=Size)
    families: tuple[str, ...] | None = None
    """Those whose faults it takes; None for all."""
    faults: tuple[str, ...] | None = None
    """Or just these, in this order."""
    rounds: int = 1
    """How often each of them strikes, if it is not drawn for some minutes."""


RECIPES: Mapping[str, Recipe] = {
    "quick": Recipe(
        "half a minute: a worker, the connections, and the node",
        Size(clients=2, phones=3, talk=2.0, rest=1.0),
        faults=("kill worker", "cut", "kill node"),
    ),
    "standard": Recipe("every fault once, in an order that is drawn"),
    "soak": Recipe("half an hour: every fault once, and then again and again", Size(minutes=30.0)),
    "kills": Recipe("processes that are killed, stopped, starved", families=("process",), rounds=2),
    "network": Recipe("connections that break, stall, lie", families=("network",), rounds=2),
    "hostile": Recipe("floods, intruders, slow readers", families=("hostile",), rounds=2),
    "disk": Recipe("disks that are full, damaged, or lose their power", families=("disk",), rounds=2),
}
"""{name of a plan: how it is drawn}"""

Families = Mapping[str, Sequence[Fault]]
"""{family: its faults}"""


def draw_plan(
    name: str,
    seed: int,
    families: Families,
    *,
    only: Sequence[str] = (),
    size: Mapping[str, Any] | None = None,
) -> Plan:
    """The plan that belongs to a name, a seed and these choices.

    Args:
        name: one of `RECIPES`.
        seed: which one.
        families: all faults there are.
        only: nothing but these faults; empty for those of the recipe.
        size: what of the recipe's `Size` is to be different.

    Raises:
        PlanError: there is no plan, or no fault, of that name.
    """
    recipe = RECIPES.get(name)
    if recipe is None:
        raise PlanError(f"there is no plan called {name!r}: there are {', '.join(RECIPES)}, and files")
    chosen = _chosen(recipe, families, only)
    made = replace(recipe.size, **(size or {}))
    random = Random(f"{seed} of roost")
    if made.minutes is not None:
        steps = _steps_for(random, chosen, made.minutes * 60, made.rest)
    else:
        steps = _steps(random, chosen, recipe.rounds, shuffled=recipe.faults is None)
    return Plan(name, seed, made, tuple(steps))


def _chosen(recipe: Recipe, families: Families, only: Sequence[str]) -> list[Fault]:
    every = {fault.name: fault for faults in families.values() for fault in faults}
    names = only or recipe.faults
    if names is not None:
        unknown = [name for name in names if name not in every]
        if unknown:
            raise PlanError(f"there is no fault called {unknown[0]!r}: --list lists them")
        return [every[name] for name in names]
    kinds = recipe.families if recipe.families is not None else tuple(families)
    return [fault for kind in kinds for fault in families.get(kind, ())]


def _steps(random: Random, faults: Sequence[Fault], rounds: int, *, shuffled: bool) -> list[Step]:
    """Each of them so many times, round by round."""
    steps = []
    for _ in range(rounds):
        order = random.sample(faults, len(faults)) if shuffled else faults
        steps += [_step(random, fault) for fault in order]
    return steps


def _steps_for(random: Random, faults: Sequence[Fault], seconds: float, rest: float) -> list[Step]:
    """As many as may fit: each once, and then those that are drawn by their weight."""
    steps = _steps(random, faults, 1, shuffled=True)
    while faults and sum(step.seconds + rest + STEP_SECONDS for step in steps) < seconds:
        (fault,) = random.choices(faults, [fault.weight for fault in faults])
        steps.append(_step(random, fault))
    return steps


def _step(random: Random, fault: Fault) -> Step:
    least, most = fault.seconds
    return Step(
        fault.name,
        round(random.uniform(least, most), 2),
        round(random.random(), 3),
        random.randrange(1 << 32),
    )


SIZES: tuple[str, ...] = tuple(each.name for each in fields(Size))
"""What a run's size is made of, by name."""
