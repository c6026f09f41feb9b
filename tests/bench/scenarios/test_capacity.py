"""Connections are held until they are enough or the memory is used up, and some of them talk."""

import argparse

import pytest

from bench.accounts import Account
from bench.catalogue import CATALOGUE
from bench.load.crew import Assignment
from bench.load.loop import Loop
from bench.measurement import Stage
from bench.scenarios import capacity
from bench.scenarios.capacity import (
    CONNECTIONS_A_WORKER,
    ConnectingCrew,
    Plan,
    available_bytes,
    busiest,
    stopped_by,
    talking_pairs,
    workers_for,
)
from protocol import DeviceAddress, DeviceId, UserId
from tests.helpers.connection_pair import RELAY_KEY


@pytest.mark.slow
def test_all_connections_are_held_while_some_talk(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "SECONDS_A_MESSAGE", 0.1)
    monkeypatch.setattr(capacity, "TALK_WARMUP_SECONDS", 0.1)
    measured = capacity.measure(stage, Plan(connections=6, duration=0.3, idle=0.2))
    assert measured.figures["connections"] == 6
    assert (measured.figures["ticked_per_s"] or 0) > 0
    assert "all 6 connections were held" in measured.verdict.sentences
    assert measured.figures.keys() <= CATALOGUE.keys()


def test_the_limit_that_stopped_it_is_named() -> None:
    plan = Plan(connections=6, memory_limit=5)
    assert stopped_by(plan, 5, 60.0).sentences == ("the limit of 5 GiB stopped it at 5 connections",)
    assert stopped_by(plan, 6, 60.0).limit == "rate"
    hurried = Plan(connections=6, memory_limit=5, ramp=60)
    assert stopped_by(hurried, 5, 60.2).limit == "time"
    assert stopped_by(hurried, 5, 10.0).limit == "memory"


def test_a_crew_that_has_enough_connects_nobody_any_more() -> None:
    account = Account(bytes(32), DeviceAddress(UserId(1), DeviceId(1)))
    crew = ConnectingCrew(Loop(), Assignment(0, 1, ("127.0.0.1", 1), RELAY_KEY.public, [account], 0, None))
    crew.order("enough", 0.0)
    crew.log_in()
    assert not crew.devices[0].is_open


def test_more_connections_than_the_workers_have_descriptors_for_are_refused() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--relay")
    parser.add_argument("--workers", type=int, default=1)
    capacity.add_arguments(parser)
    with pytest.raises(ValueError, match="--workers 12 "):
        capacity.plan(parser.parse_args(["--connections", "200000"]))
    assert (
        capacity.plan(parser.parse_args(["--connections", "200000", "--workers", "12"])).connections
        == 200_000
    )


def test_a_node_has_descriptors_for_the_worker_with_the_most_slots_and_not_for_the_mean() -> None:
    assert busiest(1_000_000, 60) == busiest(1_000_000, 52) > 1_000_000 / 52
    assert busiest(1_000_000, 52) > CONNECTIONS_A_WORKER
    assert workers_for(1_010_000) == 64
    with pytest.raises(ValueError, match="64 workers"):
        workers_for(2_000_000)


def test_silent_devices_ping_as_seldom_as_the_node_allows() -> None:
    assert capacity.settings(Plan()) == {"keepalive_seconds": 600}


def test_one_in_a_hundred_talks_and_at_least_two() -> None:
    assert [talking_pairs(count) for count in (2, 1_000, 200_000)] == [1, 5, 1_000]
    assert capacity.accounts(Plan(connections=1_000)) == 1_010


def test_the_machine_says_how_much_memory_it_could_give() -> None:
    assert available_bytes() > 2**20
