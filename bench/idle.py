"""What connected devices cost a relay that has nothing to tell them: memory, logins, CPU time.

    python -m bench.idle --connections 15000 --idle-seconds 40

starts a node on one core; processes on the others connect devices with real IK handshakes and answer the
relay's keepalives. Then one JSON object: worker bytes a connection (the mailbox actor and everything else
included; buffers of the kernel are not a process' memory), logins a second, CPU percent of one core while all
of them are idle.

`logins_per_s` is what both sides together manage; when the load is slower than the node, it is the load's.
Every 10,000 connections come from a source address of their own in 127/8, because ports are few.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection

from bench.node import Account, NodeUnderLoad, running_node
from protocol import ClientConnection, Hello, RemoteProtocolError, Welcome

CONNECTIONS_A_PROCESS = 15_000
CONNECTIONS_AN_ADDRESS = 10_000
DESCRIPTORS = 20_000

# Handshakes on their way at once in one load process: enough that the node never waits for the load.
CONCURRENT_LOGINS = 64

# A run that takes longer has failed.
LOGIN_SECONDS = 300.0

# After the last login the node still has to settle: cipher objects are given back after some seconds.
SETTLE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Result:
    """What a run measured."""

    connections: int
    worker_bytes_per_connection: int
    """Of proportional set size (PSS)."""
    worker_rss_bytes_per_connection: int
    logins_per_s: float
    login_cpu_us: float
    """CPU time of the node for one."""
    idle_cpu_percent: float
    """Of one core."""
    idle_seconds: float


class IdleDevice(asyncio.Protocol):
    """Logs in, answers pings (its channel does), and says nothing."""

    __slots__ = ("channel", "ready", "transport")

    def __init__(self, account: Account, relay_key: bytes) -> None:
        self.channel = ClientConnection(account.keys, relay_key, Hello(), os.urandom)
        self.transport: asyncio.Transport | None = None
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Shake hands."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Answer what wants an answer."""
        try:
            events = self.channel.receive_data(data)
        except RemoteProtocolError as error:
            self._fail(error)
            return
        if any(isinstance(event, Welcome) for event in events):
            self.ready.set_result(None)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Before the login it is a failure; after it, the run is over."""
        self._fail(exc or ConnectionError("the relay hung up"))

    def _fail(self, error: Exception) -> None:
        if not self.ready.done():
            self.ready.set_exception(error)

    def _flush(self) -> None:
        data = self.channel.data_to_send()
        if data and self.transport is not None:
            self.transport.write(data)


def be_devices(control: Connection, node: NodeUnderLoad, accounts: Sequence[Account], offset: int) -> None:
    """One load process: connect `accounts`, say how it went, and stay until told to go."""
    _raise_descriptor_limit()
    asyncio.run(_be_devices(control, node, accounts, offset))


async def _be_devices(
    control: Connection, node: NodeUnderLoad, accounts: Sequence[Account], offset: int
) -> None:
    try:
        async with asyncio.timeout(LOGIN_SECONDS):
            devices = await _log_in(node, accounts, offset)
    except (OSError, TimeoutError, RemoteProtocolError) as error:
        control.send(f"{type(error).__name__}: {error}")
        return
    control.send(None)
    await asyncio.get_running_loop().run_in_executor(None, control.recv)
    control.send(sum(device.channel.is_closed for device in devices))


async def _log_in(node: NodeUnderLoad, accounts: Sequence[Account], offset: int) -> list[IdleDevice]:
    loop = asyncio.get_running_loop()
    devices: list[IdleDevice] = []
    waiting = iter(enumerate(accounts, offset))

    async def log_in_one_after_the_other() -> None:
        for index, account in waiting:
            device = IdleDevice(account, node.relay_key)
            source = (f"127.0.0.{1 + index // CONNECTIONS_AN_ADDRESS}", 0)
            await loop.create_connection(
                lambda device=device: device,  # type: ignore[misc]  # mypy infers no lambda with a default
                "127.0.0.1",
                node.port,
                local_addr=source,
            )
            await device.ready
            devices.append(device)

    async with asyncio.TaskGroup() as group:
        for _ in range(CONCURRENT_LOGINS):
            group.create_task(log_in_one_after_the_other())
    return devices


def measure(node: NodeUnderLoad, idle_seconds: float, settle_seconds: float) -> Result:
    """Connect every account of a node, wait, and say what it costs.

    Raises:
        RuntimeError: a device could not log in, or was hung up on.
    """
    count = len(node.accounts)
    pss, rss, cpu = node.memory_bytes("Pss"), node.memory_bytes("Rss"), node.cpu_seconds()
    began = time.perf_counter()
    controls = [_start_devices(node, offset) for offset in range(0, count, CONNECTIONS_A_PROCESS)]
    try:
        for control in controls:
            if (failure := control.recv()) is not None:
                raise RuntimeError(f"a device could not log in: {failure}")
        took, login_cpu = time.perf_counter() - began, node.cpu_seconds() - cpu
        time.sleep(settle_seconds)
        cpu, idle_began = node.cpu_seconds(), time.perf_counter()
        time.sleep(idle_seconds)
        idle_cpu, idle_took = node.cpu_seconds() - cpu, time.perf_counter() - idle_began
        pss, rss = node.memory_bytes("Pss") - pss, node.memory_bytes("Rss") - rss
    finally:
        for control in controls:
            control.send(None)
    if lost := sum(control.recv() for control in controls):
        raise RuntimeError(f"{lost} devices were hung up on")
    return Result(
        connections=count,
        worker_bytes_per_connection=round(pss / count),
        worker_rss_bytes_per_connection=round(rss / count),
        logins_per_s=round(count / took, 1),
        login_cpu_us=round(login_cpu / count * 1e6, 1),
        idle_cpu_percent=round(100 * idle_cpu / idle_took, 2),
        idle_seconds=round(idle_took, 1),
    )


def _start_devices(node: NodeUnderLoad, offset: int) -> Connection:
    ours, theirs = multiprocessing.Pipe()
    accounts = node.accounts[offset : offset + CONNECTIONS_A_PROCESS]
    arguments = (theirs, node, accounts, offset)
    multiprocessing.get_context("fork").Process(target=be_devices, args=arguments, daemon=True).start()
    theirs.close()
    return ours


def _raise_descriptor_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(DESCRIPTORS, hard), hard))


def run_idle(
    connections: int, idle_seconds: float, settle_seconds: float = SETTLE_SECONDS, *, pin: bool = True
) -> Result:
    """A whole run: accounts, a node of its own in a temporary folder, devices, the figures.

    Raises:
        RuntimeError: as `measure`, or the node did not start.
    """
    with running_node(connections, pin=pin) as node:
        return measure(node, idle_seconds, settle_seconds)


def main() -> None:
    """Run it and print one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--connections", type=int, default=15_000)
    parser.add_argument("--idle-seconds", type=float, default=40.0, help="more than a keepalive interval")
    args = parser.parse_args()
    print(json.dumps(asdict(run_idle(args.connections, args.idle_seconds))))


if __name__ == "__main__":
    main()
