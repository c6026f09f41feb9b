"""Sockets with a name in the file system: long paths, dead owners, full backlogs, files of others."""

import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from actors import local_socket
from actors.local_socket import (
    MAX_ADDRESS_BYTES,
    connect_local,
    file_identity,
    listen_local,
    peer_name,
    remove_local,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what is checked is what Linux does")

# Listens at the path that it is given, says so, and waits to be killed.
LISTENER_PROGRAM = """
import sys
from pathlib import Path
from actors.local_socket import listen_local
sock = listen_local(Path(sys.argv[1]), 1)
print("listening", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bus-0"


def open_descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_a_path_longer_than_an_address_works(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 50)
    folder.mkdir()
    path = folder / "bus-0"
    assert len(os.fsencode(path)) > MAX_ADDRESS_BYTES
    before = open_descriptors()
    with listen_local(path, 1) as listener, await connect_local(path) as near:
        far, _ = listener.accept()
        with far:
            near.send(b"hello")
            assert far.recv(10) == b"hello"
    assert open_descriptors() == before


def test_a_name_that_is_itself_too_long_is_refused(tmp_path: Path) -> None:
    before = open_descriptors()
    with pytest.raises(OSError, match="too long"):
        listen_local(tmp_path / ("n" * 110), 1)
    assert open_descriptors() == before


def test_the_file_of_a_killed_process_is_replaced(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LISTENER_PROGRAM, str(path)],
        cwd=Path(local_socket.__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"listening\n"
        with pytest.raises(OSError, match="in use"):
            listen_local(path, 1)
        process.kill()
    assert path.exists()
    with listen_local(path, 1):
        assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_SEQPACKET])
def test_a_living_owner_is_not_replaced_whatever_kind_of_socket_it_has(
    path: Path, kind: socket.SocketKind
) -> None:
    with listen_local(path, 1, kind), pytest.raises(OSError, match="in use"):
        listen_local(path, 1)


async def test_an_owner_with_a_full_backlog_is_alive(path: Path) -> None:
    with listen_local(path, 0), await connect_local(path), pytest.raises(OSError, match="in use"):
        listen_local(path, 1)


def test_what_is_no_socket_is_left_alone(path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(OSError, match="in use"):
        listen_local(path, 1)
    assert path.read_text() == "precious"


def test_a_folder_that_is_missing_is_said_and_leaves_nothing_open(tmp_path: Path) -> None:
    before = open_descriptors()
    with pytest.raises(FileNotFoundError):
        listen_local(tmp_path / "missing" / "bus-0", 1)
    assert open_descriptors() == before


def test_only_the_owner_may_connect(path: Path) -> None:
    with listen_local(path, 1):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_connecting_waits_while_the_backlog_is_full(path: Path, autojump_clock: MockClock) -> None:
    with listen_local(path, 0) as listener, await connect_local(path):
        connected: list[socket.socket] = []

        async def connect() -> None:
            connected.append(await connect_local(path))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(connect)
            await trio.sleep(10)
            assert connected == []
            listener.accept()[0].close()
        connected[0].close()


async def test_a_cancelled_connect_leaves_nothing_open(path: Path, autojump_clock: MockClock) -> None:
    with listen_local(path, 0), await connect_local(path):
        before = open_descriptors()
        with trio.move_on_after(10) as scope:
            await connect_local(path)
        assert scope.cancelled_caught
        assert open_descriptors() == before


def test_closing_removes_the_file_but_not_that_of_a_successor(path: Path) -> None:
    with listen_local(path, 1):
        identity = file_identity(path)
    with listen_local(path, 1):
        successor = file_identity(path)
        remove_local(path, identity)
        assert path.exists()
        remove_local(path, successor)
        assert not path.exists()
    remove_local(path, successor)


async def test_the_peer_is_named_by_its_process(path: Path) -> None:
    with listen_local(path, 1), await connect_local(path) as near:
        assert peer_name(near) == f"local:{os.getpid()}"
