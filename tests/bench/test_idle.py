"""The idle benchmark runs, and says what its readers look for."""

from dataclasses import asdict

import pytest

from bench.idle import run_idle


@pytest.mark.slow
def test_every_device_logs_in_and_stays() -> None:
    result = asdict(run_idle(4, idle_seconds=0.1, settle_seconds=0.0, pin=False))
    assert result["connections"] == 4
    assert result["logins_per_s"] > 0
    assert {"worker_bytes_per_connection", "idle_cpu_percent"} <= result.keys()
