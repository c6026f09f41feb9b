"""The page stands alone, shows every figure, and marks what is worth nothing."""

from html.parser import HTMLParser
from pathlib import Path

import pytest

from bench.document import document
from bench.errors import BenchError
from bench.page import as_page, write_page
from tests.bench.test_beside import a_peer
from tests.bench.test_document import SPOILT, a_document, measurement

FACTS = {"scenario": "pairs", "date": "today", "commit": "abc", "command": "roost bench pairs <x>"}


class Balance(HTMLParser):
    """Notices an element that is closed without having been opened, and the other way round."""

    VOID = ("meta", "br", "line")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        assert not any(name in ("src", "href") for name, _ in attrs), "the page needs nothing else"
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in (*self.VOID, "li", "polyline"):
            while self.open[-1] in ("li", "polyline") and self.open[-1] != tag:
                self.open.pop()
            assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_else(tmp_path: Path) -> None:
    page = write_page(tmp_path / "report", a_document(10.0, 20.0))
    balance = Balance()
    balance.feed(page.read_text(encoding="utf-8"))
    assert balance.open == []
    assert "svg" in balance.seen
    assert "script" not in balance.seen


def test_every_figure_and_the_way_it_was_made_are_there() -> None:
    page = as_page(a_document(10.0, 30.0))
    assert "ticked_per_s" in page
    assert "10.0 to 30.0" in page
    assert "roost bench pairs" in page


def test_the_page_is_readable_in_light_and_in_dark() -> None:
    page = as_page(a_document(1.0))
    assert "color-scheme: light dark" in page
    assert "prefers-color-scheme: dark" in page


def test_figures_that_are_the_loads_are_marked_and_text_is_escaped() -> None:
    page = as_page(document([measurement(1.0, SPOILT)], FACTS))
    assert '<p class="invalid">INVALID' in page
    assert "&lt;x&gt;" in page


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BenchError, match="index"):
        write_page(tmp_path / "file" / "report", a_document(1.0))


def test_other_servers_have_columns_of_their_own() -> None:
    found = a_document(10.0) | {"peers": {"fast": a_peer(40.0), "gone": {"skipped": "<not> installed"}}}
    page = as_page(found)
    balance = Balance()
    balance.feed(page)
    assert balance.open == []
    assert "<th>fast</th>" in page
    assert "<th>gone</th>" not in page
    assert "gone was skipped: &lt;not&gt; installed" in page
    assert "Beside other servers" not in as_page(a_document(10.0))
