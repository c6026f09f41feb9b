"""The scenarios run on a real mosquitto, messages come all the way, and nothing of it is left behind."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.measurement import Stage
from bench.node import Node
from bench.peers.catalogue import how_to_install, program_of
from bench.peers.mosquitto import PEER
from bench.peers.peer import HOST, PARTS, PeerAccount, Place
from bench.peers.process import running_peer
from bench.progress import Progress
from bench.scenarios import fanout, idle, login, offline, pairs

ACCOUNTS = 16

is_here = pytest.mark.skipif(
    program_of(PEER) is None, reason=f"mosquitto is not installed: {how_to_install(PEER)}"
)


@pytest.fixture(scope="module")
def broker() -> Iterator[Node]:
    with running_peer(PEER, ACCOUNTS) as node:
        yield node


def stage(node: Node) -> Stage:
    return Stage(node, frozenset(), 1, Progress(quiet=True))


def test_it_plays_every_part() -> None:
    assert set(PEER.crews) >= set(PARTS)


def test_its_configuration_has_no_name_left_to_fill_in(tmp_path: Path) -> None:
    PEER.prepare(Place(tmp_path, 1883), [PeerAccount("ann", "secret")])
    text = (tmp_path / "mosquitto.conf").read_text()
    assert "listener 1883 127.0.0.1" in text
    assert "@" not in text
    assert (tmp_path / "passwords").read_text().startswith("ann:$7$101$")


@is_here
@pytest.mark.slow
@pytest.mark.parametrize(
    "plan",
    [
        pairs.Plan(pairs=2, window=2, duration=0.3, warmup=0.1),
        pairs.Plan(pairs=2, window=None, rate=100.0, duration=0.3, warmup=0.1),
    ],
    ids=["window", "rate"],
)
def test_messages_go_all_the_way_and_are_timed_on_each_step(broker: Node, plan: pairs.Plan) -> None:
    measured = pairs.measure(stage(broker), plan)
    figures = measured.figures
    assert (figures["messages"] or 0) > 0
    assert figures["missing"] == 0
    assert 0 < (figures["accepted_p50_ms"] or 0) <= (figures["p50_ms"] or 0) <= (figures["p99_ms"] or 0)
    assert 0 < (figures["delivered_p50_ms"] or 0) <= (figures["p50_ms"] or 0)
    assert {use.name for use in measured.uses} == {"worker 0", "load 0"}


@is_here
@pytest.mark.slow
def test_every_member_of_a_group_gets_every_message(broker: Node) -> None:
    figures = fanout.measure(
        stage(broker), fanout.Plan(members=8, window=2, duration=0.3, warmup=0.1)
    ).figures
    assert (figures["messages"] or 0) > 0
    assert (figures["last_member_ms"] or 0) > 0


@is_here
@pytest.mark.slow
def test_everybody_can_be_idle(broker: Node) -> None:
    plan = idle.Plan(connections=ACCOUNTS, duration=0.2, settle=0.1)
    assert idle.measure(stage(broker), plan).figures["connections"] == ACCOUNTS


@is_here
@pytest.mark.slow
def test_messages_wait_for_those_who_are_away(broker: Node) -> None:
    plan = offline.Plan(recipients=4, queued=20, writers=4, window=2)
    figures = offline.measure(stage(broker), plan).figures
    assert figures["messages"] == 80
    assert (figures["bytes_on_disk_per_message"] or 0) > 100  # the ciphertext is 100
    assert (figures["drained_per_s"] or 0) > 0


@is_here
@pytest.mark.slow
def test_clients_log_in_both_ways_and_come_back_when_it_was_killed() -> None:
    with running_peer(PEER, login.CHURNING) as node:
        figures = login.measure(stage(node), login.Plan(duration=0.2, warmup=0.1, storm=ACCOUNTS)).figures
    assert (figures["logins_per_s"] or 0) > 0
    assert (figures["first_logins_per_s"] or 0) > 0
    assert figures["storm_devices"] == ACCOUNTS


def _measure_and_kill(node: Node, plan: pairs.Plan) -> None:
    killer = threading.Timer(0.2, os.kill, (node.processes[0].pid, signal.SIGKILL))
    killer.start()
    try:
        pairs.measure(stage(node), plan)
    finally:
        killer.join()


@is_here
@pytest.mark.slow
def test_a_broker_that_dies_under_load_is_said_to_have() -> None:
    plan = pairs.Plan(pairs=2, window=2, duration=20.0, warmup=0.0)
    with (
        pytest.raises(BenchError, match="mosquitto ended in the middle of it \\(killed by signal 9\\)"),
        running_peer(PEER, ACCOUNTS) as node,
    ):
        _measure_and_kill(node, plan)


@is_here
def test_a_port_that_somebody_else_has_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setattr("bench.peers.process.free_port", lambda: port)
        with (
            pytest.raises(BenchError, match=f"mosquitto cannot listen on {HOST}:{port}: somebody else does"),
            running_peer(PEER, 1),
        ):
            pass


@is_here
@pytest.mark.slow
def test_nothing_of_it_is_left_behind(tmp_path: Path) -> None:
    with running_peer(PEER, 1, folder=tmp_path) as node:
        pid = node.processes[0].pid
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
