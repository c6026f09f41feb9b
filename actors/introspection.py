"""A look at the living: every actor with its mailbox, counts and rates, as plain data.

Nothing is kept for it that the runtime does not need anyway (but the rates), so it costs when it is called:
under 10 µs an actor for `all_actors`, a quarter of one for `busiest`. Of very many ask for the busiest.
Not here: restarts and strategies, which the supervisors know of themselves.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors import few
from actors.rates import NO_RATES, RateSnapshot

if TYPE_CHECKING:
    from collections.abc import Hashable

    from actors.mailbox import MailboxStatistics
    from actors.ref import ActorRef
    from actors.system import ActorSystem


@dataclass(frozen=True, slots=True)
class ActorInfo:
    """One living actor at one moment."""

    id: int
    name: Hashable
    """The unique key it was started under; None if it has none."""
    kind: str
    """The name of its class."""
    parent: int | None
    """The id of its living parent; None for a root."""
    mailbox: MailboxStatistics
    rates: RateSnapshot
    links: int
    monitors: int
    """How many watch it."""
    timers: int


@dataclass(frozen=True, slots=True)
class SystemInfo:
    """A whole system at one moment, and its history."""

    alive: int
    started: int
    crashes: int
    stalls: int
    dead_letters: int
    timers: int


def system_info(system: ActorSystem) -> SystemInfo:
    """The counts of a system."""
    return SystemInfo(
        alive=len(system),
        started=system.started,
        crashes=system.reports.crashes,
        stalls=system.reports.stalls,
        dead_letters=system.dead_letters,
        timers=len(system.timers),
    )


def actor_info(ref: ActorRef) -> ActorInfo | None:
    """One actor as data; None if it is dead."""
    mailbox, parent = ref._mailbox, ref._parent
    if mailbox is None:
        return None
    bonds = ref._bonds
    return ActorInfo(
        id=ref.id,
        name=ref.name,
        kind=ref.kind_name,
        parent=parent.id if parent is not None and parent.is_alive else None,
        mailbox=mailbox.statistics(),
        rates=ref._rates.read(ref.system._stall_clock()) if ref._rates is not None else NO_RATES,
        links=len(few.members(bonds.links)) if bonds is not None else 0,
        monitors=len(few.members(bonds.watched_by)) if bonds is not None else 0,
        timers=ref._timers,
    )


def all_actors(system: ActorSystem) -> list[ActorInfo]:
    """Every living actor, in the order of their start."""
    infos = (actor_info(ref) for ref in system.actors)
    return [info for info in infos if info is not None]


def busiest(system: ActorSystem, count: int) -> list[ActorInfo]:
    """The actors with the longest mailboxes, longest first: the first place to look when a node is slow."""
    refs = heapq.nlargest(count, system.actors, key=_queue_length)
    return [info for info in map(actor_info, refs) if info is not None]


def children(system: ActorSystem) -> dict[ActorRef | None, list[ActorRef]]:
    """The tree as {parent: its living children in start order}; under None the roots."""
    tree: dict[ActorRef | None, list[ActorRef]] = {}
    for ref in system.actors:
        parent = ref.parent if ref.parent is not None and ref.parent.is_alive else None
        tree.setdefault(parent, []).append(ref)
    return tree


def _queue_length(ref: ActorRef) -> int:
    return len(ref._mailbox) if ref._mailbox is not None else 0
