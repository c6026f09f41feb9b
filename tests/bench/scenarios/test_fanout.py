"""A message to a group reaches every member, and the last one is timed."""

import argparse

import pytest

from bench.measurement import Stage
from bench.scenarios import fanout
from bench.scenarios.fanout import Plan


@pytest.mark.slow
def test_every_member_gets_what_the_first_one_writes(stage: Stage) -> None:
    measured = fanout.measure(stage, Plan(members=3, window=2, duration=0.5, warmup=0.1))
    figures = measured.figures
    assert (figures["messages"] or 0) > 0
    assert (figures["delivered_per_s"] or 0) > 0
    assert 0 < (figures["last_member_ms"] or 0) <= (figures["last_member_p99_ms"] or 0)


def _plan(*words: str) -> Plan:
    parser = argparse.ArgumentParser()
    fanout.add_arguments(parser)
    return fanout.plan(parser.parse_args(words))


def test_a_group_is_as_large_as_one_can_be_unless_told_otherwise() -> None:
    assert _plan() == Plan()
    assert fanout.accounts(_plan("--members", "8")) == 8
    assert (_plan("--members", "8").entries, Plan().entries) == (1, 3)


@pytest.mark.parametrize("words", [("--members", "1"), ("--members", "1025"), ("--ciphertext-bytes", "15")])
def test_a_group_that_cannot_be_is_refused(words: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=words[0]):
        _plan(*words)
