"""Logins of both kinds are counted, and after a restart everybody comes back."""

import argparse
import time

import pytest

from bench.accounts import Account
from bench.catalogue import CATALOGUE
from bench.load.crew import Assignment
from bench.load.loop import Loop
from bench.measurement import Stage
from bench.node import running_node
from bench.progress import Progress
from bench.scenarios import login
from bench.scenarios.login import Plan, StormCrew
from protocol import DeviceAddress, DeviceId, UserId


@pytest.mark.slow
def test_devices_log_in_and_out_and_come_back_after_a_restart() -> None:
    with running_node(8) as node:
        stage = Stage(node, frozenset(), 1, Progress(quiet=True))
        figures = login.measure(stage, Plan(duration=0.3, warmup=0.0, storm=4)).figures
    assert (figures["logins_per_s"] or 0) > 0
    assert (figures["first_logins_per_s"] or 0) > 0
    assert figures["storm_devices"] == 4
    assert 0 < (figures["storm_restart_s"] or 0) <= (figures["storm_s"] or 0)
    assert figures.keys() <= CATALOGUE.keys()


def test_a_device_that_was_lost_waits_longer_each_time() -> None:
    account = Account(bytes(32), DeviceAddress(UserId(1), DeviceId(1)))
    crew = StormCrew(Loop(), Assignment(0, 1, ("127.0.0.1", 1), b"", [account], 0, None))
    ceilings = []
    for _ in range(8):
        before = time.perf_counter()
        crew.was_lost(crew.devices[0], ConnectionResetError())
        ceilings.append(max(until for until, _, _ in crew._waiting_until) - before)
    assert all(wait <= 32 for wait in ceilings)
    assert crew.counts["lost"] == 8
    assert crew.failure is None


def test_a_node_that_is_not_ours_is_not_killed() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--relay")
    login.add_arguments(parser)
    with pytest.raises(ValueError, match="--storm 0"):
        login.plan(parser.parse_args(["--relay", "roost://a:1#k"]))
    assert login.plan(parser.parse_args(["--relay", "roost://a:1#k", "--storm", "0"])).storm == 0
