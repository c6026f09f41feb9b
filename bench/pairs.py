"""Load for one relay: N pairs of devices that write to each other, each message durable and ticked ✓✓.

    python -m bench.pairs --pairs 200 --window 8 --seconds 10

starts a node on one core and the load on another, and says messages a second that went all the way to ✓✓,
the node's CPU time for each, and how long the way took. Real sockets, a real store, real handshakes; the
messages are prepared ciphertexts of 100 bytes, because end-to-end encryption is the phones' work.

What it leaves out: registration (accounts are put into the store before the node starts), reconnects, groups.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path

from protocol import (
    Ack,
    ClientConnection,
    Connected,
    Deliver,
    Delivered,
    DeviceAddress,
    Hello,
    KeyPair,
    MessageNumber,
    Send,
    Seq,
    UserId,
    Welcome,
    new_user_id,
)
from storage import InlineJournal, accounts, load_or_create_secrets, open_environment
from storage.accounts import DeviceRecord, UserRecord

START_SECONDS = 20.0
CIPHERTEXT = b"c" * 100


@dataclass(frozen=True, slots=True)
class Account:
    """One device that the store knows."""

    keys: KeyPair
    address: DeviceAddress


@dataclass(slots=True)
class Result:
    """What a run measured."""

    pairs: int
    window: int
    seconds: float
    messages: int
    """Sent, accepted, delivered, acknowledged and ticked ✓✓ back."""
    messages_per_s: float
    relay_cpu_us_per_message: float
    p50_ms: float
    p99_ms: float
    max_ms: float


def make_accounts(data: Path, count: int) -> tuple[bytes, list[Account]]:
    """Put `count` accounts into a fresh data folder; returns the relay's public key, and them."""
    found: list[Account] = []
    with open_environment(data) as environment:
        journal = InlineJournal(environment)
        for index in range(count):
            keys = KeyPair.generate(os.urandom)
            device = DeviceRecord(keys.public, b"i" * 32, 1, b"s" * 32, b"g" * 64, 0)
            user = UserRecord(f"+4917139{index:06d}", 0)
            address, _, ops = accounts.add_device(new_user_id(os.urandom), user, device)
            journal.submit(ops, _must_succeed)
            found.append(Account(keys, address))
        secrets = load_or_create_secrets(data, os.urandom)
    return KeyPair.from_private_bytes(secrets.static_key).public, found


def _must_succeed(error: Exception | None) -> None:
    if error is not None:
        raise error


@dataclass(slots=True)
class Load:
    """What all phones of a run share."""

    window: int
    is_over: bool = False
    ticked: int = 0
    latencies: list[float] = field(default_factory=list)


class Phone(asyncio.Protocol):
    """A device that keeps `window` messages on their way to its partner, and acknowledges what it gets.

    asyncio and callbacks, because the load must cost less than what it measures.
    """

    def __init__(self, load: Load, account: Account, partner: UserId, relay_key: bytes) -> None:
        self.load = load
        self.partner = partner
        self.channel = ClientConnection(account.keys, relay_key, Hello(), os.urandom)
        self.number = 0
        self.sent_at: deque[float] = deque()  # of the messages that are not ticked yet, oldest first
        self.transport: asyncio.Transport | None = None
        self.ready = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Shake hands."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.flush()

    def data_received(self, data: bytes) -> None:
        """Acknowledge what came, and send as many as were ticked."""
        acked = 0
        for event in self.channel.receive_data(data):
            if isinstance(event, Deliver):
                acked = event.seq
            elif isinstance(event, Delivered):
                self.tick(event.number)
            elif isinstance(event, Welcome):
                self.ready.set_result(None)
            elif not isinstance(event, Connected) and type(event).__name__ in ("Error", "Refused"):
                raise RuntimeError(f"the relay said {event}")
        if acked:
            self.channel.send(Ack(Seq(acked)))
        self.flush()

    def tick(self, number: int) -> None:
        """Everything up to `number` has come to its partner."""
        now = time.perf_counter()
        for _ in range(number - (self.number - len(self.sent_at))):
            self.load.latencies.append(now - self.sent_at.popleft())
            self.load.ticked += 1
        self.fill()

    def fill(self) -> None:
        """Send until the window is full."""
        while len(self.sent_at) < self.load.window and not self.load.is_over:
            self.number += 1
            self.sent_at.append(time.perf_counter())
            self.channel.send(Send(self.partner, MessageNumber(self.number), CIPHERTEXT))

    def start(self) -> None:
        """Begin to talk."""
        self.fill()
        self.flush()

    def flush(self) -> None:
        """Write what waits, in one go."""
        data = self.channel.data_to_send()
        if data and self.transport is not None:
            self.transport.write(data)


