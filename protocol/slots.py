"""Hash slots: which of a node's workers a user belongs to.

User ids are 63 random bits, so their top 8 bits are as good as a hash of them, and a slot is one contiguous
range of keys in every table whose keys begin with a user. Workers own contiguous runs of slots: when their
number changes, what moves are a few long ranges and not every second row.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import Final, NamedTuple

from protocol.ids import UserId

SLOTS: Final = 256

MAX_WORKERS: Final = 64
"""Four slots each at most: with fewer, one busy user more or less would be felt."""

_SLOT_SHIFT: Final = 63 - 8


class SlotMove(NamedTuple):
    """A run of slots that changes its owner."""

    source: int
    target: int
    slots: range


def slot_of(user: UserId) -> int:
    """The slot of a user, from 0 to 255."""
    return user >> _SLOT_SHIFT


def owner_of(slot: int, workers: int) -> int:
    """The number of the worker, from 0, that owns `slot` when there are `workers` of them."""
    return slot * workers // SLOTS


def slots_of(worker: int, workers: int) -> range:
    """The slots that `worker` owns when there are `workers`: one run, never empty."""
    return range(-(-worker * SLOTS // workers), -(-(worker + 1) * SLOTS // workers))


def first_user_of(slot: int) -> int:
    """The lowest number that a user of `slot` can have; of 256, one above the highest that any can have."""
    return slot << _SLOT_SHIFT


def slot_moves(before: int, after: int) -> Iterator[SlotMove]:
    """What changes its owner when `before` workers become `after`, in the order of the slots."""

    def owners(slot: int) -> tuple[int, int]:
        return owner_of(slot, before), owner_of(slot, after)

    for (source, target), run in groupby(range(SLOTS), key=owners):
        slots = list(run)
        if source != target:
            yield SlotMove(source, target, range(slots[0], slots[-1] + 1))


def check_workers(workers: int) -> int:
    """Return `workers` if a node can have that many.

    Raises:
        ValueError: it is less than 1 or more than `MAX_WORKERS`.
    """
    if not 1 <= workers <= MAX_WORKERS:
        raise ValueError(f"a node has 1 to {MAX_WORKERS} workers, not {workers}")
    return workers
