"""Real sockets against peers that mean harm, or have bad luck: reactor and fallback alike.

The peers are plain sockets, blocking or not as it suits them, so that they can do what our own links never
do.
"""

import random
import resource
import select
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from actors import NORMAL, Actor, open_actor_system, socket_network
from actors.network import Link, LinkClosed, Listener, Received
from actors.reactor import EpollNetwork, run_network
from actors.socket_network import SocketNetwork
from actors.waiting_network import WaitingNetwork
from tests.helpers.recording_owner import RecordingOwner

HOST = "127.0.0.1"

NETWORKS = [WaitingNetwork, *([EpollNetwork] if hasattr(select, "epoll") else [])]


@pytest.fixture(autouse=True)
def _orphans_are_found_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket_network, "ORPHAN_CHECK_SECONDS", 0.01)


@pytest.fixture(params=NETWORKS, ids=lambda network: network.__name__)
async def network(request: pytest.FixtureRequest) -> AsyncIterator[SocketNetwork]:
    network: SocketNetwork = request.param()
    async with run_network(network):
        yield network


class Attack:
    """A raw peer and the link that it has been given."""

    def __init__(self, peer: socket.socket, link: Link) -> None:
        self.peer = peer
        self.link = link

    def reset(self) -> None:
        """Vanish with a reset."""
        self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.peer.close()

    async def flood_until_cut_off(self) -> None:
        """Send for as long as the connection stands."""
        while True:
            self.send_all_it_can(limit=1_000_000)
            await trio.lowlevel.checkpoint()

    def send_all_it_can(self, limit: int) -> int:
        """Send until the kernels take no more, or ``limit`` bytes."""
        sent = 0
        try:
            while sent < limit:
                sent += self.peer.send(b"x" * 65_536)
        except BlockingIOError:
            pass
        return sent


async def attack(network: SocketNetwork, listener: Listener | None = None) -> Attack:
    listener = listener or await network.listen(HOST, 0, 16)
    peer = socket.create_connection((HOST, listener.port))
    peer.setblocking(False)
    return Attack(peer, await listener.accept())


async def test_a_reset_in_the_middle_of_our_writing_ends_the_link(network: SocketNetwork) -> None:
    enemy = await attack(network)
    owner = RecordingOwner(enemy.link)
    enemy.link.write(b"x" * 16_000_000)
    enemy.peer.send(b"wait")
    await owner.wait_for_data(4)
    enemy.reset()
    enemy.link.resume()
    assert await owner.wait_closed() == "reset"
    assert enemy.link.unsent_bytes == 0


async def test_a_reset_before_activation_is_told_to_the_owner(network: SocketNetwork) -> None:
    enemy = await attack(network)
    enemy.reset()
    await wait_all_tasks_blocked()
    assert await RecordingOwner(enemy.link).wait_closed() == "reset"


async def test_a_flood_that_nobody_reads_stays_in_the_kernel(network: SocketNetwork) -> None:
    enemy = await attack(network)
    owner = RecordingOwner(enemy.link)
    flood = 0
    for _ in range(50):
        flood += enemy.send_all_it_can(limit=1_000_000)
        await wait_all_tasks_blocked()
    assert flood < 50_000_000  # the enemy was slowed down
    assert len(owner.told) == 1
    assert len(owner.data) <= 16_384
    enemy.peer.close()


async def test_a_reader_that_takes_nothing_is_seen_in_unsent_bytes_and_can_be_aborted(
    network: SocketNetwork,
) -> None:
    enemy = await attack(network)
    owner = RecordingOwner(enemy.link)
    while enemy.link.unsent_bytes < 100_000:
        enemy.link.write(b"x" * 50_000)
    enemy.link.abort()
    assert owner.reasons == ["aborted"]
    assert enemy.link.unsent_bytes == 0
    assert network.open_links == 0
    enemy.peer.close()


async def test_a_peer_that_ends_its_side_only_is_let_go(network: SocketNetwork) -> None:
    enemy = await attack(network)
    owner = RecordingOwner(enemy.link, keep_reading=True)
    enemy.peer.send(b"last")
    enemy.peer.shutdown(socket.SHUT_WR)
    assert await owner.wait_closed() == "eof"
    assert owner.data == b"last"
    assert network.open_links == 0
    enemy.peer.close()


async def test_a_peer_that_goes_on_flooding_after_our_goodbye_is_cut_off(
    network: SocketNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_network, "LINGER_SECONDS", 0.02)
    enemy = await attack(network)
    owner = RecordingOwner(enemy.link)
    enemy.link.close()
    assert owner.reasons == ["closed"]
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        await enemy.flood_until_cut_off()
    assert owner.reasons == ["closed"]
    assert owner.data == b""
    enemy.peer.close()


