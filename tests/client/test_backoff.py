from client.backoff import LAST_CEILING_SECONDS, Backoff


def highest(count: int) -> bytes:
    return b"\xff" * count


def lowest(count: int) -> bytes:
    return b"\x00" * count


def test_the_ceiling_doubles_with_every_failure_up_to_the_last() -> None:
    backoff = Backoff(highest)
    waits = [round(backoff.next_wait(), 3) for _ in range(9)]
    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_jitter_reaches_down_to_no_wait_at_all() -> None:
    assert Backoff(lowest).next_wait() == 0


def test_a_connection_that_worked_starts_the_count_again() -> None:
    backoff = Backoff(highest)
    for _ in range(5):
        backoff.next_wait()
    backoff.reset()
    assert round(backoff.next_wait(), 3) == 0.5


def test_a_relays_hint_is_obeyed_and_only_ever_stretched() -> None:
    assert Backoff(lowest).next_wait(hint=20) == 20
    assert 20 < Backoff(highest).next_wait(hint=20) <= 25


def test_very_many_failures_still_give_a_wait() -> None:
    backoff = Backoff(highest)
    backoff.failures = 100_000
    assert backoff.next_wait() <= LAST_CEILING_SECONDS
