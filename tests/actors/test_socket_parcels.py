"""Parcels between processes: what arrives, what does not, who is told, and that no descriptor stays open."""

import os
import resource
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actors import socket_parcels
from actors.socket_parcels import (
    INBOX_PARCELS,
    MAX_PARCEL_BYTES,
    MAX_WAITING,
    Failure,
    Inbox,
    Outbox,
    Parcel,
    open_inbox,
    open_outbox,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has SOCK_SEQPACKET Unix sockets")

WAIT_SECONDS = 30.0

# Takes parcels at a path; writes the payload back into the socket of each; ends with its input.
ECHO_PROGRAM = """
import sys, trio
from pathlib import Path
from actors.socket_parcels import open_inbox

async def main():
    async with open_inbox(Path(sys.argv[1])) as inbox:
        print("open", flush=True)
        while True:
            parcel = await inbox.take()
            parcel.sock.setblocking(True)
            parcel.sock.sendall(parcel.payload)
            parcel.sock.close()

trio.run(main)
"""

# Opens an inbox and never reads from it.
IDLE_PROGRAM = """
import sys
from pathlib import Path
from actors.socket_parcels import Inbox
import trio

async def main():
    inbox = Inbox(Path(sys.argv[1]))
    print("open", flush=True)
    sys.stdin.read()

trio.run(main)
"""


@contextmanager
def process(program: str, path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that has its inbox open; it is killed at the end, if the test has not done so."""
    with subprocess.Popen(
        [sys.executable, "-c", program, str(path)],
        cwd=Path(socket_parcels.__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"open\n"
        try:
            yield child
        finally:
            child.kill()


class Post:
    """An outbox, and what came of what was sent through it."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.failures: list[Failure] = []

    def send(self, payload: bytes) -> socket.socket:
        """Send one end of a socket pair; returns the other end."""
        ours, theirs = socket.socketpair()
        self.outbox.send(Parcel(theirs, payload), self._note)
        ours.setblocking(False)
        return ours

    def _note(self, parcel: Parcel, failure: Failure) -> None:
        parcel.sock.close()
        self.failures.append(failure)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "handover-1"


@asynccontextmanager
async def open_post(path: Path) -> AsyncIterator[Post]:
    async with open_outbox(path) as outbox:
        yield Post(outbox)


@pytest.fixture
def descriptors() -> Iterator[None]:
    """Every path must leave as many descriptors open as it has found."""
    before = sorted(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) == len(before)


@pytest.fixture(autouse=True)
def _a_busy_machine_has_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_parcels, "PATIENCE_SECONDS", WAIT_SECONDS)


async def read(sock: socket.socket) -> bytes:
    """What the other end says until it closes: the kernel may hand a long word over in pieces."""
    said = b""
    with sock, trio.fail_after(WAIT_SECONDS):
        while True:
            await trio.lowlevel.wait_readable(sock)
            piece = sock.recv(MAX_PARCEL_BYTES)
            if not piece:
                return said
            said += piece


@pytest.mark.usefixtures("descriptors")
async def test_a_socket_arrives_in_another_process_with_its_bytes(path: Path) -> None:
    with process(ECHO_PROGRAM, path):
        async with open_post(path) as post:
            for payload in (b"one", b"two", b"x" * 100_000):
                assert await read(post.send(payload)) == payload
    assert post.failures == []


@pytest.mark.usefixtures("descriptors")
async def test_parcels_of_one_process_arrive_in_order(path: Path) -> None:
    async with open_inbox(path) as inbox, open_post(path) as post:
        ends = [post.send(b"%d" % number) for number in range(100)]
        for number in range(100):
            parcel = await inbox.take()
            parcel.sock.close()
            assert parcel.payload == b"%d" % number
        for end in ends:
            end.close()


@pytest.mark.usefixtures("descriptors")
async def test_a_parcel_for_nobody_comes_back_at_once(path: Path) -> None:
    async with open_post(path) as post:
        assert await read(post.send(b"hello?")) == b""
        assert post.failures == [Failure.GONE]


@pytest.mark.usefixtures("descriptors")
async def test_a_process_that_was_killed_is_noticed_and_its_successor_found(path: Path) -> None:
    async with open_post(path) as post:
        with process(ECHO_PROGRAM, path) as first:
            assert await read(post.send(b"first")) == b"first"
            first.kill()
            first.wait()
            assert await read(post.send(b"nobody")) == b""
            assert post.failures == [Failure.GONE]
        with process(ECHO_PROGRAM, path):
            assert await read(post.send(b"second")) == b"second"
        assert post.failures == [Failure.GONE]


@pytest.mark.usefixtures("descriptors")
async def test_a_process_that_was_restarted_meanwhile_gets_the_next_parcel(path: Path) -> None:
    async with open_post(path) as post:
        with process(ECHO_PROGRAM, path):
            assert await read(post.send(b"first")) == b"first"
        with process(ECHO_PROGRAM, path):
            assert await read(post.send(b"second")) == b"second"
    assert post.failures == []


@pytest.mark.usefixtures("descriptors")
async def test_what_a_killed_process_had_not_taken_is_closed_by_the_kernel(path: Path) -> None:
    async with open_post(path) as post:
        with process(IDLE_PROGRAM, path) as idle:
            end = post.send(b"unread")
            idle.kill()
            idle.wait()
            assert await read(end) == b""
    assert post.failures == []


@pytest.mark.usefixtures("descriptors")
async def test_who_does_not_keep_up_is_waited_for_in_bounds(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_parcels, "PATIENCE_SECONDS", 0.05)
    async with open_post(path) as post:
        with process(IDLE_PROGRAM, path):
            ends: list[socket.socket] = []
            while not post.failures:
                ends.append(post.send(b"more"))
            assert post.failures == [Failure.FULL]  # one too many: the others are on their way, or wait
            assert post.outbox.waiting == MAX_WAITING
            with trio.fail_after(WAIT_SECONDS):
                while post.outbox.waiting:
                    await trio.lowlevel.checkpoint()
            assert post.failures == [Failure.FULL] * (MAX_WAITING + 1)
        for end in ends:
            end.close()


@pytest.mark.usefixtures("descriptors")
async def test_what_waits_arrives_when_there_is_room_again_and_in_order(path: Path) -> None:
    async with open_post(path) as post:
        inbox = Inbox(path)
        ends: list[socket.socket] = []
        while post.outbox.waiting < 20:
            ends.append(post.send(b"%d" % len(ends)))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(inbox.run)
            for number in range(len(ends)):
                parcel = await inbox.take()
                parcel.sock.close()
                assert parcel.payload == b"%d" % number
            nursery.cancel_scope.cancel()
        inbox.close()
        for end in ends:
            end.close()
    assert post.failures == []


@pytest.mark.usefixtures("descriptors")
async def test_what_waits_for_a_process_that_dies_comes_back_at_once(path: Path) -> None:
    async with open_post(path) as post:
        with process(IDLE_PROGRAM, path) as idle:
            ends: list[socket.socket] = []
            while post.outbox.waiting < 20:
                ends.append(post.send(b"more"))
            idle.kill()
            idle.wait()
            with trio.fail_after(WAIT_SECONDS):
                while post.outbox.waiting:
                    await trio.lowlevel.checkpoint()
            assert post.failures == [Failure.GONE] * 20  # not FULL: nobody's patience has ended
        for end in ends:
            end.close()


@pytest.mark.usefixtures("descriptors")
async def test_closing_an_outbox_gives_back_what_waits(path: Path) -> None:
    inbox = Inbox(path)
    async with open_post(path) as post:
        ends = []
        while post.outbox.waiting < 5:
            ends.append(post.send(b"more"))
    assert post.failures == [Failure.GONE] * 5
    inbox.close()
    for end in ends:
        end.close()


@pytest.mark.usefixtures("descriptors")
async def test_a_parcel_that_is_too_large_comes_back(path: Path) -> None:
    async with open_inbox(path) as inbox, open_post(path) as post:
        end = post.send(b"x" * MAX_PARCEL_BYTES)
        with await _take(inbox):
            end.close()
        post.send(b"x" * (MAX_PARCEL_BYTES + 1)).close()
    assert post.failures == [Failure.TOO_LARGE]


async def _take(inbox: Inbox) -> socket.socket:
    with trio.fail_after(WAIT_SECONDS):
        return (await inbox.take()).sock


@pytest.mark.usefixtures("descriptors")
async def test_an_inbox_holds_few_parcels_and_closes_those_that_nobody_took(path: Path) -> None:
    async with open_post(path) as post:
        ends = []
        async with open_inbox(path) as inbox:
            ends = [post.send(b"more") for _ in range(3 * INBOX_PARCELS)]
            await wait_all_tasks_blocked(0.01)
            assert inbox._arrived.statistics().current_buffer_used == INBOX_PARCELS
        for end in ends:
            assert await read(end) == b""
    with pytest.raises(trio.ClosedResourceError):
        await inbox.take()


@pytest.mark.usefixtures("descriptors")
async def test_a_parcel_without_its_socket_is_counted_and_logged_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_inbox(path) as inbox, open_post(path) as post:
        with await _exchange(post, inbox):
            pass  # the two are connected from now on
        ends = [post.send(b"unlucky") for _ in range(2)]
        with no_descriptors_left():
            await wait_all_tasks_blocked(0.01)
        for end in ends:
            assert await read(end) == b""
        assert inbox.lost == 2
        assert [record.message for record in caplog.records] == ["parcel_without_socket"]
        with await _exchange(post, inbox):
            pass  # and goes on


async def _exchange(post: Post, inbox: Inbox) -> socket.socket:
    post.send(b"hello").close()
    return await _take(inbox)


@contextmanager
def no_descriptors_left() -> Iterator[None]:
    """Let this process open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_the_payload_shows_itself_nowhere(path: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert "secret" not in repr(Parcel(theirs, b"secret"))
