"""The plan of a history: who does what when, and what breaks when; all drawn from the seed beforehand.

Steps name people and things by number, taken modulo what there is at the time; so a plan stays a plan when
some of its steps are left out, which is how a failing one is shrunk.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any

from faults.simulation.determinism import stream

DEEDS: dict[str, float] = {
    "say": 12.0,
    "say in a group": 6.0,
    "say much": 1.5,
    "read": 4.0,
    "switch off": 1.5,
    "restart": 1.0,
    "register anew": 0.25,
    "leave a group": 0.4,
    "make a group": 0.5,
    "add to a group": 0.4,
    "remove from a group": 0.3,
    "link a companion": 0.4,
    "remove a companion": 0.4,
}
"""{what people do: how often, beside the others}"""

FAULTS: dict[str, float] = {
    "cut": 2.0,
    "half-open": 2.0,
    "partition": 1.0,
    "one-way partition": 1.0,
    "split people": 0.7,
    "swizzle-clog": 0.5,
    "slow reader": 1.0,
    "stutter": 0.5,
    "slow network": 1.0,
    "bus cut": 1.0,
    "slow bus": 0.5,
    "split workers": 0.7,
    "kill worker": 1.5,
    "kill node": 0.7,
    "kill before commit": 1.0,
    "kill after commit": 1.0,
    "slow disk": 1.0,
    "full disk": 0.6,
    "failing fsync": 0.6,
    "kill connection": 0.7,
    "kill mailbox": 1.0,
    "kill any actor": 0.7,
    "crash phone": 1.5,
    "clock jump": 0.5,
    "clock drift": 0.4,
    "reconnect storm": 0.4,
    "flapping while writing": 0.6,
}
"""{fault: how often, beside the others}"""

# A minute of a history: what is done and what breaks in it.
DEEDS_A_MINUTE = 60
FAULTS_A_MINUTE = 12

LONGEST_FAULT_SECONDS = 25.0


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is done, or that breaks."""

    at: float
    """Seconds since the beginning."""
    kind: str
    who: int
    """Whom or what it is about; ``whom``, where there is a second."""
    whom: int
    size: float
    """How much of it, from 0 to 1."""
    seconds: float
    """How long, where that means something."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that makes a history."""

    seed: int
    people: int
    workers: int
    seconds: float
    deeds: tuple[Step, ...]
    faults: tuple[Step, ...]

    def to_json(self) -> str:
        """As text that ``from_json`` reads."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> "Plan":
        """A plan that was written down."""
        facts: dict[str, Any] = json.loads(text)
        steps = {name: tuple(Step(**step) for step in facts[name]) for name in ("deeds", "faults")}
        return Plan(**{**facts, **steps})


def draw_plan(
    seed: int,
    *,
    people: int = 6,
    seconds: float = 60.0,
    kinds: Sequence[str] | None = None,
    workers: int | None = None,
) -> Plan:
    """The plan that belongs to a seed and these choices.

    Args:
        seed: which one.
        people: how many there are.
        seconds: how long things are done and break, in simulated time.
        kinds: the faults that may happen; None for a few of all, or all, as the seed has it.
        workers: of the node; None for 1 to 3.

    Raises:
        ValueError: there is no fault of that name.
    """
    random = stream(seed, "plan")
    drawn_workers = random.choice((1, 2, 2, 3))
    harmful = _draw_kinds(random) if kinds is None else list(kinds)
    unknown = [kind for kind in harmful if kind not in FAULTS]
    if unknown:
        raise ValueError(f"no such fault: {', '.join(unknown)}; there are {', '.join(FAULTS)}")
    deed_weights = {kind: weight * random.choice((0.3, 1.0, 1.0, 3.0)) for kind, weight in DEEDS.items()}
    deed_count = round(DEEDS_A_MINUTE * seconds / 60)
    fault_count = round(FAULTS_A_MINUTE * seconds / 60 * random.choice((0.5, 1.0, 2.0))) if harmful else 0
    fault_weights = {kind: FAULTS[kind] for kind in harmful}
    return Plan(
        seed,
        people,
        workers or drawn_workers,
        seconds,
        _draw_steps(stream(seed, "deeds"), deed_weights, deed_count, seconds),
        _draw_steps(stream(seed, "faults"), fault_weights, fault_count, seconds),
    )


def _draw_kinds(random: Random) -> list[str]:
    """A few of many, or many of a few: uniform mixtures never find what one fault in abundance does."""
    kinds = list(FAULTS)
    return random.sample(kinds, random.choice((2, 4, 8, len(kinds))))


def _draw_steps(random: Random, weights: dict[str, float], count: int, seconds: float) -> tuple[Step, ...]:
    if not count:
        return ()
    kinds = random.choices(list(weights), list(weights.values()), k=count)
    moments = _draw_moments(random, count, seconds)
    return tuple(
        Step(
            at=at,
            kind=kind,
            who=random.randrange(1 << 16),
            whom=random.randrange(1 << 16),
            size=random.random(),
            seconds=round(random.random() ** 2 * LONGEST_FAULT_SECONDS, 3),
        )
        for at, kind in zip(moments, kinds, strict=True)
    )


def _draw_moments(random: Random, count: int, seconds: float) -> list[float]:
    """Some alone, some in bursts of a few milliseconds: races need company."""
    moments: list[float] = []
    while len(moments) < count:
        start = random.uniform(0, seconds)
        together = min(count - len(moments), random.choice((1, 1, 1, 4)))
        moments += [round(start + random.random() * 0.02, 4) for _ in range(together)]
    return sorted(moments)


def without(plan: Plan, *, deeds: Sequence[int] = (), faults: Sequence[int] = ()) -> Plan:
    """The same plan, but for the steps with these places."""
    gone_deeds, gone_faults = dict.fromkeys(deeds), dict.fromkeys(faults)
    return replace(
        plan,
        deeds=tuple(step for place, step in enumerate(plan.deeds) if place not in gone_deeds),
        faults=tuple(step for place, step in enumerate(plan.faults) if place not in gone_faults),
    )
