"""What networks over real sockets share: connecting, and what happens by time."""

import os
import socket
from collections.abc import AsyncIterator

import pytest
import trio

from actors import socket_network
from actors.network import Link
from actors.reactor import run_network
from actors.socket_network import SocketNetwork
from actors.waiting_network import WaitingNetwork
from tests.helpers.recording_owner import RecordingOwner

HOST = "127.0.0.1"
MORE_THAN_BUFFERS = b"x" * 16_000_000


class OwnResolver(trio.abc.HostnameResolver):
    """Resolves every name to the addresses that a test has chosen."""

    def __init__(self, *addresses: tuple[str, int]) -> None:
        self.addresses = addresses

    async def getaddrinfo(  # type: ignore[override]  # its results are typed by what one asks for
        self, *_: object, **__: object
    ) -> list[tuple[int, int, int, str, tuple[str, int]]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", address) for address in self.addresses]

    async def getnameinfo(self, *_: object) -> tuple[str, str]:
        raise AssertionError("nobody asks for names of addresses")


@pytest.fixture
async def network() -> AsyncIterator[SocketNetwork]:
    network = WaitingNetwork()
    async with run_network(network):
        yield network


async def connected(network: SocketNetwork) -> tuple[Link, Link]:
    listener = await network.listen(HOST, 0, 16)
    near = await network.connect(HOST, listener.port)
    return near, await listener.accept()


async def test_a_peer_that_takes_nothing_ends_a_close_in_a_flush_timeout(
    network: SocketNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_network, "FLUSH_SECONDS", 0.01)
    near, _ = await connected(network)
    owner = RecordingOwner(near)
    near.write(MORE_THAN_BUFFERS)
    near.close()
    assert await owner.wait_closed() == "flush-timeout"


async def test_a_peer_that_never_ends_its_side_cannot_hold_our_descriptor(
    network: SocketNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_network, "LINGER_SECONDS", 0.01)
    _, far = await connected(network)
    owner = RecordingOwner(far)
    far.close()  # near has no owner, so it reads nothing and never ends its own side
    assert owner.reasons == ["closed"]
    assert network.open_links == 2
    while network.open_links == 2:
        await trio.lowlevel.checkpoint()
    assert network.open_links == 1


async def test_connect_tries_every_address_of_a_name(network: SocketNetwork) -> None:
    listener = await network.listen(HOST, 0, 1)
    gone = await network.listen(HOST, 0, 1)
    gone.close()
    trio.socket.set_custom_hostname_resolver(OwnResolver((HOST, gone.port), (HOST, listener.port)))
    link = await network.connect("relay.example", 1)
    assert link.remote == f"{HOST}:{listener.port}"


async def test_connect_raises_the_error_of_the_last_address(network: SocketNetwork) -> None:
    gone = await network.listen(HOST, 0, 1)
    gone.close()
    trio.socket.set_custom_hostname_resolver(OwnResolver((HOST, gone.port)))
    with pytest.raises(ConnectionRefusedError):
        await network.connect("relay.example", 1)
    assert network.open_links == 0


async def test_a_name_without_addresses_cannot_be_connected_to(network: SocketNetwork) -> None:
    trio.socket.set_custom_hostname_resolver(OwnResolver())
    with pytest.raises(OSError, match=r"no address for relay\.example"):
        await network.connect("relay.example", 1)


async def test_a_cancelled_connect_leaves_no_socket_behind(network: SocketNetwork) -> None:
    listener = await network.listen(HOST, 0, 1)
    with trio.CancelScope() as scope:
        scope.cancel()
        await network.connect(HOST, listener.port)
    assert scope.cancelled_caught
    assert network.open_links == 0  # and a leaked socket would be a ResourceWarning, which is an error here


async def test_small_writes_are_not_held_back(network: SocketNetwork) -> None:
    near, _ = await connected(network)
    sock = socket.socket(fileno=socket.dup(near.fileno()))  # type: ignore[attr-defined]  # a SocketLink
    with sock:
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


@pytest.mark.skipif(not socket.has_ipv6, reason="this Python has no IPv6")
async def test_an_ipv6_peer_is_named_in_brackets(network: SocketNetwork) -> None:
    try:
        listener = await network.listen("::1", 0, 1)
    except OSError:
        pytest.skip("this machine has no IPv6")
    link = await network.connect("::1", listener.port)
    assert link.remote == f"[::1]:{listener.port}"


async def test_shutting_down_ends_links_and_listeners() -> None:
    network = WaitingNetwork()
    async with run_network(network):
        listener = await network.listen(HOST, 0, 1)
        near = await network.connect(HOST, listener.port)
        owner = RecordingOwner(near)
    assert owner.reasons == ["aborted"]
    assert network.open_links == 0
    with pytest.raises(trio.ClosedResourceError):
        await listener.accept()


async def test_detaching_and_adopting_leaves_no_descriptor_open(network: SocketNetwork) -> None:
    near, far = await connected(network)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(10):
        detached = far.detach()
        assert detached is not None
        far = network.adopt(detached)
    assert len(os.listdir("/proc/self/fd")) == before
    detached = far.detach()
    assert detached is not None
    detached.discard()
    near.abort()
    assert len(os.listdir("/proc/self/fd")) == before - 2


async def test_a_socket_that_cannot_be_watched_is_closed() -> None:
    class NoRoomNetwork(WaitingNetwork):
        def watch(self, link: object) -> None:
            raise OSError(28, "no space left for watches")

    network = NoRoomNetwork()
    ours, theirs = socket.socketpair()
    with theirs:
        with pytest.raises(OSError, match="no space"):
            network.adopt_socket(ours, "somebody")
        assert ours.fileno() == -1
        assert network.open_links == 0
