"""The JSON of a run has medians at the top, says how far to trust them, and can be read again."""

from pathlib import Path

import pytest

from bench.document import Document, document, figures_of, histogram_of, read_document, write_document
from bench.errors import BenchError
from bench.histogram import Histogram
from bench.measurement import Figure, Measurement, Point
from bench.timeline import Use
from bench.verdict import Verdict

FINE = Verdict(True, "node", ("fine",))
SPOILT = Verdict(False, "load", ("spoilt",))


def measurement(ticked: Figure, verdict: Verdict = FINE) -> Measurement:
    took = Histogram()
    took.record(0.005)
    return Measurement(
        {"ticked_per_s": ticked, "worker_cpu_us_per_message": None},
        verdict,
        [Use("worker 0", 1.0, 0.0)],
        [Point(1.0, {"ticked_per_s": ticked, "online": 4})],
        {"ticked": took},
    )


def a_document(*ticked: float) -> Document:
    facts = {
        "scenario": "pairs",
        "date": "2026-01-01T00:00:00Z",
        "commit": "abc",
        "command": "roost bench pairs",
    }
    return document([measurement(each) for each in ticked], facts)


def test_the_figures_at_the_top_are_medians_and_their_spread_is_beside_them() -> None:
    found = a_document(10.0, 30.0, 20.0)
    assert found["ticked_per_s"] == 20.0
    assert found["spread"] == {"ticked_per_s": {"low": 10.0, "high": 30.0}}
    assert [each["ticked_per_s"] for each in found["repetitions"]] == [10.0, 30.0, 20.0]
    assert found["is_valid"]


def test_a_figure_that_could_not_be_read_stays_unknown() -> None:
    assert a_document(10.0)["worker_cpu_us_per_message"] is None
    assert a_document(10.0)["spread"] == {}


def test_one_spoilt_repetition_spoils_the_run() -> None:
    found = document([measurement(1.0), measurement(2.0, SPOILT)], {"scenario": "pairs"})
    assert not found["is_valid"]
    assert found["limit"] == "load"
    assert found["remarks"] == ["fine", "spoilt"]


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    found = a_document(10.0, 20.0)
    write_document(tmp_path / "new" / "a.json", found)
    again = read_document(tmp_path / "new" / "a.json")
    assert figures_of(again) == figures_of(found)
    assert len(histogram_of(again, "ticked")) == 2
    assert len(histogram_of(again, "login")) == 0


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 999, "repetitions": [{}]}'])
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(BenchError, match=r"a\.json"):
        read_document(tmp_path / "a.json")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="No such file"):
        read_document(tmp_path / "a.json")
