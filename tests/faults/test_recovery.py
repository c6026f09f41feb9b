"""faults/real/recovery.py: from when on, until when, and of whom a recovery is measured."""

import pytest

from faults.real.ledger import Intends, Life, Record, Settled, Tick, Wrote
from faults.real.recovery import Recovery, Struck, recoveries

STROKE = Struck("kill a worker", began=10.0, ended=12.0)


def message(
    who: str, at: float, *, accepted: float | None = None, delivered: float | None = None
) -> list[Record]:
    """One message, and when its ticks came."""
    text = f"{who} at {at}"
    ticks = [("accepted", accepted), ("delivered", delivered)]
    return [
        Intends(at, who, text, "somebody"),
        Wrote(at, who, text, text),
        *(Tick(when, who, text, state) for state, when in ticks if when is not None),
    ]


def only(records: list[Record], stroke: Struck = STROKE) -> Recovery:
    """What followed a single stroke."""
    (found,) = recoveries(records, [stroke])
    return found


def test_a_device_has_recovered_at_the_first_two_ticks_of_what_it_wrote_after_the_end() -> None:
    records = [
        *message("ann", 11.0, accepted=12.5, delivered=12.6),  # written before
        *message("ann", 13.0, accepted=13.5, delivered=15.0),
        *message("ann", 13.1, accepted=13.6, delivered=14.0),  # to somebody else, who was faster
        Settled(60.0, "ann"),
    ]
    assert only(records).recovered == {"ann": 2.0}


def test_read_at_once_counts_as_delivered() -> None:
    records = [*message("ann", 13.0), Tick(14.0, "ann", "ann at 13.0", "read"), Settled(60.0, "ann")]
    assert only(records).recovered == {"ann": 2.0}


def test_a_device_that_was_killed_counts_from_its_next_life() -> None:
    records: list[Record] = [
        Life(1.0, "ann", "ann", "aa", 1),
        Life(13.5, "ann", "ann", "aa", 2),
        *message("ann", 14.0, accepted=14.2, delivered=14.5),
        Settled(60.0, "ann"),
    ]
    assert only(records).recovered == {"ann": 1.0}


def test_a_device_that_wrote_and_got_nothing_is_late_and_one_that_did_not_write_is_not() -> None:
    records = [
        *message("ann", 13.0, accepted=13.2),
        *message("ben", 13.0, accepted=13.2, delivered=13.4),
        *message("cleo", 9.0, accepted=9.2, delivered=9.4),
        Settled(60.0, "ann"),
    ]
    found = only(records)
    assert found.late == ("ann",)
    assert list(found.recovered) == ["ben"]


def test_a_stroke_ends_where_the_next_begins() -> None:
    records = [*message("ann", 13.0, accepted=13.2, delivered=31.0), *message("ann", 33.0, delivered=34.0)]
    first, second = recoveries(records, [STROKE, Struck("cut all lines", 30.0, 32.0)])
    assert first.late == ("ann",)
    assert second.recovered == {"ann": 2.0}


def test_what_was_written_meanwhile_tells_how_long_it_waited() -> None:
    records = [
        *message("ann", 9.0, accepted=9.1, delivered=9.2),
        *message("ann", 10.5, accepted=12.5, delivered=13.0),
        *message("ben", 11.0, accepted=12.0),
        *message("ben", 11.5),
        Settled(60.0, "ann"),
    ]
    found = only(records)
    assert found.to_tick == (2.0, 1.0)
    assert found.to_delivery == (2.5,)
    assert found.untold == 1


def test_silence_is_the_longest_time_without_a_tick_for_anybody() -> None:
    records = [
        *message("ann", 9.0, accepted=9.5),
        *message("ann", 10.0, accepted=10.5),
        *message("ben", 11.0, accepted=14.0),
        *message("ben", 15.0, accepted=16.0),
        Settled(18.0, "ann"),
    ]
    assert only(records).silence == pytest.approx(3.5)


def test_nothing_noted_is_nothing_recovered() -> None:
    found = only([])
    assert (found.recovered, found.late, found.to_tick) == ({}, (), ())
