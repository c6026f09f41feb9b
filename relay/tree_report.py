"""The supervision tree of a running node as one JSON object: what `/tree` answers and `roost top` shows."""

from typing import Any

from actors import ActorDeadError, ActorRef, ActorSystem
from actors.introspection import actor_info
from supervisors import ChildInfo, ChildType, SupervisorHandle

ROOT_NAME = "relay"
"""What the registry knows the root supervisor as."""

MAX_CHILDREN_LISTED = 100
"""Of one supervisor: a node has thousands of mailboxes, and nobody reads them all. The others are counted."""


async def tree_report(system: ActorSystem) -> dict[str, Any]:
    """The tree from the root down; an actor that ends while it is drawn is left out."""
    root = system.whereis(ROOT_NAME)
    if root is None:
        return {"name": ROOT_NAME, "state": "stopped", "children": []}
    return await _supervisor(ROOT_NAME, root, restarts=0)


async def _supervisor(name: str, ref: ActorRef, restarts: int) -> dict[str, Any]:
    try:
        children = await SupervisorHandle(ref).which_children()
    except ActorDeadError:
        children = []
    # The busiest first: the longest mailbox is where to look when a node is slow.
    children.sort(key=lambda child: -_queue_length(child.ref)) if len(
        children
    ) > MAX_CHILDREN_LISTED else None
    listed = [await _child(child) for child in children[:MAX_CHILDREN_LISTED]]
    return {
        **_facts(name, ref, "running", restarts),
        "children": listed,
        "children_omitted": len(children) - len(listed),
    }


async def _child(child: ChildInfo) -> dict[str, Any]:
    if child.type is ChildType.SUPERVISOR and child.ref is not None:
        return await _supervisor(child.id, child.ref, child.restarts)
    return _facts(child.id, child.ref, child.state.value, child.restarts)


def _facts(name: str, ref: ActorRef | None, state: str, restarts: int) -> dict[str, Any]:
    facts: dict[str, Any] = {"name": name, "state": state, "restarts": restarts}
    info = actor_info(ref) if ref is not None else None
    if info is not None:
        facts["kind"] = info.kind
        facts["mailbox"] = info.mailbox.length
        facts["mailbox_peak"] = info.mailbox.peak
        facts["handled"] = info.mailbox.handled
    return facts


def _queue_length(ref: ActorRef | None) -> int:
    info = actor_info(ref) if ref is not None else None
    return info.mailbox.length if info is not None else 0
