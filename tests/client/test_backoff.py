from heapq import heapify, heappop, heappush
from random import Random

from client.backoff import LAST_CEILING_SECONDS, Backoff


def highest(count: int) -> bytes:
    return b"\xff" * count


def lowest(count: int) -> bytes:
    return b"\x00" * count


def test_the_ceiling_doubles_with_every_failure_up_to_the_last() -> None:
    backoff = Backoff(highest)
    waits = [round(backoff.next_wait(), 3) for _ in range(9)]
    assert waits == [0.3, 1, 2, 4, 8, 16, 30, 30, 30]


def test_jitter_reaches_down_to_no_wait_at_all() -> None:
    assert Backoff(lowest).next_wait() == 0


def test_a_connection_that_worked_starts_the_count_again() -> None:
    backoff = Backoff(highest)
    for _ in range(5):
        backoff.next_wait()
    backoff.reset()
    assert round(backoff.next_wait(), 3) == 0.3


def test_where_too_many_come_at_once_even_the_first_wait_is_spread_over_seconds() -> None:
    backoff = Backoff(highest)
    assert [round(backoff.next_wait(is_crowded=True)) for _ in range(6)] == [4, 4, 4, 4, 8, 16]


def test_fifteen_thousand_that_lose_their_relay_at_once_settle_within_seconds() -> None:
    # The relay takes 4,000 at once and 2,000 a second from then on; whoever finds it full comes again later.
    entropy = Random(5).randbytes
    backoffs = [Backoff(entropy) for _ in range(15_000)]
    waiting = [(backoff.next_wait(), place, backoff) for place, backoff in enumerate(backoffs)]
    heapify(waiting)
    room, tries, now = 4_000.0, 0, 0.0
    while waiting:
        at, place, backoff = heappop(waiting)
        room, now, tries = min(4_000.0, room + (at - now) * 2_000), at, tries + 1
        if room >= 1:
            room -= 1
        else:
            heappush(waiting, (at + backoff.next_wait(is_crowded=True), place, backoff))
    assert now < 30
    assert tries < 4 * 15_000


def test_a_relays_hint_is_obeyed_and_only_ever_stretched() -> None:
    assert Backoff(lowest).next_wait(hint=20) == 20
    assert 20 < Backoff(highest).next_wait(hint=20) <= 25


def test_very_many_failures_still_give_a_wait() -> None:
    backoff = Backoff(highest)
    backoff.failures = 100_000
    assert backoff.next_wait() <= LAST_CEILING_SECONDS
