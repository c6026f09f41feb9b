"""Accounts are shared out in pairs, and what crews have seen adds up."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.accounts import Account
from bench.histogram import Histogram
from bench.load.crew import Assignment, Crew, Sample, local_address, share
from bench.load.loop import Loop
from protocol import DeviceAddress, DeviceId, UserId
from tests.helpers.connection_pair import DEVICE_KEY

NOTHING = Assignment(0, 1, ("127.0.0.1", 1), b"", [], 0, None)


def _accounts(count: int) -> list[Account]:
    return [Account(DEVICE_KEY, DeviceAddress(UserId(number + 1), DeviceId(1))) for number in range(count)]


@given(st.integers(0, 40), st.integers(1, 9))
def test_every_account_is_in_one_share_and_pairs_stay_together(count: int, processes: int) -> None:
    accounts = _accounts(count)
    shares = share(NOTHING, accounts, processes)
    assert len(shares) == processes
    assert [account for each in shares for account in each.accounts] == accounts
    assert all(each.first % 2 == 0 for each in shares)
    sizes = [len(each.accounts) for each in shares]
    assert max(sizes) - min(sizes) <= 3


def test_local_addresses_go_on_behind_255() -> None:
    assert [local_address(number) for number in (0, 1, 254, 255)] == [
        "127.0.0.1",
        "127.0.0.2",
        "127.0.0.255",
        "127.0.1.0",
    ]


def test_samples_add_up_and_the_first_failure_counts() -> None:
    took = Histogram()
    took.record(0.001)
    total = Sample()
    total.add(Sample(Counter(ticked=2), {"ticked": took}, 3, 1))
    total.add(Sample(Counter(ticked=1), {"ticked": took}, 4, 2, "first"))
    total.add(Sample(failure="second"))
    assert (total.counts["ticked"], total.online, total.in_flight) == (3, 7, 3)
    assert len(total.times["ticked"]) == 2
    assert total.failure == "first"


def test_a_cut_begins_to_count_anew() -> None:
    crew = Crew(Loop(), NOTHING)
    crew.counts["ticked"] += 1
    crew.record("ticked", 0.001)
    assert crew.cut().counts["ticked"] == 1
    assert crew.cut() == Sample()


def test_an_order_that_a_crew_does_not_know_is_an_error() -> None:
    with pytest.raises(ValueError, match="no order 'dance'"):
        Crew(Loop(), NOTHING).order("dance", 0.0)
