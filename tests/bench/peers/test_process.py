"""A peer runs as our own process, with all that it starts, and nothing of it is left."""

import os
import select
from pathlib import Path

import pytest

from bench.errors import BenchError
from bench.peers.process import free_port, is_ready, running_peer
from tests.bench.peers.fakes import FAILS, FakePeer, MissingPeer

PATIENCE_SECONDS = 10.0


def _ends(watched: int) -> bool:
    """Wait for the end of the process that a descriptor stands for."""
    return bool(select.select([watched], [], [], PATIENCE_SECONDS)[0])


@pytest.mark.slow
def test_a_peer_is_ready_when_it_answers_and_all_its_processes_are_measured(tmp_path: Path) -> None:
    peer = FakePeer()
    with running_peer(peer, 3, folder=tmp_path) as node:
        assert is_ready(node.port, b"hello")
        assert len(node.workers) == 2
        assert [account.address for account in node.accounts][:1] == ["u000000@bench.example"]
        assert node.memory() is not None
        watched = [os.pidfd_open(process.pid) for process in node.processes]
    assert peer.prepared == [(node.data, 3)]
    assert all(map(_ends, watched))
    for each in watched:
        os.close(each)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_peer_that_was_killed_listens_where_it_did(tmp_path: Path) -> None:
    with running_peer(FakePeer(), 1, folder=tmp_path) as node:
        assert node.spawned is not None
        node.spawned.kill()
        assert not is_ready(node.port, b"")
        again = node.spawned.start(node.accounts)
        assert (again.port, again.data) == (node.port, node.data)
        assert is_ready(again.port, b"hello")


def test_a_peer_that_does_not_start_says_its_last_words(tmp_path: Path) -> None:
    with (
        pytest.raises(BenchError, match="fake did not start: no such luck"),
        running_peer(FakePeer(FAILS), 1),
    ):
        pass


def test_a_peer_that_is_not_installed_says_how_it_would_be() -> None:
    with (
        pytest.raises(BenchError, match="missing is not installed: apt-get install fake-server"),
        running_peer(MissingPeer(), 1),
    ):
        pass


def test_nobody_listens_on_a_free_port() -> None:
    assert not is_ready(free_port(), b"")
