"""Accepting: what a listener lives through."""

import errno
import logging
import os
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import trio

from actors import socket_listener
from actors.network import Link, Listener
from actors.socket_link import SocketLink
from actors.socket_listener import SocketListener
from actors.waiting_network import WaitingNetwork

HOST = "127.0.0.1"


class ScriptedSocket:
    """A listening socket of which ``accept`` does what the script says, and after that blocks."""

    def __init__(self, *script: OSError | socket.socket) -> None:
        self.script = list(script)
        self.real = socket.socket()
        self.real.bind((HOST, 0))

    def accept(self) -> tuple[socket.socket, tuple[str, int]]:
        if not self.script:
            raise BlockingIOError
        step = self.script.pop(0)
        if isinstance(step, OSError):
            raise step
        return step, (HOST, 1)

    def getsockname(self) -> tuple[str, int]:
        name: tuple[str, int] = self.real.getsockname()
        return name

    def fileno(self) -> int:
        return self.real.fileno()

    def close(self) -> None:
        self.real.close()


@pytest.fixture
async def peer() -> AsyncIterator[socket.socket]:
    ours, theirs = socket.socketpair()
    with theirs:
        yield ours


@pytest.fixture(autouse=True)
def _pauses_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_listener, "PAUSE_SECONDS", 0.001)


@contextmanager
def listening(sock: ScriptedSocket) -> Iterator[SocketListener]:
    registry: dict[Listener, None] = {}
    network = WaitingNetwork()
    listener = SocketListener(sock, network.adopt_socket, registry)  # type: ignore[arg-type]  # all that it uses is there
    registry[listener] = None
    yield listener
    listener.close()
    assert registry == {}
    network.shut_down()


@pytest.mark.parametrize("number", [errno.ECONNABORTED, errno.EPROTO, errno.ENETDOWN, errno.EHOSTUNREACH])
async def test_a_peer_that_gave_up_is_skipped(number: int, peer: socket.socket) -> None:
    with listening(ScriptedSocket(OSError(number, "planted"), peer)) as listener:
        assert isinstance(await listener.accept(), SocketLink)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
async def test_running_out_of_room_is_logged_and_survived(
    number: int, peer: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    sock = ScriptedSocket(OSError(number, "planted"), BlockingIOError(), OSError(number, "planted"))
    sock.script += [BlockingIOError(), peer]
    with caplog.at_level(logging.ERROR, logger="roost.actors"), listening(sock) as listener:
        assert isinstance(await listener.accept(), SocketLink)
    (record,) = caplog.records  # once, however often it happens
    assert record.message == "accept_out_of_room"
    assert record.__dict__["error"] == errno.errorcode[number]


async def test_peers_that_wait_are_turned_away_with_the_reserve_descriptor(peer: socket.socket) -> None:
    ours, theirs = socket.socketpair()
    sock = ScriptedSocket(OSError(errno.EMFILE, "planted"), ours, BlockingIOError(), peer)
    with theirs, listening(sock) as listener:
        await listener.accept()
        assert theirs.recv(1) == b""  # an answer at once, not a timeout after minutes


async def test_a_mistake_of_ours_is_not_endured() -> None:
    with (
        listening(ScriptedSocket(OSError(errno.EINVAL, "planted"))) as listener,
        pytest.raises(OSError, match="planted"),
    ):
        await listener.accept()


async def test_a_process_without_descriptors_goes_on_accepting_when_it_has_some_again() -> None:
    network = WaitingNetwork()
    async with trio.open_nursery() as nursery:
        network.start(nursery)
        listener = await network.listen(HOST, 0, 16)
        early, late = socket.socket(), socket.socket()
        accepted: list[Link] = []

        async def accept_one() -> None:
            accepted.append(await listener.accept())

        with early, late:
            with no_descriptors_left():
                early.connect((HOST, listener.port))
                nursery.start_soon(accept_one)
                assert await trio.to_thread.run_sync(early.recv, 1) == b""  # turned away
                assert accepted == []
            late.connect((HOST, listener.port))
            while not accepted:
                await trio.lowlevel.checkpoint()
        network.shut_down()
        nursery.cancel_scope.cancel()


@contextmanager
def no_descriptors_left() -> Iterator[None]:
    """Take every descriptor that this process may still have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 4, hard))
    taken = []
    try:
        while True:
            try:
                taken.append(os.dup(0))
            except OSError:
                break
        yield
    finally:
        for descriptor in taken:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
