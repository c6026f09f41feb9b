"""faults/real/memory.py: what a device still knows when its process was killed."""

from faults.real.ledger import Declined, Grouped, Intends, Life, Record, Shown, Tick, Wrote
from faults.real.memory import Memory, remember


def ann(*records: Record) -> Memory:
    """What Ann's phone remembers of this."""
    return remember(records)["ann"]


def test_nobody_remembers_what_others_have_noted() -> None:
    memories = remember([Life(1.0, "ann", "ann", "aa", 1), Intends(2.0, "ben", "ben.1.1", "ann")])
    assert memories["ann"] == Memory(lives=1)
    assert memories["ben"].doubtful == {"ben.1.1": "ann"}


def test_lives_are_counted_on() -> None:
    assert ann(Life(1.0, "ann", "ann", "aa", 1), Life(2.0, "ann", "ann", "aa", 2)).lives == 2


def test_what_was_about_to_be_written_is_doubtful_until_it_is_said_to_be() -> None:
    first, second = Intends(1.0, "ann", "ann.1.1", "ben"), Intends(3.0, "ann", "ann.1.2", "ben")
    assert ann(first, Wrote(2.0, "ann", "ann.1.1", "11"), second).doubtful == {"ann.1.2": "ben"}
    assert ann(first, Declined(2.0, "ann", "ann.1.1", "StoreFailedError")).doubtful == {}


def test_a_message_is_unfinished_until_nothing_more_can_become_of_it() -> None:
    wrote = Wrote(1.0, "ann", "ann.1.1", "11")
    assert ann(wrote).unfinished == {"11": "pending"}
    assert ann(wrote, Tick(2.0, "ann", "11", "delivered")).unfinished == {"11": "delivered"}
    for state in ("read", "failed", "expired"):
        assert ann(wrote, Tick(2.0, "ann", "11", state)).unfinished == {}


def test_groups_that_were_about_to_be_made_are_remembered() -> None:
    grouped = Grouped(1.0, "ann", "g0", ("ann", "ben"))
    assert list(ann(grouped, Shown(2.0, "ann", "ben.1.1")).grouped) == ["g0"]
