"""The node of a benchmark is a real one: it has the accounts, says what it uses, and ends with the block."""

import base64
import os
from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.node import as_toml, node_at, node_from_ready_file, running_node

KEY = base64.urlsafe_b64encode(b"k" * 32).decode().rstrip("=")


@pytest.mark.slow
def test_a_node_runs_for_the_length_of_the_block() -> None:
    with running_node(3) as node:
        assert len(node.accounts) == 3
        memory = node.memory()
        assert memory is not None
        assert 0 < memory.pss <= memory.rss
        assert node.workers[0].cpu_time().used > 0
        assert node.data is not None
        assert node.data.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(node.workers[0].pid, 0)
    assert not node.data.exists()


@pytest.mark.slow
def test_a_node_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="no_such_setting"), running_node(1, settings={"no_such_setting": 1}):
        pass


def test_workers_are_measured_apart_from_their_parent() -> None:
    facts = {
        "relay": f"roost://127.0.0.1:5252#{KEY}",
        "pid": 10,
        "workers": [{"number": 0, "pid": 11}, {"number": 1, "pid": 12}],
    }
    node = node_from_ready_file(facts, [])
    assert [(process.name, process.pid) for process in node.processes] == [
        ("worker 0", 11),
        ("worker 1", 12),
        ("parent", 10),
    ]
    assert [worker.pid for worker in node.workers] == [11, 12]


def test_a_node_of_one_process_is_its_only_worker() -> None:
    node = node_from_ready_file({"relay": f"roost://127.0.0.1:5252#{KEY}", "pid": 10}, [])
    assert [(process.name, process.pid) for process in node.workers] == [("worker 0", 10)]


def test_of_a_node_elsewhere_only_its_place_is_known() -> None:
    node = node_at(f"roost://relay.example:5252#{KEY}", [])
    assert (node.host, node.port, node.relay_key) == ("relay.example", 5252, b"k" * 32)
    assert not node.is_local
    assert node.memory() is None


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(BenchError, match="roost://HOST:PORT#KEY"):
        node_at("roost://somewhere", [])


def test_settings_are_written_as_toml() -> None:
    assert as_toml({"limit_messages": "1/s burst 1", "keepalive_seconds": 30}) == (
        'limit_messages = "1/s burst 1"\nkeepalive_seconds = 30\n'
    )
