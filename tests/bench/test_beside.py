"""Columns of several systems: figures that there are, what each promises, and who could not be measured."""

from bench.beside import as_markdown, as_text, figure_rows, heading, keys_beside, promise_rows
from bench.document import Document, document, summary
from tests.bench.peers.fakes import PROMISES
from tests.bench.test_document import FINE, SPOILT, measurement


def a_peer(ticked: float, *, is_limited_by_load: bool = False) -> Document:
    verdict = SPOILT if is_limited_by_load else FINE
    promises = {name: getattr(PROMISES, name) for name in PROMISES.__slots__}
    return {**summary([measurement(ticked, verdict)]), "promises": promises, "version": "1.0"}


def _found(**peers: Document) -> Document:
    return document([measurement(20.0)], {"scenario": "pairs", "commit": "abc"}, peers)


def test_a_figure_has_a_column_for_each_system_that_was_measured() -> None:
    found = _found(fast=a_peer(40.0), gone={"skipped": "not installed"}, slow=a_peer(10.0))
    assert heading(found)[1:-2] == ["roost", "fast", "slow"]
    assert [row[1:-2] for row in figure_rows(found)] == [["20.0", "40.0", "10.0"]]


def test_a_peer_that_the_load_has_limited_could_do_more() -> None:
    [row] = figure_rows(_found(fast=a_peer(40.0, is_limited_by_load=True)))
    assert row[2] == "≥ 40.0"


def test_promises_stand_under_the_figures() -> None:
    rows = {title: cells for title, *cells in promise_rows(_found(fast=a_peer(40.0)))}
    assert rows["on disk when accepted"] == ["yes, fsync before ✓", "nothing"]
    assert rows["version"] == ["abc", "1.0"]


def test_the_terminal_has_what_repetitions_differ_by_and_no_figure_a_second_time() -> None:
    found = document([measurement(10.0), measurement(30.0)], {"scenario": "pairs", "commit": "abc"})
    found["peers"] = {"fast": a_peer(40.0)}
    assert "20.0 (10.0 to 30.0)" in as_text(found)
    assert list(keys_beside(found)) == ["ticked_per_s"]
    assert list(keys_beside(found | {"peers": {"gone": {"skipped": "not installed"}}})) == []


def test_who_was_skipped_is_said_with_the_reason() -> None:
    text = as_text(_found(gone={"skipped": "gone is not installed: apt-get install gone"}))
    assert text == "note: gone was skipped: gone is not installed: apt-get install gone"


def test_who_failed_is_said_with_the_reason() -> None:
    text = as_text(_found(fast=a_peer(40.0), dead={"failed": "dead ended in the middle of it"}))
    assert text.endswith("note: dead FAILED: dead ended in the middle of it")
    assert "dead" not in heading(_found(dead={"failed": "why"}))


def test_keys_are_shown_to_who_asks_for_them() -> None:
    found = _found(fast=a_peer(40.0))
    assert "ticked_per_s" not in as_text(found)
    assert "ticked_per_s" in as_text(found, with_keys=True)


def test_a_table_of_the_docs_has_as_many_cells_in_every_row() -> None:
    lines = list(as_markdown(_found(fast=a_peer(40.0), slow=a_peer(10.0))))
    assert len({line.count("|") for line in lines}) == 1
    assert "| `ticked_per_s` |" in lines[2]


def test_repetitions_stand_behind_their_median() -> None:
    peer = a_peer(40.0) | {"ticked_per_s": 30.0, "spread": {"ticked_per_s": {"low": 20.0, "high": 40.0}}}
    assert "| 20.0 | 30.0 (20.0 to 40.0) |" in "\n".join(as_markdown(_found(fast=peer)))
