"""Pairs talk all the way both ways, and a message at a fixed rate counts from when it was due."""

import argparse
from typing import cast

import pytest

from bench.measurement import Scenario, Stage, fill_of
from bench.node import running_node
from bench.progress import Progress
from bench.scenarios import pairs
from bench.scenarios.pairs import Plan


@pytest.mark.slow
@pytest.mark.parametrize(
    "plan",
    [
        Plan(pairs=2, window=2, duration=0.3, warmup=0.1),
        Plan(pairs=2, window=None, rate=100.0, duration=0.3, warmup=0.1),
        Plan(pairs=2, window=2, duration=0.3, warmup=0.1, idle=3),
    ],
    ids=["window", "rate", "beside a crowd"],
)
def test_messages_go_all_the_way_and_are_timed_on_each_step(stage: Stage, plan: Plan) -> None:
    measured = pairs.measure(stage, plan)
    figures = measured.figures
    assert (figures["messages"] or 0) > 0
    assert figures["missing"] == 0
    assert 0 < (figures["accepted_p50_ms"] or 0) <= (figures["p50_ms"] or 0) <= (figures["p99_ms"] or 0)
    assert {use.name for use in measured.uses} >= {"worker 0", "load 0"}
    assert len(measured.histograms["ticked"]) > 0


def _plan(*words: str) -> Plan:
    parser = argparse.ArgumentParser()
    pairs.add_arguments(parser)
    return pairs.plan(parser.parse_args(words))


@pytest.mark.slow
def test_pairs_talk_while_messages_wait_for_others() -> None:
    plan = Plan(pairs=1, window=2, duration=0.3, warmup=0.1, queued=1_001)
    with running_node(pairs.accounts(plan), fill=fill_of(cast("Scenario", pairs), plan)) as node:
        measured = pairs.measure(Stage(node, frozenset(), 1, Progress(quiet=True)), plan)
    assert pairs.accounts(plan) == 2 + 2
    assert (measured.figures["messages"] or 0) > 0


def test_a_queue_cannot_be_put_into_a_node_that_runs() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--relay")
    pairs.add_arguments(parser)
    with pytest.raises(ValueError, match="a node of the bench's own"):
        pairs.plan(parser.parse_args(["--queued", "5", "--relay", "roost://x"]))


def test_a_rate_takes_the_place_of_the_window() -> None:
    assert _plan() == Plan()
    assert (_plan("--rate", "6000").window, _plan("--rate", "6000").rate) == (None, 6000.0)
    with pytest.raises(ValueError, match="exclude each other"):
        _plan("--rate", "6000", "--window", "8")


def test_a_ciphertext_that_would_not_fit_a_frame_of_the_load_is_refused() -> None:
    with pytest.raises(ValueError, match="400 at most"):
        _plan("--ciphertext-bytes", "401")
