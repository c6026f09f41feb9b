"""Accounts are shared out in pairs, and what crews have seen adds up."""

import dataclasses
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.accounts import Account
from bench.histogram import Histogram
from bench.load.crew import Assignment, Crew, Sample, local_address, share
from bench.load.device import Device
from bench.load.loop import Loop
from bench.load.wire import Wire
from protocol import DeviceAddress, DeviceId, UserId
from tests.helpers.connection_pair import DEVICE_KEY

NOTHING = Assignment(0, 1, ("127.0.0.1", 1), b"", [], 0, None)


def _accounts(count: int) -> list[Account]:
    return [Account(bytes(32), DeviceAddress(UserId(number + 1), DeviceId(1))) for number in range(count)]


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
    total.add(Sample(failure="second", keepalive=60.0))
    assert (total.counts["ticked"], total.online, total.in_flight) == (3, 7, 3)
    assert len(total.times["ticked"]) == 2
    assert total.failure == "first"
    assert total.keepalive == 60.0


def test_a_cut_begins_to_count_anew() -> None:
    crew = Crew(Loop(), NOTHING)
    crew.counts["ticked"] += 1
    crew.record("ticked", 0.001)
    assert crew.cut().counts["ticked"] == 1
    assert crew.cut() == Sample()


def test_an_order_that_a_crew_does_not_know_is_an_error() -> None:
    with pytest.raises(ValueError, match="no order 'dance'"):
        Crew(Loop(), NOTHING).order("dance", 0.0)


class Silent(Device):
    """Is online without a relay, and remembers when it was flushed."""

    flushes = 0

    def flush(self) -> None:
        self.wire.data_to_send()
        self.flushes += 1


class SilentCrew(Crew):
    """Of silent devices."""

    def make_device(self, index: int) -> Device:
        return Silent(self, self.assignment.accounts[index], "")

    def connect_next(self) -> None:
        """Nobody else is to come."""


def test_each_device_pings_once_an_interval_on_the_connection_that_it_has_now() -> None:
    crew = SilentCrew(Loop(), dataclasses.replace(NOTHING, accounts=_accounts(2)))
    first, second = crew.devices
    for device, at in ((first, 0.0), (second, 10.0)):
        assert isinstance(device, Silent)
        device.wire, device.keepalive, device.is_online = Wire(DEVICE_KEY, None), 60.0, True
        crew.came_online(device, at)
    assert crew.keep_alive(59.0) == 1.0
    assert crew.keep_alive(60.0) == 10.0
    second.began += 1.0  # it has come back since, and pings on its new connection
    assert crew.keep_alive(119.0) == 1.0
    crew.keep_alive(120.0)
    assert [device.flushes for device in crew.devices if isinstance(device, Silent)] == [2, 0]
