import json
import re

import pytest

from faults.real.report import BROKEN, HELD, TOO_LITTLE, Report, Row, as_lines, as_markdown, percentile


def report(verdict: str = HELD, **changes: object) -> Report:
    rows = [
        Row("kill worker", "It is started again.", runs=2, recovery=[0.5, 1.0, 2.0, 9.0], silence=1.5),
        Row("full disk", "It says so.", skipped="needs root"),
    ]
    facts: dict[str, object] = {
        "plan": "standard",
        "seed": 7,
        "verdict": verdict,
        "seconds": 61.2,
        "rows": rows,
        "steps": [],
        "messages": {"written": 1200, "accepted": 1199},
        "crowd": {"clients": 4, "people": 12, "devices": 16, "lives": 20, "shown": 5000},
        "node": {
            "rss_before": 200 << 20,
            "rss_after": 210 << 20,
            "lives": 2,
            "restarts": 3,
            "complaints": {"child_terminated": 3},
        },
        "problems": [],
        "origin": {"machine_line": "2 cores", "commit": "abc", "command": "roost faults run"},
    }
    return Report(**{**facts, **changes})  # type: ignore[arg-type]  # a table of all fields


@pytest.mark.parametrize(("part", "value"), [(0.0, 1.0), (0.5, 5.0), (0.9, 9.0), (0.99, 10.0), (1.0, 10.0)])
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(part: float, value: float) -> None:
    assert percentile([10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0], part) == value


def test_of_no_values_there_is_no_percentile() -> None:
    assert percentile([], 0.5) is None


def test_the_table_has_a_line_for_each_fault_and_says_why_one_was_left_out() -> None:
    lines = as_lines(report())
    assert (
        re.sub(" +", " ", lines[0])
        == "fault runs p50 s p99 s worst s silence s lost doubled reordered broken"
    )
    assert re.sub(" +", " ", lines[1]) == "kill worker 2 1.0 9.0 9.0 1.5 0 0 0 0"
    assert "  full disk: left out, needs root" in lines
    assert len({len(line) for line in lines[:3]}) == 1


def test_the_last_line_says_that_all_held_or_the_last_lines_what_did_not() -> None:
    assert as_lines(report())[-1] == "all that was promised held"
    assert as_lines(report(BROKEN, problems=["D2: lost"]))[-2:] == ["VIOLATIONS: 1", "  D2: lost"]
    assert "NO VERDICT" in as_lines(report(TOO_LITTLE))[-1]


def test_of_many_problems_some_are_shown_and_the_others_counted() -> None:
    lines = as_lines(report(BROKEN, problems=[f"D2: {number}" for number in range(50)]))
    assert lines[-1] == "  and 30 more, in report.json"


def test_the_page_says_what_was_promised_where_it_was_run_and_how() -> None:
    page = as_markdown(report())
    assert "| kill worker | It is started again. | 2 |" in page
    assert "`roost faults run`" in page
    assert "left out: full disk, needs root" in page


def test_the_json_has_everything_under_names_that_stay() -> None:
    data = json.loads(json.dumps(report().as_data()))
    assert list(data) == [
        "plan",
        "seed",
        "verdict",
        "seconds",
        "rows",
        "steps",
        "messages",
        "crowd",
        "node",
        "problems",
        "surprises",
        "left_out",
        "origin",
    ]
    assert data["rows"][0] == {
        "fault": "kill worker",
        "promise": "It is started again.",
        "runs": 2,
        "skipped": "",
        "recovery_p50_s": 1.0,
        "recovery_p99_s": 9.0,
        "recovery_worst_s": 9.0,
        "silence_worst_s": 1.5,
        "lost": 0,
        "duplicated": 0,
        "reordered": 0,
        "broken": [],
    }
