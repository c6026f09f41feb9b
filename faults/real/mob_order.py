"""What a mob is told to do, and what it says it has seen; both travel as JSON between two processes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from random import Random
from typing import TYPE_CHECKING

import trio

from faults.real.intruder import Door, Ended

if TYPE_CHECKING:
    from faults.real.rogues import Account

MEANT_PLACES = 200
"""Addresses of this machine that a mob comes from: 127.1.0.1, 127.2.0.1 and so on."""


@dataclass(frozen=True, slots=True)
class Order:
    """Who does what to which node, how often and for how long."""

    kind: str
    port: int
    key: str
    count: int = 1
    seconds: float = 1.0
    seed: int = 0
    size: int = 0
    """What it means is the kind's."""
    accounts: tuple[tuple[str, int, int], ...] = ()
    """Private key, user and device of each."""

    @property
    def door(self) -> Door:
        return Door(self.port, bytes.fromhex(self.key))

    @property
    def random(self) -> Random:
        return Random(self.seed)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Order:
        table = json.loads(text)
        return cls(**{**table, "accounts": tuple(tuple(each) for each in table["accounts"])})


def packed(accounts: list[Account]) -> tuple[tuple[str, int, int], ...]:
    """Accounts as an order has them."""
    return tuple((each.private.hex(), each.user, each.device) for each in accounts)


def source_of(index: int) -> str:
    """Where the so-many-th of a mob comes from."""
    return f"127.{1 + index % MEANT_PLACES}.0.1"


@dataclass(slots=True)
class Tally:
    """What became of what a mob did."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """{what it came to, a code of the relay's or a word of ours: how often}."""
    longest_s: float = 0.0
    """How long the relay let one of them stay, or wait, at the most."""

    def note(self, outcome: str, began: float | None = None, count: int = 1) -> None:
        """One of them has come to its end."""
        self.outcomes[outcome] += count
        if began is not None:
            self.longest_s = max(self.longest_s, trio.current_time() - began)

    def note_end(self, ended: Ended | OSError, began: float | None = None) -> None:
        """The relay, or the kernel, has ended it."""
        self.note(str(ended) if isinstance(ended, Ended) else type(ended).__name__, began)

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self.outcomes.items()))
        return counts or "nothing"

    def to_json(self) -> str:
        return json.dumps({"outcomes": dict(self.outcomes), "longest_s": self.longest_s})

    @classmethod
    def from_json(cls, text: str | bytes) -> Tally:
        table = json.loads(text)
        return cls(Counter(table["outcomes"]), table["longest_s"])