async def test_peers_that_vanish_before_they_are_accepted_do_not_stop_the_listener(
    network: SocketNetwork,
) -> None:
    listener = await network.listen(HOST, 0, 64)
    for _ in range(20):
        vanishing = socket.create_connection((HOST, listener.port))
        vanishing.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        vanishing.close()
    for _ in range(20):
        await RecordingOwner(await listener.accept()).wait_closed()
    enemy = await attack(network, listener)
    owner = RecordingOwner(enemy.link)
    enemy.peer.send(b"still here?")
    assert await owner.wait_for_data(11) == b"still here?"
    enemy.peer.close()


class Chaos:
    """Random hands on both ends of one link; remembers what must come out."""

    def __init__(self, enemy: Attack, dice: random.Random) -> None:
        self.enemy = enemy
        self.dice = dice
        self.owner = RecordingOwner(enemy.link)
        self.sent = bytearray()
        self.peer_is_open = True

    def step(self) -> None:
        self.dice.choice((self.send, self.send, self.receive, self.resume, self.write, self.end))()

    def send(self) -> None:
        if self.peer_is_open:
            data = self.dice.randbytes(self.dice.choice((1, 100, 16_384, 50_000)))
            try:
                self.sent += data[: self.enemy.peer.send(data)]
            except (BlockingIOError, ConnectionError):
                pass

    def receive(self) -> None:
        if self.peer_is_open:
            try:
                self.enemy.peer.recv(100_000)
            except (BlockingIOError, ConnectionError):
                pass

    def resume(self) -> None:
        self.enemy.link.resume()

    def write(self) -> None:
        self.enemy.link.write(b"w" * self.dice.choice((1, 1000, 1_000_000)))

    def end(self) -> None:
        if self.dice.random() < 0.1:
            self.dice.choice(
                (self.close_peer, self.reset_peer, self.enemy.link.close, self.enemy.link.abort)
            )()

    def close_peer(self) -> None:
        self.peer_is_open = False
        self.enemy.peer.close()

    def reset_peer(self) -> None:
        if self.peer_is_open:
            self.peer_is_open = False
            self.enemy.reset()

    def check(self) -> None:
        """The rules of every link, after whatever happened."""
        assert self.sent.startswith(self.owner.data), "bytes were lost, doubled or reordered"
        assert len(self.owner.reasons) <= 1, "a link ended twice"
        if self.owner.reasons:
            assert isinstance(self.owner.told[-1], LinkClosed), "something was told after the end"
            assert self.enemy.link.unsent_bytes == 0


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_the_peers_do_the_rules_of_links_hold(network: SocketNetwork, seed: int) -> None:
    dice = random.Random(seed)
    listener = await network.listen(HOST, 0, 16)
    all_chaos = [Chaos(await attack(network, listener), dice) for _ in range(5)]
    for _ in range(100):
        for chaos in all_chaos:
            chaos.step()
        await trio.lowlevel.checkpoint()
    for chaos in all_chaos:
        chaos.enemy.link.abort()
        await chaos.owner.wait_closed()
        chaos.check()
        chaos.enemy.peer.close()


class EchoConnection(Actor):
    """Sends back what it receives; ends with its link."""

    def __init__(self, link: Link) -> None:
        self.connection = link

    async def on_start(self) -> None:
        self.connection.activate(self.ref)

    def handle(self, message: object) -> None:
        match message:
            case Received(data):
                self.connection.write(data)
                self.connection.resume()
            case LinkClosed():
                self.stop()


async def test_an_actor_owns_a_link_and_ends_with_it(network: SocketNetwork) -> None:
    async with open_actor_system() as system:
        enemy = await attack(network)
        ref = await system.start(lambda: EchoConnection(enemy.link))
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(enemy.peer))
        await stream.send_all(b"hello")
        assert await stream.receive_some() == b"hello"
        await stream.aclose()
        assert await ref.wait_stopped() is NORMAL


async def test_killing_the_owner_ends_the_link(network: SocketNetwork) -> None:
    async with open_actor_system() as system:
        enemy = await attack(network)
        ref = await system.start(lambda: EchoConnection(enemy.link))
        ref.kill()
        stream = trio.SocketStream(trio.socket.from_stdlib_socket(enemy.peer))
        with pytest.raises(trio.BrokenResourceError):
            await stream.receive_some()
        await stream.aclose()


MANY = 5_000


@contextmanager
def room_for(descriptors: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < descriptors:
        pytest.skip(f"needs {descriptors} file descriptors, this process may have {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, descriptors), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.slow
async def test_five_thousand_links_open_idle_and_close() -> None:
    with room_for(2 * MANY + 500):
        network = EpollNetwork() if hasattr(select, "epoll") else WaitingNetwork()
        async with run_network(network):
            listener = await network.listen(HOST, 0, 1024)
            near, far = [], []
            for _ in range(MANY):
                near.append(RecordingOwner(await network.connect(HOST, listener.port)))
                far.append(RecordingOwner(await listener.accept(), keep_reading=True))
            await wait_all_tasks_blocked()
            near[-1].link.write(b"the last one works like the first")
            await far[-1].wait_for_data(33)
            for owner in near:
                owner.link.close()
            for owner in far:
                assert await owner.wait_closed() == "eof"
            assert network.open_links <= MANY
