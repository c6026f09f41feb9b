"""What the node says of itself is what its workers said, put together; who said nothing is named."""

from pathlib import Path
from typing import Any

from relay.crew import Post
from relay.node_report import added_up, node_readiness, node_status, node_tree_report
from relay.phase import Phase


def posts(count: int) -> list[Post]:
    return [Post(number, Path("nowhere"), lambda: None) for number in range(count)]


def answer(connections: int, accepted: int, batches: list[int], commit_max: float) -> dict[str, Any]:
    return {
        "phase": "ready",
        "uptime_s": 5.0,
        "connections": connections,
        "counters": {"accepted": accepted, "refused": {"wait": accepted}},
        "journal": {"batch_sizes": batches, "commit_seconds_max": commit_max, "storage_full": commit_max > 1},
    }


def test_figures_are_added_up_and_the_workers_stand_beside_them() -> None:
    answers = {0: answer(3, 10, [1, 2], 0.5), 1: answer(4, 20, [3, 4], 2.0)}
    status = node_status("1.2", Phase.READY, 60.04, posts(2), answers)
    assert (status["version"], status["phase"], status["uptime_s"]) == ("1.2", "ready", 60.0)
    assert status["connections"] == 7
    assert status["counters"] == {"accepted": 30, "refused": {"wait": 30}}
    assert status["journal"] == {"batch_sizes": [4, 6], "commit_seconds_max": 2.0, "storage_full": True}
    assert [(one["number"], one["connections"]) for one in status["workers"]] == [(0, 3), (1, 4)]


def test_a_worker_that_did_not_answer_is_listed_as_missing() -> None:
    of = posts(2)
    of[1].line.began(4_712)
    status = node_status("1", Phase.READY, 1.0, of, {0: answer(3, 0, [], 0.0)})
    assert status["connections"] == 3
    assert status["workers"][1] == {"number": 1, "pid": 4_712, "restarts": 0, "state": "missing"}


def test_without_any_answer_there_are_no_figures_but_the_node_still_speaks() -> None:
    status = node_status("1", Phase.STARTING, 0.0, posts(1), {})
    assert status["phase"] == "starting"
    assert "connections" not in status


def test_what_only_one_worker_has_counted_is_not_lost() -> None:
    closed: list[dict[str, dict[str, int]]] = [
        {"closed": {"eof": 1}},
        {"closed": {"reset": 2}},
        {"closed": {}},
    ]
    assert added_up(closed) == {"closed": {"eof": 1, "reset": 2}}
    assert added_up([]) == {}


def test_a_node_is_ready_when_all_its_workers_are() -> None:
    fine: dict[str, Any] = {"reasons": []}
    assert node_readiness(Phase.READY, posts(2), {0: fine, 1: fine}) == {
        "status": "ready",
        "ready": True,
        "reasons": [],
    }


def test_a_reason_of_one_worker_is_the_node_s_and_says_whose_it_is() -> None:
    full = {"reasons": [{"name": "storage-full", "detail": "disk or map is nearly full"}]}
    answer = node_readiness(Phase.READY, posts(2), {0: {"reasons": []}, 1: full})
    assert not answer["ready"]
    assert answer["reasons"] == [
        {"name": "storage-full", "detail": "disk or map is nearly full", "worker": 1}
    ]


def test_a_worker_that_does_not_answer_makes_a_ready_node_red() -> None:
    answer = node_readiness(Phase.READY, posts(2), {0: {"reasons": []}})
    assert [(reason["name"], reason["worker"]) for reason in answer["reasons"]] == [("worker-missing", 1)]


def test_a_node_that_starts_says_only_that() -> None:
    answer = node_readiness(Phase.STARTING, posts(2), {})
    assert [reason["name"] for reason in answer["reasons"]] == ["starting"]


def leaf(name: str) -> dict[str, Any]:
    return {"name": name, "type": "worker"}


def test_each_worker_s_own_tree_stands_below_its_process() -> None:
    supervisor = {"name": "workers", "children": [leaf("worker-0"), leaf("worker-1")]}
    tree = {"name": "system", "children": [{"name": "node", "children": [leaf("admin"), supervisor]}]}
    of = posts(2)
    of[0].line.began(4_711)
    below = {"children": [{"name": "relay"}], "children_total": 1, "children_omitted": 0}
    whole = node_tree_report(tree, of, {0: {"name": "system", **below}})
    first, second = whole["children"][0]["children"][1]["children"]
    assert first == {**leaf("worker-0"), "pid": 4_711, **below}
    assert (second["pid"], second["children"]) == (None, [])
    assert whole["children"][0]["children"][0] == leaf("admin")