async def drive(
    port: int, relay_key: bytes, found: list[Account], window: int, seconds: float, pid: int
) -> Result:
    """Connect everybody, let them talk, and measure after a second of warming up."""
    loop = asyncio.get_running_loop()
    load = Load(window)
    phones: list[Phone] = []
    for index, account in enumerate(found):
        partner = found[index ^ 1].address.user
        phone = Phone(load, account, partner, relay_key)
        await loop.create_connection(lambda phone=phone: phone, "127.0.0.1", port)  # type: ignore[misc]
        await phone.ready
        phones.append(phone)
    for phone in phones:
        phone.start()
    await asyncio.sleep(1.0)
    cpu, ticked, began = _cpu_seconds(pid), load.ticked, time.perf_counter()
    load.latencies.clear()
    await asyncio.sleep(seconds)
    elapsed = time.perf_counter() - began
    messages, used = load.ticked - ticked, _cpu_seconds(pid) - cpu
    load.is_over = True
    latencies = sorted(load.latencies)
    return Result(
        pairs=len(found) // 2,
        window=window,
        seconds=round(elapsed, 2),
        messages=messages,
        messages_per_s=round(messages / elapsed, 1),
        relay_cpu_us_per_message=round(used / max(1, messages) * 1e6, 1),
        p50_ms=round(_percentile(latencies, 0.50) * 1e3, 2),
        p99_ms=round(_percentile(latencies, 0.99) * 1e3, 2),
        max_ms=round(_percentile(latencies, 1.0) * 1e3, 2),
    )


def _percentile(ordered: list[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0


def _cpu_seconds(pid: int) -> float:
    """User and system time of a process, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_pairs(pairs: int, window: int, seconds: float, *, pin: bool = True) -> Result:
    """A whole run: accounts, a node of its own in a temporary folder, the load, the figures."""
    with tempfile.TemporaryDirectory(prefix="roost-bench-") as folder:
        data, ready = Path(folder) / "data", Path(folder) / "ready.json"
        relay_key, found = make_accounts(data, 2 * pairs)
        words = [sys.executable, "-m", "roost", "serve", "--listen", "127.0.0.1:0", "--admin", "off"]
        words += ["--data", str(data), "--ready-file", str(ready)]
        pinned = pin and (os.cpu_count() or 1) > 1
        node = subprocess.Popen(
            ["taskset", "-c", "0", *words] if pinned else words,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            if pinned:
                os.sched_setaffinity(0, {1})
            facts = _wait_until_ready(node, ready)
            port = int(facts["relay"].split("#")[0].rpartition(":")[2])
            return asyncio.run(drive(port, relay_key, found, window, seconds, int(facts["pid"])))
        finally:
            node.terminate()
            node.wait()


def _wait_until_ready(node: subprocess.Popen[bytes], ready: Path) -> dict[str, str]:
    deadline = time.monotonic() + START_SECONDS
    while not ready.exists():
        if node.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the node did not start")
        time.sleep(0.02)
    facts: dict[str, str] = json.loads(ready.read_text())
    return facts


def main() -> None:
    """Run it and print one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--window", type=int, default=8, help="messages a phone keeps on their way")
    parser.add_argument("--seconds", type=float, default=10.0)
    args = parser.parse_args()
    print(json.dumps(asdict(run_pairs(args.pairs, args.window, args.seconds))))


if __name__ == "__main__":
    main()
