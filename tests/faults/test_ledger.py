"""faults/real/ledger.py: nothing that was written down is lost, and what is damaged is named."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from faults.real.ledger import (
    DamagedLedgerError,
    Declined,
    Elsewhere,
    Entry,
    Grouped,
    Intends,
    Ledger,
    Life,
    Link,
    Looks,
    Record,
    Settled,
    Shelf,
    Shown,
    Tick,
    Wrote,
    from_line,
    read_ledger,
    read_ledgers,
    to_line,
)

ONE_OF_EACH: tuple[Record, ...] = (
    Life(1.0, "p01", "p01", "00000000000000aa", 1),
    Grouped(1.5, "p01", "g0", ("p01", "p02")),
    Link(2.0, "p01", "offline", "the connection was reset"),
    Intends(3.0, "p01", "p01.1.1", "p02"),
    Wrote(3.1, "p01", "p01.1.1", "0011223344556677"),
    Declined(3.2, "p01", "p01.1.2", "StoreFailedError"),
    Tick(4.0, "p01", "0011223344556677", "failed", "unknown-user", is_found=True),
    Shown(5.0, "p01", "p02.1.1", "g0"),
    Elsewhere(5.5, "p01", "p01c.1.1"),
    Looks(6.0, "p01", ("p02.1.1", "p03.1.1")),
    Settled(7.0, "p01"),
    Shelf(8.0, "p01", (Entry("p02.1.1", False, "ff", "seen", "text", "bb", "g0"),)),
)

INTENDS = Intends(3.0, "p01", "p01.1.1", "p02")
WROTE = Wrote(3.1, "p01", "p01.1.1", "00")


def test_each_kind_of_record_is_read_as_it_was_written() -> None:
    assert {type(record) for record in ONE_OF_EACH} == set(get_args(Record))
    for record in ONE_OF_EACH:
        assert from_line(to_line(record)) == record


def test_what_was_written_is_read_in_its_order(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "c0.jsonl")
    for record in ONE_OF_EACH:
        ledger.write(record)
    ledger.close()
    assert list(read_ledger(tmp_path / "c0.jsonl")) == list(ONE_OF_EACH)


def test_a_ledger_that_was_never_begun_has_nothing(tmp_path: Path) -> None:
    assert list(read_ledger(tmp_path / "c0.jsonl")) == []


def test_a_torn_last_line_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "c0.jsonl"
    path.write_bytes(to_line(INTENDS) + to_line(WROTE)[:-9])
    assert list(read_ledger(path)) == [INTENDS]


def test_who_goes_on_with_a_torn_ledger_removes_what_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "c0.jsonl"
    path.write_bytes(to_line(INTENDS) + b'{"what":"wro')
    ledger = Ledger(path)
    ledger.write(WROTE)
    ledger.close()
    assert list(read_ledger(path)) == [INTENDS, WROTE]


@pytest.mark.parametrize(
    "damaged",
    [
        b"{",
        b"[1]",
        b'{"what":"prophecy","at":1.0,"who":"p01"}',
        b'{"what":"wrote","at":1.0,"who":"p01"}',
        b"\xff\xfe",
    ],
    ids=["cut short", "no object", "unknown", "without its facts", "no text"],
)
def test_a_damaged_line_is_named_by_file_and_number(tmp_path: Path, damaged: bytes) -> None:
    path = tmp_path / "c0.jsonl"
    path.write_bytes(to_line(INTENDS) + damaged + b"\n" + to_line(WROTE))
    with pytest.raises(DamagedLedgerError, match=r"c0\.jsonl, line 2: "):
        list(read_ledger(path))


def test_ledgers_are_read_together_by_time(tmp_path: Path) -> None:
    records = {"a": (INTENDS, Settled(9.0, "p01")), "b": (Settled(5.0, "p02"),)}
    for name, noted in records.items():
        (tmp_path / name).write_bytes(b"".join(map(to_line, noted)))
    together = read_ledgers([tmp_path / "a", tmp_path / "b"])
    assert [record.at for record in together] == [3.0, 5.0, 9.0]


@pytest.mark.slow
def test_a_record_outlives_the_process_that_wrote_it(tmp_path: Path) -> None:
    path = tmp_path / "c0.jsonl"
    program = (
        "import os, signal, sys; from pathlib import Path; from faults.real.ledger import Ledger, Settled;"
        "Ledger(Path(sys.argv[1])).write(Settled(1.0, 'p01')); os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(path)], check=False, env=dict(os.environ))
    assert ended.returncode == -signal.SIGKILL
    assert list(read_ledger(path)) == [Settled(1.0, "p01")]
