"""How a node is, before and after: its memory, its workers' restarts, and its supervision tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from faults.real.fault import Broken
from faults.real.node import NodeProcess
from roost.admin import AdminError


@dataclass(frozen=True, slots=True)
class Health:
    """A node at one moment."""

    resident_bytes: int
    """Of all its processes; what they share counts several times."""
    restarts: int
    """How often workers were started again, in this life of the node."""
    lives: int
    """Of the node."""
    queued: int
    """Messages that wait for devices."""
    tree: tuple[str, ...]
    """The paths of all supervisors and of the actors that are always there."""
    ailing: tuple[str, ...]
    """Those of them that do not run."""


async def look_at(node: NodeProcess) -> Health:
    """Ask a node how it is.

    Raises:
        Broken: it does not answer.
    """
    try:
        status, tree = await node.status(), await node.tree()
    except AdminError as error:
        raise Broken(f"the node does not say how it is: {error}") from None
    states = dict(skeleton(tree))
    return Health(
        resident_bytes=node.resident_bytes(),
        restarts=sum(int(worker["restarts"]) for worker in status["workers"]),
        lives=node.lives,
        queued=int(status["queued_messages"]),
        tree=tuple(states),
        ailing=tuple(path for path, state in states.items() if state != "running"),
    )


def skeleton(actor: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Path and state of each actor, but for those that come and go with users."""
    path = f"{above}/{actor['name']}" if above else str(actor["name"])
    yield path, str(actor.get("state", "running"))
    if "max_children" in actor:
        return  # a dynamic supervisor's children are there for somebody
    for child in actor.get("children", ()):
        yield from skeleton(child, path)


def complaints(before: Health, after: Health) -> list[str]:
    """What is not as it was, and should be."""
    missing = [path for path in before.tree if path not in after.tree]
    found = [f"{path} is missing in the tree" for path in missing]
    found += [f"{path} does not run" for path in after.ailing]
    return found
