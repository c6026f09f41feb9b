from pathlib import Path

import pytest

from faults.real.following import Following
from faults.real.ledger import Ledger, Life, Record, Tick, Wrote


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "c0.jsonl")


def write(ledger: Ledger, *records: Record) -> None:
    for record in records:
        ledger.write(record)


def life(who: str) -> Life:
    return Life(1.0, who, who, "00", 1)


def test_a_device_is_back_when_something_that_it_wrote_since_has_arrived(ledger: Ledger) -> None:
    following = Following([ledger.path])
    write(ledger, life("p00"), life("p01"))
    following.start_from(10.0)
    write(
        ledger,
        Wrote(11.0, "p00", "p00.1.1", "a"),
        Tick(12.0, "p00", "a", "accepted"),
        Tick(13.5, "p00", "a", "delivered"),
    )
    following.look()
    assert following.back == {"p00": 3.5}
    assert following.missing == ["p01"]


def test_what_was_written_before_says_nothing(ledger: Ledger) -> None:
    following = Following([ledger.path])
    write(ledger, life("p00"), Wrote(9.0, "p00", "p00.1.1", "a"))
    following.start_from(10.0)
    write(ledger, Tick(11.0, "p00", "a", "delivered"))
    following.look()
    assert following.missing == ["p00"]


def test_what_was_written_after_a_later_moment_is_not_counted_twice(ledger: Ledger) -> None:
    following = Following([ledger.path])
    write(ledger, life("p00"), Wrote(11.0, "p00", "p00.1.1", "a"), Tick(11.5, "p00", "a", "read"))
    following.start_from(10.0)
    following.start_from(20.0)
    assert following.missing == ["p00"]


def test_a_line_that_is_not_finished_is_read_when_it_is(tmp_path: Path) -> None:
    path = tmp_path / "c0.jsonl"
    Ledger(path).write(life("p00"))
    whole = path.read_bytes()
    following = Following([path])
    path.write_bytes(whole[:10])
    following.look()
    assert following.devices == {}
    path.write_bytes(whole)
    following.look()
    assert list(following.devices) == ["p00"]


async def test_waiting_for_all_ends_when_the_last_is_back(ledger: Ledger, autojump_clock: object) -> None:
    following = Following([ledger.path])
    write(ledger, life("p00"))
    following.start_from(10.0)
    write(ledger, Wrote(11.0, "p00", "p00.1.1", "a"), Tick(12.0, "p00", "a", "delivered"))
    assert await following.until_all_back(60.0) == []


async def test_who_is_not_back_in_time_is_named(ledger: Ledger, autojump_clock: object) -> None:
    following = Following([ledger.path, ledger.path.with_name("missing.jsonl")])
    write(ledger, life("p00"))
    following.start_from(10.0)
    assert await following.until_all_back(60.0) == ["p00"]
