"""Says what changed between two runs beyond the noise.

    roost bench pairs --repeat 5 --json before.json
    roost bench pairs --repeat 5 --json after.json
    roost bench compare before.json after.json

The test is Mann-Whitney's, two-sided and exact: of all ways to deal the repetitions' values into two heaps of
these sizes, how many separate them at least as well as the two runs do? It looks at ranks only, so it assumes
nothing about how the values are spread (a machine that other work visits gives anything but a bell curve) and
one wild repetition cannot make or hide a change. The price: it can say nothing with three repetitions each
(the best that they can do is 1 in 10); with four it can, barely, and five are a good number.

A change counts if such a separation has a chance of 5 % at most where nothing changed, *and* the medians are
2 % apart or more: what is certain and smaller is of no use to anybody. With 20 figures one will cross the
line by chance, so read the table and not one line of it. Peers' figures are compared as well, as a control:
their code did not change, so if they did, the machine has. What the test cannot know: whether the machine was
in another state for the whole of one run. Alternate: before, after, before, after.
"""

from __future__ import annotations

import itertools
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from bench.catalogue import Better, kind_of
from bench.document import Document, figures_of
from bench.measurement import Figure
from bench.table import columns, number

CHANCE = 0.05
"""How often a figure that did not change may look as if it had."""

RELEVANT = 0.02
"""The smallest change worth a word."""


class Change(Enum):
    """What became of a figure."""

    BETTER = "better"
    WORSE = "WORSE"
    DIFFERENT = "different"
    SAME = ""
    UNKNOWN = "too few repetitions"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure before and after."""

    key: str
    before: float
    after: float
    chance: float
    """The probability of such a difference where nothing changed."""
    change: Change

    @property
    def relative(self) -> float:
        """By which part it changed."""
        return self.after / self.before - 1 if self.before else 0.0


def compare(before: Document, after: Document) -> list[Comparison]:
    """Every figure that both runs have.

    Raises:
        ValueError: they are of different scenarios or with different parameters.
    """
    if before["scenario"] != after["scenario"]:
        raise ValueError(f"{before['scenario']} and {after['scenario']} are different scenarios")
    different = [key for key in ("parameters", "workers") if before.get(key) != after.get(key)]
    if different:
        raise ValueError(f"the runs differ in more than the code: {', '.join(different)}")
    return [
        *_compare_figures("", before, after),
        *_compare_peers(before.get("peers", {}), after.get("peers", {})),
    ]


def _compare_figures(prefix: str, before: Document, after: Document) -> Iterator[Comparison]:
    for key in figures_of(before):
        old, new = _values(before, key), _values(after, key)
        if old and new:
            yield _compare(prefix + key, old, new)


def _compare_peers(before: Mapping[str, Document], after: Mapping[str, Document]) -> Iterator[Comparison]:
    for name, each in before.items():
        other = after.get(name, {})
        if "repetitions" in each and "repetitions" in other:
            yield from _compare_figures(f"peers.{name}.", each, other)


def as_table(comparisons: Sequence[Comparison]) -> str:
    """One line a figure, the medians first."""
    rows = [
        (
            each.key,
            number(each.before),
            number(each.after),
            f"{each.relative:+.1%}",
            f"p {each.chance:.3f}",
            each.change.value,
        )
        for each in comparisons
    ]
    heading = ("figure", "before", "after", "change", "chance", "")
    return "\n".join(columns([heading, *rows], right=(1, 2, 3, 4)))


def chance_of_separation(before: Sequence[float], after: Sequence[float]) -> float:
    """The exact two-sided p of Mann-Whitney's test; equal values share their ranks.

    Counts the ways by their sum of ranks (a subset-sum count), so 50 against 50 take no longer than 5 and 5.
    """
    ranks = _doubled_ranks([*before, *after])
    sums = _rank_sums(ranks, len(before))
    ways = sum(sums.values())
    expected = len(before) * (len(ranks) + 1)  # of doubled ranks
    observed = abs(sum(ranks[: len(before)]) - expected)
    return sum(count for total, count in sums.items() if abs(total - expected) >= observed) / ways


def _compare(key: str, before: Sequence[float], after: Sequence[float]) -> Comparison:
    old, new = statistics.median(before), statistics.median(after)
    chance = chance_of_separation(before, after)
    return Comparison(key, old, new, chance, _judge(key, old, new, chance, len(before), len(after)))


def _judge(key: str, old: float, new: float, chance: float, before: int, after: int) -> Change:
    if chance_of_separation(range(before), range(before, before + after)) > CHANCE:
        return Change.UNKNOWN
    if chance > CHANCE or abs(new - old) < RELEVANT * abs(old):
        return Change.SAME
    better = kind_of(key).better
    if better is Better.NEITHER:
        return Change.DIFFERENT
    return Change.BETTER if (new > old) is (better is Better.HIGHER) else Change.WORSE


def _values(found: Document, key: str) -> list[float]:
    values: Iterator[Figure] = (each.get(key) for each in found["repetitions"])
    return [value for value in values if value is not None]


def _doubled_ranks(values: Sequence[float]) -> list[int]:
    """Ranks from 1, in the order of `values`; doubled, so that shared ranks are whole numbers too."""
    rank_of: dict[float, int] = {}
    place = 0
    for value, group in itertools.groupby(sorted(values)):
        size = len(list(group))
        rank_of[value] = 2 * place + size + 1  # the mean of place+1 ... place+size, doubled
        place += size
    return [rank_of[value] for value in values]


def _rank_sums(ranks: Sequence[int], size: int) -> Counter[int]:
    """{sum: in how many ways so many of the ranks add up to it}."""
    ways = [Counter({0: 1}), *(Counter[int]() for _ in range(size))]
    for rank in ranks:
        for chosen in range(size, 0, -1):
            for total, count in ways[chosen - 1].items():
                ways[chosen][total + rank] += count
    return ways[size]
