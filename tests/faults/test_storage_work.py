from __future__ import annotations

from pathlib import Path

from faults.real.storage_work import count_stored, draw_submissions, rows_after, stored_rows
from storage import InlineJournal, open_environment


def test_a_seed_is_one_piece_of_work() -> None:
    assert draw_submissions(1, 20) == draw_submissions(1, 20)
    assert draw_submissions(1, 20) != draw_submissions(2, 20)
    assert draw_submissions(1, 30)[:20] == draw_submissions(1, 20)


def test_a_store_holds_what_its_submissions_make_and_says_how_many_they_are(tmp_path: Path) -> None:
    work = draw_submissions(3, 120)
    with open_environment(tmp_path, map_bytes=1 << 26, reserve_bytes=0) as environment:
        journal = InlineJournal(environment)
        answers: list[object] = []
        for number, ops in enumerate(work, start=1):
            journal.submit(ops, answers.append)
            if number in (1, 60, 120):
                with environment.read() as reader:
                    assert count_stored(reader) == number
                    assert stored_rows(reader) == rows_after(work[:number])
    assert answers == [None] * len(work)
