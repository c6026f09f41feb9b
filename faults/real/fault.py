"""What a fault is: where it strikes, what must hold, and how it is done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, TypeAlias

from faults.real.needs import Need

if TYPE_CHECKING:
    from faults.real.arena import Arena


class Broken(Exception):
    """Something that is promised did not hold; the text says what was seen."""


def leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    """The errors in a group, and in the groups in it."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield error


@dataclass(frozen=True, slots=True)
class Stroke:
    """One time that a fault strikes, as the plan has it."""

    seconds: float
    """How long it lasts, if it lasts."""
    size: float
    """How bad it is, from 0 to 1; what that means is the fault's."""
    random: Random
    """Its own: what one stroke draws moves no other's."""


Strike: TypeAlias = Callable[["Arena", Stroke], Awaitable[str]]
"""Breaks something, waits for as long as it lasts, and mends it. Returns what was done, in words, as soon as
all is mended, which is before all has recovered. Raises Broken."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault."""

    name: str
    point: str
    """Where exactly it strikes, a sentence."""
    promise: str
    """What must hold besides D1 to D8 of docs/delivery.md, a sentence."""
    strike: Strike
    seconds: tuple[float, float] = (1.0, 3.0)
    """How long it lasts, at least and at most."""
    needs: tuple[Need, ...] = ()
    weight: int = 10
    """How often plans take it that draw at random."""
    errors: tuple[str, ...] = ()
    """Events at level error that the node's log may have because of it, besides the word of a worker that was
    ended by SIGKILL. Any other is a violation."""
