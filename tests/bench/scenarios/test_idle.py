"""Idle devices log in, stay, and are weighed."""

import pytest

from bench.measurement import Stage
from bench.scenarios import idle
from bench.scenarios.idle import ENOUGH_TO_WEIGH, Plan, Weight, too_few_to_weigh


@pytest.mark.slow
def test_every_device_logs_in_and_stays(stage: Stage) -> None:
    figures = idle.measure(stage, Plan(connections=5, duration=0.3, settle=0.0)).figures
    assert figures["connections"] == 5
    assert (figures["logins_per_s"] or 0) > 0
    assert {
        "worker_bytes_per_connection",
        "kernel_bytes_per_connection",
        "idle_cpu_percent",
    } <= figures.keys()


def test_a_connection_weighs_its_share_and_in_the_kernel_that_of_one_of_its_two_ends() -> None:
    before = Weight(pss=100_000, rss=200_000, kernel=0, load=0)
    after = Weight(pss=1_100_000, rss=2_200_000, kernel=400_000, load=500_000)
    assert after.each(before, ENOUGH_TO_WEIGH) == {
        "worker_bytes_per_connection": 1_000,
        "worker_rss_bytes_per_connection": 2_000,
        "kernel_bytes_per_connection": 200,
        "load_bytes_per_connection": 500,
    }


def test_what_few_connections_weigh_is_lost_in_what_processes_grow_by_anyway() -> None:
    before, after = Weight(pss=900, rss=900, kernel=9, load=9), Weight(pss=100, rss=100, kernel=1, load=1)
    shares = after.each(before, ENOUGH_TO_WEIGH - 1)
    assert set(shares.values()) == {None}
    [verdict] = too_few_to_weigh(999)
    assert verdict.sentences == ("memory a connection cannot be told from 999: 1,000 are enough",)
    assert list(too_few_to_weigh(ENOUGH_TO_WEIGH)) == []


def test_what_cannot_be_read_is_no_figure() -> None:
    unknown = Weight(pss=None, rss=None, kernel=None, load=0)
    assert unknown.each(unknown, ENOUGH_TO_WEIGH)["worker_bytes_per_connection"] is None
