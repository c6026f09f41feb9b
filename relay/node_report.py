"""What the whole node says of itself, from what its workers answered: status, readiness, and the one tree.

Pure functions over data: who asks is admin.py. A worker that did not answer is named as missing, never left
out silently: totals without it would look like a quiet node.
"""

from collections.abc import Mapping, Sequence
from numbers import Number
from typing import Any

from relay.crew import Post
from relay.phase import Phase

Answers = Mapping[int, Any]
"""{number of a worker: what it answered}; those who did not are not in it."""

OWN_FIELDS = ("version", "phase", "uptime_s")
"""Fields of a worker's status that are no figures to be added up."""


def node_status(
    version: str, phase: Phase, uptime_s: float, posts: Sequence[Post], answers: Answers
) -> dict[str, Any]:
    """The node's figures: those of all workers added up, and each worker's beside them.

    `workers` lists all that there should be; one that did not answer has only its number, pid and restarts,
    and `"state": "missing"`.
    """
    totals = added_up(
        [{key: value for key, value in one.items() if key not in OWN_FIELDS} for one in answers.values()]
    )
    return {
        "version": version,
        "phase": phase.value,
        "uptime_s": round(uptime_s, 1),
        **totals,
        "workers": [_worker_status(post, answers.get(post.number)) for post in posts],
    }


def _worker_status(post: Post, answer: Mapping[str, Any] | None) -> dict[str, Any]:
    place = {"number": post.number, "pid": post.pid, "restarts": post.restarts}
    if answer is None:
        return {**place, "state": "missing"}
    return {**place, "state": answer["phase"], **answer}


def added_up(tables: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Tables of the same kind as one: numbers added, lists place by place, tables within likewise.

    Maxima (`..._max`, `largest_...`) are not added; truth values are true if any is.
    """
    total: dict[str, Any] = {}
    for table in tables:
        for key, value in table.items():
            total[key] = _sum(key, total[key], value) if key in total else value
    return total


def _sum(key: str, one: Any, other: Any) -> Any:
    if isinstance(one, Mapping):
        return added_up([one, other])
    if isinstance(one, list):
        return [_sum(key, *pair) for pair in zip(one, other, strict=True)]
    if isinstance(one, bool):
        return one or other
    if key.endswith("_max") or key.startswith("largest_"):
        return max(one, other)
    return one + other if isinstance(one, Number) else one


def node_readiness(phase: Phase, posts: Sequence[Post], answers: Answers) -> dict[str, Any]:
    """`status`, `ready`, and the `reasons` against it: the node's own, and each worker's with its number."""
    reasons: list[dict[str, Any]] = []
    if phase is not Phase.READY:
        reasons.append({"name": phase.value, "detail": "devices cannot connect"})
    for post in posts:
        answer = answers.get(post.number)
        if answer is not None:
            reasons += [{**reason, "worker": post.number} for reason in answer["reasons"]]
        elif phase is Phase.READY:
            detail = f"worker {post.number} does not answer"
            reasons.append({"name": "worker-missing", "detail": detail, "worker": post.number})
    return {"status": phase.value, "ready": not reasons, "reasons": reasons}


def node_tree_report(tree: dict[str, Any], posts: Sequence[Post], answers: Answers) -> dict[str, Any]:
    """The parent's tree, with each worker's own below its process."""
    by_name = {post.name: post for post in posts}
    return _grafted(tree, by_name, answers)


def _grafted(node: dict[str, Any], by_name: Mapping[str, Post], answers: Answers) -> dict[str, Any]:
    post = by_name.get(node["name"])
    if post is not None:
        below = answers.get(post.number, {"children": [], "children_total": 0, "children_omitted": 0})
        inherited = ("children", "children_total", "children_omitted")
        return {**node, "pid": post.pid, **{key: below[key] for key in inherited}}
    if "children" not in node:
        return node
    return {**node, "children": [_grafted(child, by_name, answers) for child in node["children"]]}
