"""What a link costs: bytes while it idles, CPU time for one echo, on each network that this system has.

    python -m bench.links [--links 200] [--seconds 3] [--idle 2000] [--json]

The echo is an actor a link that writes back what it receives; the other ends are plain sockets in a child
process, whose CPU time does not count. Every link has one message of 64 bytes on its way all the time, so
many are ready whenever the network looks, as on a busy node.

What it leaves out: handshakes, encryption, storage. `roost bench pairs` has them all.
"""

from __future__ import annotations

import argparse
import gc
import json
import select
import selectors
import socket
import sys
import time
import tracemalloc
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial

import trio
import trio.testing

from actors import Actor, ActorSystem, open_actor_system
from actors.network import Link, LinkClosed, Listener, Received
from actors.reactor import EpollNetwork, run_network
from actors.socket_network import SocketNetwork
from actors.waiting_network import WaitingNetwork

HOST = "127.0.0.1"
MESSAGE = bytes(64)


@dataclass(frozen=True, slots=True)
class Cost:
    """What links cost on one network."""

    network: str
    idle_bytes: int
    """Python memory of a link, its socket and, if it has one, its waiting task; no kernel buffers."""
    links: int
    echoes_per_second: int
    cpu_us_per_echo: float


class Echo(Actor):
    """Writes back what it receives."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self.echoes = 0

    async def on_start(self) -> None:
        """Own the link."""
        self._link.activate(self.ref)

    def handle(self, message: object) -> None:
        """Echo, or end with the link."""
        match message:
            case Received(data):
                self.echoes += 1
                self._link.write(data)
                self._link.resume()
            case LinkClosed():
                self.stop()


class Idle:
    """An owner that weighs nothing, so that only the link is weighed."""

    is_alive = True

    def tell_nowait(self, message: object) -> None:
        """Nothing comes."""


async def measure(network: SocketNetwork, links: int, seconds: float, idle: int) -> Cost:
    """Weigh `idle` links, then let `links` others echo for `seconds`."""
    async with open_actor_system() as system, run_network(network):
        listener = await network.listen(HOST, 0, 1024)
        idle_bytes = await weigh_idle_links(network, listener, idle)
        echoes, took, cpu = await time_echoes(system, listener, links, seconds)
    name = type(network).__name__
    return Cost(name, round(idle_bytes), links, round(echoes / took), round(cpu / max(echoes, 1) * 1e6, 1))


async def weigh_idle_links(network: SocketNetwork, listener: Listener, count: int) -> float:
    """Bytes of Python memory that one idle link takes."""
    owner = Idle()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    links = []
    for _ in range(count):
        links += [await network.connect(HOST, listener.port), await listener.accept()]
        links[-1].activate(owner)
        links[-2].activate(owner)
    await trio.testing.wait_all_tasks_blocked()
    gc.collect()
    weight = (tracemalloc.get_traced_memory()[0] - before) / len(links)
    tracemalloc.stop()
    for link in links:
        link.abort()
    await trio.testing.wait_all_tasks_blocked()
    return weight


async def time_echoes(
    system: ActorSystem, listener: Listener, links: int, seconds: float
) -> tuple[int, float, float]:
    """Echoes, and the seconds and CPU seconds of this process in which they were made."""
    port = str(listener.port)
    peers = [sys.executable, "-m", "bench.links", "--peers-of", port]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.run_process, [*peers, "--links", str(links), "--seconds", str(seconds)])
        actors = [Echo(await listener.accept()) for _ in range(links)]
        refs = [await system.start(partial(_same, actor)) for actor in actors]
        began, cpu_began = time.perf_counter(), time.process_time()
        for ref in refs:
            await ref.wait_stopped()
        took, cpu = time.perf_counter() - began, time.process_time() - cpu_began
    return sum(actor.echoes for actor in actors), took, cpu


def _same(actor: Echo) -> Echo:
    return actor


def be_the_peers(port: int, links: int, seconds: float) -> None:
    """The other ends: send one message on each link, and again what comes back, for `seconds`."""
    selector = selectors.DefaultSelector()
    peers = [socket.create_connection((HOST, port)) for _ in range(links)]
    for peer in peers:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(peer, selectors.EVENT_READ, peer)
        peer.send(MESSAGE)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for key, _ in selector.select(timeout=1):
            key.data.send(key.data.recv(65_536))
    for peer in peers:
        peer.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print, as a table or as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.links", description="what a link costs")
    parser.add_argument("--links", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--idle", type=int, default=2000, help="idle pairs of links that are weighed")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--peers-of", type=int, metavar="PORT", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.peers_of is not None:
        be_the_peers(args.peers_of, args.links, args.seconds)
        return 0
    kinds = [*([EpollNetwork] if hasattr(select, "epoll") else []), WaitingNetwork]
    costs = [trio.run(measure, kind(), args.links, args.seconds, args.idle) for kind in kinds]
    print(json.dumps([asdict(cost) for cost in costs]) if args.json else _table(costs))
    return 0


def _table(costs: Sequence[Cost]) -> str:
    lines = [f"{'network':<16}{'bytes/idle link':>16}{'echoes/s':>10}{'CPU µs/echo':>13}"]
    lines += [
        f"{cost.network:<16}{cost.idle_bytes:>16}{cost.echoes_per_second:>10}{cost.cpu_us_per_echo:>13}"
        for cost in costs
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
