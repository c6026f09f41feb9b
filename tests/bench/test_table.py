"""The table shows what is known, with its spread, and marks what is worth nothing."""

import pytest

from bench.document import document
from bench.table import as_table, columns, number
from tests.bench.test_document import FINE, SPOILT, a_document, measurement


def test_a_figure_has_its_name_unit_and_spread() -> None:
    (line,) = [line for line in as_table(a_document(10.0, 30.0)).splitlines() if "up to ✓✓" in line]
    assert "messages/s" in line
    assert "20.0" in line
    assert "10.0 to 30.0" in line


def test_keys_are_shown_to_who_asks_for_them() -> None:
    found = a_document(10.0, 30.0)
    assert "ticked_per_s" not in as_table(found)
    assert any(line.endswith("  ticked_per_s") for line in as_table(found, with_keys=True).splitlines())


def test_what_could_not_be_read_is_left_out() -> None:
    assert "worker_cpu" not in as_table(a_document(10.0))


def test_figures_that_stand_beside_those_of_others_are_not_repeated() -> None:
    found = document([measurement(1.0, FINE)], {"scenario": "pairs"})
    assert "up to ✓✓" in as_table(found)
    rest = as_table(found, without={"ticked_per_s"}).splitlines()
    assert rest == [f"note: {line}" for line in FINE.sentences]


def test_figures_that_are_the_loads_are_marked() -> None:
    assert "INVALID" in as_table(document([measurement(1.0, SPOILT)], {"scenario": "pairs"}))
    assert "INVALID" not in as_table(document([measurement(1.0, FINE)], {"scenario": "pairs"}))


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (12_345, "12,345"), (12_345.6, "12,346"), (12.34, "12.3"), (0.123, "0.12"), (0, "0")],
)
def test_a_number_has_no_more_digits_than_it_deserves(value: float | None, text: str) -> None:
    assert number(value) == text


def test_columns_are_as_wide_as_their_widest_cell() -> None:
    assert columns([("a", "1", "x"), ("bbb", "22", "")]) == ["a     1  x", "bbb  22"]
    assert columns([]) == []
