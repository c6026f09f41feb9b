"""Which cores the node gets, and which the load: what is measured must not compete with what measures it."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cores:
    """Empty sets stand for "any core"."""

    server: frozenset[int]
    load: frozenset[int]


def choose_cores(server: frozenset[int] | None, load: frozenset[int] | None, workers: int = 1) -> Cores:
    """What was asked for; by default a core for each worker, the first ones, and all others for the load.

    Args:
        server: the node's cores; None if not said, empty for any.
        load: the load's.
        workers: of the node. One core at least is left to the load.

    Raises:
        ValueError: a core that we may not use.
    """
    usable = os.sched_getaffinity(0)
    for asked in (server, load):
        if asked is not None and not asked <= usable:
            raise ValueError(f"cores {sorted(asked - usable)} are not there: there are {sorted(usable)}")
    if len(usable) < 2 and server is None and load is None:
        return Cores(frozenset(), frozenset())
    if server is None:
        free = sorted(usable - (load or frozenset()) or usable)
        server = frozenset(free[: max(1, min(workers, len(free) - (load is None)))])
    if load is None:
        load = frozenset(usable - server) or frozenset(usable)
    return Cores(server, load)
