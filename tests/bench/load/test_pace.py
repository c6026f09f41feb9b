"""A pace is even, and catches up in bounded turns."""

from bench.load.pace import MESSAGES_A_TURN, Pace


def test_messages_are_due_at_even_distances_whether_or_not_anybody_looked() -> None:
    pace = Pace(began=10.0, rate=2.0)
    assert pace.due(9.9) == []
    assert pace.due(10.0) == [(0, 10.0)]
    assert pace.due(10.4) == []
    assert pace.due(11.6) == [(1, 10.5), (2, 11.0), (3, 11.5)]


def test_a_load_that_is_behind_catches_up_in_bounded_turns_and_leaves_nothing_out() -> None:
    pace = Pace(began=0.0, rate=10.0)
    behind = 3 * MESSAGES_A_TURN
    turns = [pace.due(behind / 10.0) for _ in range(4)]
    assert max(len(turn) for turn in turns) == MESSAGES_A_TURN
    assert [number for turn in turns for number, _ in turn] == list(range(behind + 1))
