import json
from datetime import UTC, datetime
from pathlib import Path

from faults.real.node_log import Complaint, Excuse, complaints, unexplained


def line(event: str, at: float = 100.0, level: str = "error", **facts: object) -> str:
    moment = datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    return json.dumps({"at": moment, "level": level, "event": event, **facts})


def read(folder: Path, *lines: str) -> list[Complaint]:
    log = folder / "node.log"
    log.write_text("\n".join(lines) + "\n")
    return complaints(log)


def test_errors_are_found_and_what_is_no_error_is_not(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        line("worker_started", level="info"),
        line("storage_full"),
        line("journal_failed", level="critical"),
        "Roost is ready. Its address, with its key:",
        "",
    )
    assert [(each.event, each.at) for each in found] == [("storage_full", 100.0), ("journal_failed", 100.0)]


def test_a_traceback_that_no_logger_wrote_is_found(tmp_path: Path) -> None:
    found = read(tmp_path, "Traceback (most recent call last):", '  File "x.py", line 1')
    assert [each.event for each in found] == ["traceback"]


def test_a_line_that_a_killed_process_has_not_finished_is_passed_over(tmp_path: Path) -> None:
    assert read(tmp_path, line("storage_full")[:40]) == []


def test_a_missing_log_complains_of_nothing(tmp_path: Path) -> None:
    assert complaints(tmp_path / "node.log") == []


def test_that_a_worker_was_killed_is_explained_while_something_is_broken_and_not_in_peace(
    tmp_path: Path,
) -> None:
    lines = [line("child_terminated", at, child="worker-0", exit_status=-9) for at in (100.0, 200.0)]
    found = read(tmp_path, *lines)
    assert [each.at for each in unexplained(found, [Excuse(99.0, 101.0)])] == [200.0]


def test_that_a_worker_ended_by_itself_is_explained_by_a_fault_only_that_says_so(tmp_path: Path) -> None:
    found = read(tmp_path, line("child_terminated", child="worker-0", exit_status=1))
    assert unexplained(found, [Excuse(99.0, 101.0)]) == found
    assert unexplained(found, [Excuse(99.0, 101.0, ("child_terminated",))]) == []


def test_another_error_at_the_same_time_is_not_explained(tmp_path: Path) -> None:
    found = read(tmp_path, line("account_unreadable"))
    assert unexplained(found, [Excuse(99.0, 101.0, ("storage_full",))]) == found
