"""faults/real/judge.py: lays what became of messages beside the faults, and says whether all held."""

from pathlib import Path

import pytest

from faults.real.arena import Arena
from faults.real.bout import Bout, Course
from faults.real.fault import Fault, Stroke
from faults.real.judge import FEWEST_ACCEPTED, judge
from faults.real.ledger import Ledger
from faults.real.node_health import Health
from faults.real.plan import Plan, Size, Step
from faults.real.report import BROKEN, HELD, IN_PEACE, TOO_LITTLE, Report
from tests.faults.pages import Pages

HEALTH = Health(1 << 20, 0, 1, 0, ("node",), ())


async def do_nothing(arena: Arena, stroke: Stroke) -> str:
    return "nothing"


FAULTS = {name: Fault(name, "somewhere", "something", do_nothing) for name in ("cut", "kill worker")}


@pytest.fixture
def pages() -> Pages:
    return Pages("ann", "ben")


def talk(pages: Pages, *numbers: int) -> None:
    """Ann and Ben write to each other, and get it."""
    for number in numbers:
        for writer, reader in (("ann", "ben"), ("ben", "ann")):
            pages.write(writer, f"{writer}.1.{number}", reader, "accepted", "delivered")
            pages.show(reader, f"{writer}.1.{number}", writer)


def course_of(pages: Pages, folder: Path, *bouts: Bout) -> Course:
    ledger = Ledger(folder / "c0.jsonl")
    for record in pages.end():
        ledger.write(record)
    ledger.close()
    plan = Plan("standard", 7, Size(clients=1), ())
    course = Course(plan, began=0.0, began_at=1000.0, ended=500.0, before=HEALTH, after=HEALTH)
    course.bouts, course.ledgers = list(bouts), [ledger.path]
    course.node_log, course.client_logs = folder / "node.log", [folder / "c0.log"]
    return course


def bout(fault: str, began: float, *, broken: str = "", skipped: str = "") -> Bout:
    step = Step(fault, 1.0, 0.5, 1)
    return Bout(step, began, mended=began + 1, over=began + 2, broken=broken, skipped=skipped)


def judged(course: Course) -> Report:
    return judge(course, FAULTS, {"commit": "abc"})


def test_a_run_in_which_everything_arrived_has_held(pages: Pages, tmp_path: Path) -> None:
    talk(pages, *range(FEWEST_ACCEPTED))
    report = judged(course_of(pages, tmp_path, bout("cut", 5.0)))
    assert (report.verdict, report.problems) == (HELD, [])
    assert report.messages["accepted"] == 2 * FEWEST_ACCEPTED
    assert [(row.fault, row.runs, len(row.recovery)) for row in report.rows] == [("cut", 1, 2)]


def test_a_run_in_which_hardly_anything_was_accepted_says_nothing(pages: Pages, tmp_path: Path) -> None:
    talk(pages, 1)
    assert judged(course_of(pages, tmp_path)).verdict == TOO_LITTLE


def test_what_was_lost_is_counted_to_the_fault_that_began_before_it_was_written(
    pages: Pages, tmp_path: Path
) -> None:
    talk(pages, *range(FEWEST_ACCEPTED))
    second = pages.at()
    pages.write("ann", "ann.1.99", "ben", "accepted")
    report = judged(course_of(pages, tmp_path, bout("cut", 3.0), bout("kill worker", second)))
    assert report.verdict == BROKEN
    assert report.problems == ["D2: ben never got ann.1.99, which is accepted"]
    assert {row.fault: row.lost for row in report.rows} == {"cut": 0, "kill worker": 1}


def test_what_was_lost_before_the_first_fault_has_a_row_of_its_own(pages: Pages, tmp_path: Path) -> None:
    pages.write("ann", "ann.1.99", "ben", "accepted")
    report = judged(course_of(pages, tmp_path, bout("cut", pages.at())))
    assert {row.fault: row.lost for row in report.rows} == {"cut": 0, IN_PEACE: 1}


def test_what_a_fault_saw_broken_is_a_violation(pages: Pages, tmp_path: Path) -> None:
    talk(pages, *range(FEWEST_ACCEPTED))
    report = judged(course_of(pages, tmp_path, bout("cut", 5.0, broken="did not recover")))
    assert (report.verdict, report.problems) == (BROKEN, ["cut: did not recover"])


def test_a_fault_that_was_left_out_has_no_runs_and_says_why(pages: Pages, tmp_path: Path) -> None:
    talk(pages, *range(FEWEST_ACCEPTED))
    report = judged(course_of(pages, tmp_path, bout("cut", 5.0, skipped="needs root")))
    assert report.verdict == HELD
    assert [(row.runs, row.skipped, row.recovery) for row in report.rows] == [(0, "needs root", [])]


def test_an_error_in_the_nodes_log_that_no_fault_explains_is_a_violation(
    pages: Pages, tmp_path: Path
) -> None:
    talk(pages, *range(FEWEST_ACCEPTED))
    course = course_of(pages, tmp_path)
    line = '{"at": "2026-01-01T00:00:00Z", "level": "error", "event": "account_unreadable"}'
    (tmp_path / "node.log").write_text(line + "\n")
    report = judged(course)
    assert report.verdict == BROKEN
    assert report.surprises == [line]
    assert report.problems == ["the node's log has an error that no fault explains: account_unreadable"]


def test_a_traceback_in_a_clients_log_is_a_violation(pages: Pages, tmp_path: Path) -> None:
    talk(pages, *range(FEWEST_ACCEPTED))
    (tmp_path / "c0.log").write_text("Traceback (most recent call last):\n")
    assert judged(course_of(pages, tmp_path)).problems == ["the log of client c0 has a traceback"]
