from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage import MapTooSmallError, UnreadableStoreError, mailboxes
from storage.peer import PeerEnvironment
from storage.tables import QUEUE
from tests.storage.conftest import MIB
from tests.storage.killed_writer import RECIPIENT

ROW_BYTES = 60_000


class Owner:
    """Another process that has an environment open, and does what it is told."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def does(self, *words: object) -> None:
        """Tell it, and wait until it has."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"

    def dies(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def running_owner(data: Path, map_bytes: int = 64 * MIB) -> Iterator[Owner]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.storage.obedient_owner", str(data), str(map_bytes)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    with process:
        yield Owner(process)
        process.kill()


def keys(peer: PeerEnvironment) -> list[bytes]:
    with peer.read() as reader:
        return [key for key, _ in reader.scan(QUEUE, b"\0", b"\xff")]


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[PeerEnvironment]:
    peer = PeerEnvironment(tmp_path, 1, map_bytes=MIB)
    yield peer
    peer.close()


def test_an_environment_that_is_not_there_is_reported_and_not_made(
    peer: PeerEnvironment, tmp_path: Path
) -> None:
    with pytest.raises(UnreadableStoreError, match=r"durable\.1"), peer.read():
        pass
    assert list(tmp_path.iterdir()) == []


def test_closing_is_harmless_before_the_first_look_and_twice(peer: PeerEnvironment) -> None:
    peer.close()
    peer.close()


@pytest.mark.slow  # another process
def test_what_its_owner_made_durable_is_seen_at_once(peer: PeerEnvironment, tmp_path: Path) -> None:
    with running_owner(tmp_path) as owner:
        owner.does("put", "a", 1)
        assert keys(peer) == [b"a"]
        owner.does("put", "b", 1)
        assert keys(peer) == [b"a", b"b"]


@pytest.mark.slow
def test_it_outlives_its_owner_and_sees_what_the_next_one_writes(
    peer: PeerEnvironment, tmp_path: Path
) -> None:
    with running_owner(tmp_path) as owner:
        owner.does("put", "a", 1)
        assert keys(peer) == [b"a"]
        owner.dies()
    assert keys(peer) == [b"a"]
    with running_owner(tmp_path) as owner:
        owner.does("put", "b", 1)
        assert keys(peer) == [b"a", b"b"]


@pytest.mark.slow
def test_it_sees_on_while_its_owner_opens_the_file_anew(peer: PeerEnvironment, tmp_path: Path) -> None:
    with running_owner(tmp_path) as owner:
        owner.does("put", "a", 1)
        assert keys(peer) == [b"a"]
        owner.does("reopen")
        owner.does("put", "b", 1)
        assert keys(peer) == [b"a", b"b"]


@pytest.mark.slow
def test_it_follows_when_the_map_has_grown(peer: PeerEnvironment, tmp_path: Path) -> None:
    with running_owner(tmp_path, map_bytes=MIB) as owner:
        owner.does("put", "a", 1)
        assert keys(peer) == [b"a"]
        owner.does("grow")
        owner.does("grow")
        for number in range(40):
            owner.does("put", f"b{number:02}", ROW_BYTES)
        assert len(keys(peer)) == 41


@pytest.mark.slow
def test_the_map_is_not_moved_under_another_read_transaction(peer: PeerEnvironment, tmp_path: Path) -> None:
    with running_owner(tmp_path, map_bytes=MIB) as owner:
        owner.does("put", "a", 1)
        with peer.read() as reader:
            owner.does("grow")
            owner.does("grow")
            for number in range(40):
                owner.does("put", f"b{number:02}", ROW_BYTES)
            with pytest.raises(MapTooSmallError, match="1 read transactions are open"), peer.read():
                pass
            assert reader.get(QUEUE, b"a") is not None
        assert len(keys(peer)) == 41


@pytest.mark.slow
def test_owners_that_are_killed_in_the_middle_of_a_commit_hold_nobody_up(tmp_path: Path) -> None:
    peer = PeerEnvironment(tmp_path, 0)
    durable = 0
    for _ in range(4):
        with subprocess.Popen(
            [sys.executable, "-m", "tests.storage.killed_writer", str(tmp_path)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        ) as writer:
            assert writer.stdout is not None
            # It goes on from where its predecessor was killed.
            while durable < int(writer.stdout.readline()) < durable + 300:
                pass
            writer.kill()
        with peer.read() as reader:
            seen = mailboxes.load_device_queue_state(reader, RECIPIENT).messages
            assert seen >= durable + 300
            assert reader.count(QUEUE) == seen
        durable = seen
    peer.close()
