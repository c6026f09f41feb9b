"""The way between workers: what arrives, in this process and in another one, and what is said of the rest."""

import os
import select
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from actors.socket_link import DetachedSocket
from actors.socket_parcels import MAX_PARCEL_BYTES, Outbox, Parcel
from protocol import ErrorCode, HandOff
from relay.handover import (
    HandOver,
    Moving,
    NobodyElse,
    SocketHandOver,
    decode_moving,
    encode_moving,
    handover_path,
    open_handover,
)
from storage.folder import volatile_folder

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="several workers need Linux")

# A worker that writes the state of each connection that it takes into its stream.
TAKER_PROGRAM = """
import sys, trio
from pathlib import Path
from relay.handover import open_handover

async def main():
    async with open_handover(Path(sys.argv[1]), 1, 2) as handover:
        print("open", flush=True)
        while True:
            moving = await handover.take()
            moving.stream.sock.send(bytes(moving.state))
            moving.stream.sock.close()

trio.run(main)
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    volatile_folder(tmp_path).mkdir()
    return tmp_path


@pytest.fixture
def descriptors() -> Iterator[None]:
    """Every path must leave as many descriptors open as it has found."""
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) == before


@contextmanager
def taker(data: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Worker 1, as another process; it is killed at the end."""
    with subprocess.Popen(
        [sys.executable, "-c", TAKER_PROGRAM, str(data)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        try:
            yield process
        finally:
            process.kill()


class Giver:
    """Gives connections away, and writes down what comes back."""

    def __init__(self, handover: HandOver) -> None:
        self.handover = handover
        self.refusals: list[ErrorCode] = []

    def give(self, state: bytes, owner: int = 1) -> socket.socket:
        """Give one end of a socket pair; returns the other."""
        ours, theirs = socket.socketpair()
        moving = Moving(DetachedSocket(theirs, "192.0.2.1:40112"), HandOff(state), 0, 7)
        self.handover.give(owner, moving, self._note)
        return ours

    def _note(self, moving: Moving, code: ErrorCode) -> None:
        moving.stream.discard()
        self.refusals.append(code)


async def heard(sock: socket.socket) -> bytes:
    with sock, trio.fail_after(30):
        sock.setblocking(False)
        await trio.lowlevel.wait_readable(sock)
        try:
            return sock.recv(1_000)
        except ConnectionResetError:
            return b""


@pytest.mark.usefixtures("descriptors")
async def test_a_connection_arrives_in_another_process_as_it_was(data: Path) -> None:
    async with open_handover(data, 0, 2) as here, open_handover(data, 1, 2) as there:
        ours, theirs = socket.socketpair()
        stream = DetachedSocket(theirs, "192.0.2.1:40112", b"unread", b"unsent")
        here.give(1, Moving(stream, HandOff(b"state"), 0, 7), lambda *_: None)
        moving = await there.take()
        assert (moving.source, moving.number, bytes(moving.state)) == (0, 7, b"state")
        assert isinstance(moving.stream, DetachedSocket)
        assert (moving.stream.remote, moving.stream.unread) == ("192.0.2.1:40112", b"unread")
        assert moving.stream.unsent == b"unsent"
        moving.stream.discard()
        ours.close()


@pytest.mark.usefixtures("descriptors")
async def test_a_worker_that_is_killed_and_started_again_is_found_again(data: Path) -> None:
    async with open_handover(data, 0, 2) as handover:
        giver = Giver(handover)
        assert await heard(giver.give(b"too early")) == b""
        with taker(data) as process:
            assert await heard(giver.give(b"first")) == b"first"
            process.kill()
            process.wait()
            assert await heard(giver.give(b"to the dead")) == b""
        with taker(data):
            assert await heard(giver.give(b"second")) == b"second"
        assert giver.refusals == [ErrorCode.RESTARTING, ErrorCode.RESTARTING]


@pytest.mark.usefixtures("descriptors")
async def test_a_worker_that_takes_no_more_is_as_good_as_gone(data: Path) -> None:
    async with open_handover(data, 0, 2) as here, open_handover(data, 1, 2) as there:
        giver = Giver(here)
        there.close()
        there.close()
        assert await heard(giver.give(b"late")) == b""
        assert giver.refusals == [ErrorCode.RESTARTING]
        with pytest.raises(trio.ClosedResourceError):
            await there.take()


@pytest.mark.usefixtures("descriptors")
async def test_a_state_that_is_too_large_is_refused(data: Path) -> None:
    async with open_handover(data, 0, 2) as here, open_handover(data, 1, 2):
        giver = Giver(here)
        assert await heard(giver.give(bytes(MAX_PARCEL_BYTES))) == b""
        assert giver.refusals == [ErrorCode.OVERLOADED]


@pytest.mark.usefixtures("descriptors")
async def test_what_is_not_understood_is_closed_and_the_next_one_taken(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_handover(data, 1, 2) as there, open_handover(data, 0, 2) as here:
        outbox = Outbox(handover_path(data, 1))
        ends = []
        for payload in (b"\xff", b"\x80", b"\x87\x02\x00\x00\x60\x40\x40\x40"):
            ours, theirs = socket.socketpair()
            outbox.send(Parcel(theirs, payload), lambda *_: None)
            ends.append(ours)
        outbox.close()
        taken: list[Moving] = []

        async def take() -> None:
            taken.append(await there.take())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(take)
            for end in ends:
                assert await heard(end) == b""
            good = Giver(here).give(b"state")
        taken[0].stream.discard()
        good.close()
    assert [record.message for record in caplog.records] == ["handover_not_understood"] * 3


def test_the_value_that_travels_comes_out_as_it_went_in() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stream = DetachedSocket(theirs, "[2001:db8::1]:5", b"a", b"b")
        moving = Moving(stream, HandOff(b"state"), 3, 4711)
        again = decode_moving(Parcel(theirs, encode_moving(moving, stream)))
        assert (again.stream, again.source, again.number) == (stream, 3, 4711)
        assert bytes(again.state) == b"state"


async def test_a_single_worker_has_nobody_to_give_to_or_take_from(
    data: Path, autojump_clock: MockClock
) -> None:
    async with open_handover(data, 0, 1) as handover:
        assert isinstance(handover, NobodyElse)
        giver = Giver(handover)
        giver.give(b"state").close()
        assert giver.refusals == [ErrorCode.RESTARTING]
        with trio.move_on_after(3_600) as scope:
            await handover.take()
        assert scope.cancelled_caught
        handover.close()
    assert not handover_path(data, 0).exists()


async def test_each_worker_reaches_every_other(data: Path) -> None:
    async with (
        open_handover(data, 0, 3) as first,
        open_handover(data, 1, 3),
        open_handover(data, 2, 3) as third,
    ):
        assert isinstance(third, SocketHandOver)
        giver = Giver(first)
        end = giver.give(b"state", owner=2)
        (await third.take()).stream.discard()
        end.close()
