"""What a worker holds in memory, counted: when all phones are off after a history, as much as before.

``census`` counts the living actors by their place in the tree, their links, watchers and timers, and the
entries of every container that can be reached from the worker through objects of ours; so whatever grows is
found without anybody having thought of it. What may stay is named here, with the reason.
"""

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from typing import Any

from actors import ActorRef
from actors.introspection import all_actors
from faults.simulation.node import Life

Census = Mapping[str, int]
"""{what: how many of it}"""

TREE = "actor "
OURS = ("actors.", "protocol.", "relay.", "storage.", "supervisors.")

MAY_STAY = (
    "Bonds.",  # counted with the actors; what were many stay a dict until there is none (actors/few.py)
    "Buckets.",  # of the rate limits: bounded, and turned over
    "Counters.",  # what has happened so far
    "Links.",  # what nobody has completed, until it expires
    "MailboxSupervisor._history",  # restarts within its period, likewise
    "Supervisor._history",
    "OpenLink.",  # likewise
    "Porter._",  # the members of the latest batch, most of the time those of the next as well
    "Timers._heap",  # timers are counted with their actors; one that was cancelled leaves the heap later
    "Worker.arrived",  # how far groups have come: bounded by groups with members here
)
"""Containers that may hold more than before, and why."""


def census(life: Life) -> Census:
    """Count what a worker holds."""
    counts: Counter[str] = Counter()
    system = life.worker.system
    places = {ref.id: _place(ref) for ref in system.actors}
    for info in all_actors(system):
        place = places[info.id]
        counts[TREE + place] += 1
        for what, number in (
            ("links", info.links),
            ("watchers", info.monitors),
            ("timers", info.timers),
            ("messages waiting", info.mailbox.length),
        ):
            counts[f"{what} of {place}"] += number
    for name, size in _containers(life.worker):
        counts[name] += size
    return {what: number for what, number in counts.items() if number}


def differences(before: Census, after: Census) -> list[str]:
    """What is not as it was, in words: the tree has to be the same, a container may hold less."""
    return [
        f"{what}: {before.get(what, 0)} before, {after.get(what, 0)} after"
        for what in sorted({**before, **after})
        if _differs(what, before.get(what, 0), after.get(what, 0))
    ]


def _differs(what: str, before: int, after: int) -> bool:
    if what.startswith(MAY_STAY):
        return False
    return after != before if what.startswith(TREE) else after > before


def _place(ref: ActorRef) -> str:
    parent = ref.parent
    above = f"{_place(parent)}/" if parent is not None and parent.is_alive else ""
    return above + ref.kind_name


def _containers(root: object) -> Iterator[tuple[str, int]]:
    """Every container that objects of ours hold, by class and attribute, and how many entries it has."""
    seen: dict[int, None] = {id(root): None}
    waiting: deque[tuple[str, Any]] = deque([("", root)])
    while waiting:
        name, found = waiting.popleft()
        parts: list[tuple[str, Any]] = []
        if isinstance(found, dict | set | frozenset | list | tuple | deque):
            yield name, len(found)
            inside = [*found.keys(), *found.values()] if isinstance(found, dict) else list(found)
            parts = [(name, each) for each in inside]
        elif type(found).__module__.startswith(OURS) and not isinstance(found, type):
            parts = [(f"{type(found).__name__}.{key}", value) for key, value in _attributes(found)]
        for part_name, part in parts:
            if id(part) not in seen and not isinstance(part, str | bytes | int | float | type):
                seen[id(part)] = None
                waiting.append((part_name, part))


def _attributes(found: object) -> Iterator[tuple[str, object]]:
    yield from getattr(found, "__dict__", {}).items()
    for kind in type(found).__mro__:
        for key in vars(kind).get("__slots__", ()):
            if hasattr(found, key):
                yield key, getattr(found, key)
