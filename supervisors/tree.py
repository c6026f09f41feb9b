"""The live supervision tree as data and as text: who runs, how often restarted, how long the mailboxes are.

Reads what the supervisors and the runtime know anyway, asks nobody, and so answers even while a supervisor
waits for a child. It costs some 10 µs for each node that is listed, and a glance at each that is not: below
a supervisor with very many children only those with the longest mailboxes are listed.

The form is stable, for machines (`roost top --json`). Every node is a dict with these keys:

| key | meaning |
|---|---|
| `name` | the child's id; of a root its registered name or its class |
| `kind` | class of the actor; None while there is no actor |
| `id` | number of the actor in its system; None while there is no actor |
| `type` | "worker", "supervisor", or "system" for the node above all roots |
| `state` | "running", "restarting" (its next start is planned) or "stopped" |
| `restarts` | how often this child was restarted by its supervisor |
| `mailbox`, `mailbox_peak`, `mailbox_limit` | messages waiting now, at most so far, at most ever |
| `handled`, `dropped`, `refused` | messages since the actor's start |
| `rates` | messages a second, decayed over {"1", "10", "100"} seconds |
| `children` | supervisors and the system only: the listed children, in start order |
| `children_total`, `children_omitted` | the same only: how many there are, and how many are not listed |
| `strategy`, `intensity`, `period`, `restarts_of_children` | supervisors only |
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import Any

from actors import ActorRef, ActorSystem
from actors.introspection import ActorInfo, actor_info
from supervisors.base import SupervisorBase, supervisors_of
from supervisors.child import Child, ChildState
from supervisors.child_spec import ChildType

DEFAULT_CHILDREN_LISTED = 100
"""Children listed below one supervisor: more than anybody reads."""

Node = dict[str, Any]


def tree_as_data(system: ActorSystem, children_listed: int = DEFAULT_CHILDREN_LISTED) -> Node:
    """The whole system as a plain dict that can be turned into JSON: the roots, and what is below them.

    Roots are the supervisors that no supervisor started. Actors that nobody supervises are not shown.

    Args:
        system: whose tree.
        children_listed: below one supervisor, list at most so many: those with the longest mailboxes.
    """
    supervisors = supervisors_of(system)
    below = {child.ref for supervisor in supervisors.values() for child in supervisor.children()}
    roots = [
        _supervisor_node(supervisor.name, ref, supervisor, supervisors, children_listed)
        for ref, supervisor in supervisors.items()
        if ref not in below
    ]
    totals = {"children": roots, "children_total": len(roots), "children_omitted": 0}
    return {**_node("system", "system", ChildState.RUNNING, None), "restarts": 0, **totals}


def _supervisor_node(
    name: str,
    ref: ActorRef,
    supervisor: SupervisorBase,
    supervisors: dict[ActorRef, SupervisorBase],
    children_listed: int,
) -> Node:
    everyone = list(supervisor.children())
    listed = _most_interesting(everyone, children_listed)
    return {
        **_node(name, "supervisor", ChildState.RUNNING, actor_info(ref)),
        "restarts": 0,
        **supervisor.settings(),
        "restarts_of_children": supervisor.restarts,
        "children": [_child_node(child, supervisors, children_listed) for child in listed],
        "children_total": len(everyone),
        "children_omitted": len(everyone) - len(listed),
    }


def _child_node(child: Child, supervisors: dict[ActorRef, SupervisorBase], children_listed: int) -> Node:
    supervisor = supervisors.get(child.ref) if child.ref is not None else None
    if child.ref is not None and supervisor is not None:
        node = _supervisor_node(child.spec.id, child.ref, supervisor, supervisors, children_listed)
    else:
        info = actor_info(child.ref) if child.ref is not None else None
        node = _node(child.spec.id, child.spec.type.value, child.state, info)
        if child.spec.type is ChildType.SUPERVISOR:
            node |= {"children": [], "children_total": 0, "children_omitted": 0}
    return {**node, "restarts": child.restarts}


def _most_interesting(children: list[Child], count: int) -> list[Child]:
    """At most `count` children, in start order: those that are not running, then the longest mailboxes."""
    if len(children) <= count:
        return children
    places = heapq.nlargest(count, range(len(children)), key=lambda place: _interest(children[place]))
    return [children[place] for place in sorted(places)]


def _interest(child: Child) -> tuple[bool, int]:
    statistics = child.ref.statistics() if child.ref is not None else None
    return statistics is None, statistics.length if statistics is not None else 0


def _node(name: str, type_: str, state: ChildState, info: ActorInfo | None) -> Node:
    node: Node = {"name": name, "kind": None, "id": None, "type": type_, "state": state.value}
    if info is None:
        zeros = dict.fromkeys(
            ("mailbox", "mailbox_peak", "mailbox_limit", "handled", "dropped", "refused"), 0
        )
        return {**node, **zeros, "rates": {"1": 0.0, "10": 0.0, "100": 0.0}}
    box, rates = info.mailbox, info.rates
    return {
        **node,
        "kind": info.kind,
        "id": info.id,
        "mailbox": box.length,
        "mailbox_peak": box.peak,
        "mailbox_limit": box.limit,
        "handled": box.handled,
        "dropped": box.dropped,
        "refused": box.refused,
        "rates": {
            "1": round(rates.over_1_s, 2),
            "10": round(rates.over_10_s, 2),
            "100": round(rates.over_100_s, 2),
        },
    }


def tree_as_text(tree: Node) -> str:
    """A tree of `tree_as_data` drawn with lines, one actor a line; for people and for logs."""
    return "\n".join([_caption(tree), *_branches(tree)])


def _branches(node: Node) -> Iterator[str]:
    for head, indent, child in _with_lines(node.get("children", [])):
        yield head + _caption(child)
        yield from (indent + line for line in _branches(child))
    if node.get("children_omitted"):
        yield f"   ... and {node['children_omitted']} more"


def _with_lines(children: Iterable[Node]) -> Iterator[tuple[str, str, Node]]:
    listed = list(children)
    for place, child in enumerate(listed, start=1):
        is_last = place == len(listed)
        yield ("└─ ", "   ", child) if is_last else ("├─ ", "│  ", child)


def _caption(node: Node) -> str:
    """Name, then only what is worth a word: a state other than running, waiting messages, restarts, rate."""
    words = [str(node["name"])]
    if node["kind"] is not None and node["kind"] != node["name"]:
        words.append(f"({node['kind']})")
    if node["state"] != ChildState.RUNNING.value:
        words.append(node["state"])
    if node["mailbox"]:
        words.append(f"mailbox {node['mailbox']}")
    if node["restarts"]:
        words.append(f"restarts {node['restarts']}")
    if node["rates"]["10"]:
        words.append(f"{node['rates']['10']:.1f}/s")
    return " ".join(words)
