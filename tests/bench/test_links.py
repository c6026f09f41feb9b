"""The bench of links measures both networks and leaves nothing behind."""

import json
import select

import pytest

from bench.links import main


@pytest.mark.slow
def test_the_link_bench_measures_every_network(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--links", "3", "--seconds", "0.05", "--idle", "20", "--json"]) == 0
    costs = {cost["network"]: cost for cost in json.loads(capsys.readouterr().out)}
    assert ("EpollNetwork" in costs) == hasattr(select, "epoll")
    for cost in costs.values():
        assert cost["cpu_us_per_echo"] > 0
        assert cost["idle_bytes"] > 100
