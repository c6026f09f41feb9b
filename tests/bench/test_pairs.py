"""The pairs benchmark runs both ways, and says what its readers look for."""

from dataclasses import asdict

import pytest

from bench.pairs import run_pairs


@pytest.mark.slow
@pytest.mark.parametrize("rate", [None, 100.0])
def test_messages_go_all_the_way_and_are_timed(rate: float | None) -> None:
    result = asdict(run_pairs(1, window=2, rate=rate, seconds=0.3, warm_up=0.1, pin=False))
    assert result["messages"] > 0
    assert 0 < result["p50_ms"] <= result["p99_ms"]
    assert {"ticked_per_s", "worker_cpu_us_per_message"} <= result.keys()
