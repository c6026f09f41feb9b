"""A connection is looked at when its beat comes, and is nowhere once it has left."""

from typing import cast

from relay.deadlines import Deadlines
from relay.outgoing import Outgoing


class FakeOutgoing:
    """What the wheel looks at of an outgoing side."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.look_at = 0


def make(number: int) -> Outgoing:
    return cast("Outgoing", FakeOutgoing(number))


def test_a_connection_is_due_in_its_beat_and_in_no_other() -> None:
    deadlines, one, two = Deadlines(), make(1), make(2)
    deadlines.put(one, 5)
    deadlines.put(two, 6)
    assert [deadlines.due(beat) for beat in (4, 5, 6)] == [[], [one], [two]]


def test_a_new_beat_takes_the_place_of_the_old() -> None:
    deadlines, one = Deadlines(), make(1)
    deadlines.put(one, 5)
    deadlines.put(one, 9)
    assert (len(deadlines), deadlines.due(5), deadlines.due(9)) == (1, [], [one])


def test_who_leaves_is_found_at_once_and_leaves_nothing_behind() -> None:
    deadlines, one, two = Deadlines(), make(1), make(2)
    deadlines.put(one, 5)
    deadlines.put(two, 5)
    assert deadlines.remove(one)
    assert not deadlines.remove(one)
    assert (len(deadlines), list(deadlines), deadlines.due(5)) == (1, [two], [two])
    assert deadlines.remove(two)
    assert deadlines._buckets == {}


def test_who_has_left_is_not_brought_back_by_a_look_that_is_over() -> None:
    deadlines, one, two = Deadlines(), make(1), make(2)
    deadlines.put(one, 5)
    deadlines.put(two, 5)
    deadlines.remove(one)
    deadlines.move(one, 9)
    deadlines.move(two, 9)
    assert (list(deadlines), deadlines.due(9)) == ([two], [two])
