import pytest

from client.keepalive import Due, Keepalive


@pytest.mark.parametrize(
    ("sent_ago", "heard_ago", "due"),
    [
        (0, 0, Due.NOTHING),
        (29.9, 29.9, Due.NOTHING),
        (30, 0, Due.PING),
        (0, 29.9, Due.NOTHING),
        (0, 30, Due.PING),
        (30, 74.9, Due.PING),
        (0, 75, Due.GIVE_UP),
        (30, 75, Due.GIVE_UP),
    ],
)
def test_silence_of_ones_own_is_broken_and_the_others_is_borne_for_two_and_a_half_intervals(
    sent_ago: float, heard_ago: float, due: Due
) -> None:
    now = 1000.0
    assert Keepalive(30, now - sent_ago, now - heard_ago).due(now) is due


def test_a_ping_that_is_not_answered_yet_is_not_followed_by_another_before_an_interval_has_passed() -> None:
    keepalive = Keepalive(30, last_sent=1000.0, last_heard=970.0)
    assert keepalive.due(1000.0) is Due.PING
    keepalive.last_ping = 1000.0
    assert keepalive.due(1029.9) is Due.NOTHING
    assert keepalive.due(1030.0) is Due.PING


def test_the_clocks_are_looked_at_several_times_an_interval() -> None:
    assert Keepalive(30, 0, 0).check_s == 5
