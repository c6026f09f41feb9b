"""Load for one relay: N pairs of devices that write to each other, each message durable and ticked ✓✓.

    python -m bench.pairs --pairs 200 --window 8 --seconds 10     as fast as it goes
    python -m bench.pairs --pairs 200 --rate 6000 --seconds 10    so many messages a second, come what may

starts a node on one core and the load on another, and says messages a second that went all the way to ✓✓,
the node's CPU time for each, and how long the way took. Real sockets, a real store, real handshakes; the
messages are prepared ciphertexts of 100 bytes, because end-to-end encryption is the phones' work.

With `--rate` a message counts from when it was due, whether or not the load was able to send it then: a node
that stands still for a second is charged with every message of that second (no coordinated omission).

What it leaves out: registration (accounts are put into the store before the node starts), reconnects, groups.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections import deque
from dataclasses import asdict, dataclass, field

from bench.node import Account, NodeUnderLoad, running_node
from protocol import (
    Ack,
    ClientConnection,
    Deliver,
    Delivered,
    Error,
    Hello,
    MessageNumber,
    Refused,
    RemoteProtocolError,
    Send,
    Seq,
    UserId,
    Welcome,
)

CIPHERTEXT = b"c" * 100
WARM_UP_SECONDS = 1.0
LOGIN_SECONDS = 30.0

# How often the load at a fixed rate looks what is due.
TICK_SECONDS = 0.001


@dataclass(slots=True)
class Result:
    """What a run measured."""

    pairs: int
    window: int | None
    """Messages that a phone keeps on their way; None at a fixed rate."""
    rate: float | None
    """Messages due a second; None if as many as go."""
    seconds: float
    messages: int
    """Sent, accepted, delivered, acknowledged and ticked ✓✓ back."""
    ticked_per_s: float
    worker_cpu_us_per_message: float
    p50_ms: float
    p99_ms: float
    max_ms: float


@dataclass(slots=True)
class Load:
    """What all phones of a run share."""

    window: int | None
    failed: asyncio.Future[None]
    """Raises what went wrong with any of them."""
    is_over: bool = False
    ticked: int = 0
    latencies: list[float] = field(default_factory=list)

    def fail(self, error: Exception) -> None:
        """Something went wrong: the run is worth nothing."""
        if not self.failed.done() and not self.is_over:
            self.failed.set_exception(error)


class Phone(asyncio.Protocol):
    """A device that writes to its partner, and acknowledges what it gets.

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

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody should hang up before the run is over."""
        self.load.fail(exc or RuntimeError("the relay hung up"))

    def data_received(self, data: bytes) -> None:
        """Acknowledge what came, and send as many as were ticked."""
        acked = 0
        try:
            events = self.channel.receive_data(data)
        except RemoteProtocolError as error:
            self.load.fail(error)
            return
        for event in events:
            if isinstance(event, Deliver):
                acked = event.seq
            elif isinstance(event, Delivered):
                self.tick(event.number)
            elif isinstance(event, Welcome):
                self.ready.set_result(None)
            elif isinstance(event, Error | Refused):
                self.load.fail(RuntimeError(f"the relay said {event}"))
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
        window = self.load.window
        while window is not None and len(self.sent_at) < window and not self.load.is_over:
            self.send(time.perf_counter())

    def send(self, due: float) -> None:
        """Write one message, which counts from when it was due."""
        self.number += 1
        self.sent_at.append(due)
        self.channel.send(Send(self.partner, MessageNumber(self.number), CIPHERTEXT))

    def flush(self) -> None:
        """Write what waits, in one go."""
        data = self.channel.data_to_send()
        if data and self.transport is not None:
            self.transport.write(data)


async def drive(
    node: NodeUnderLoad, *, window: int | None, rate: float | None, seconds: float, warm_up: float
) -> Result:
    """Connect everybody, let them talk, and measure after a while of warming up."""
    load = Load(window, asyncio.get_running_loop().create_future())
    phones = await _connect(node, load)
    pace = asyncio.create_task(_keep_pace(load, phones, rate)) if rate is not None else None
    for phone in phones:
        phone.fill()
        phone.flush()
    await _let_run(load, warm_up)
    cpu, ticked, began = node.cpu_seconds(), load.ticked, time.perf_counter()
    load.latencies.clear()
    await _let_run(load, seconds)
    elapsed = time.perf_counter() - began
    messages, used = load.ticked - ticked, node.cpu_seconds() - cpu
    load.is_over = True
    if pace is not None:
        await pace
    await _hang_up(phones)
    # Those that were due long ago and have not come at all are late, too.
    late = [time.perf_counter() - due for phone in phones for due in phone.sent_at] if rate else []
    latencies = sorted([*load.latencies, *late])
    return Result(
        pairs=len(phones) // 2,
        window=window,
        rate=rate,
        seconds=round(elapsed, 2),
        messages=messages,
        ticked_per_s=round(messages / elapsed, 1),
        worker_cpu_us_per_message=round(used / max(1, messages) * 1e6, 1),
        p50_ms=round(_percentile(latencies, 0.50) * 1e3, 2),
        p99_ms=round(_percentile(latencies, 0.99) * 1e3, 2),
        max_ms=round(_percentile(latencies, 1.0) * 1e3, 2),
    )


async def _connect(node: NodeUnderLoad, load: Load) -> list[Phone]:
    loop = asyncio.get_running_loop()
    phones: list[Phone] = []
    async with asyncio.timeout(LOGIN_SECONDS):
        for index, account in enumerate(node.accounts):
            phone = Phone(load, account, node.accounts[index ^ 1].address.user, node.relay_key)
            await loop.create_connection(lambda phone=phone: phone, "127.0.0.1", node.port)  # type: ignore[misc]  # mypy infers no lambda with a default
            await asyncio.wait((phone.ready, load.failed), return_when=asyncio.FIRST_COMPLETED)
            if load.failed.done():
                load.failed.result()
            phones.append(phone)
    return phones


async def _hang_up(phones: list[Phone]) -> None:
    for phone in phones:
        if phone.transport is not None:
            phone.transport.abort()
    await asyncio.sleep(0)  # transports close their sockets in the loop's next round
    await asyncio.sleep(0)


async def _let_run(load: Load, seconds: float) -> None:
    """Wait, but not for a run that has failed."""
    await asyncio.wait((load.failed,), timeout=seconds)
    if load.failed.done():
        load.failed.result()


async def _keep_pace(load: Load, phones: list[Phone], rate: float) -> None:
    """Send each message when it is due, the phones in turn; never less because the relay is slow."""
    began, sent = time.perf_counter(), 0
    while not load.is_over:
        due = int((time.perf_counter() - began) * rate)
        for number in range(sent, due):
            phone = phones[number % len(phones)]
            phone.send(began + number / rate)
            phone.flush()
        sent = max(sent, due)
        await asyncio.sleep(TICK_SECONDS)


def _percentile(ordered: list[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0


def run_pairs(
    pairs: int,
    *,
    window: int | None = 8,
    rate: float | None = None,
    seconds: float = 10.0,
    warm_up: float = WARM_UP_SECONDS,
    pin: bool = True,
) -> Result:
    """A whole run: accounts, a node of its own in a temporary folder, the load, the figures.

    Raises:
        RuntimeError: the node did not start, or refused something.
    """
    with running_node(2 * pairs, pin=pin) as node:
        return asyncio.run(
            drive(node, window=None if rate else window, rate=rate, seconds=seconds, warm_up=warm_up)
        )


def main() -> None:
    """Run it and print one JSON object."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--window", type=int, default=8, help="messages a phone keeps on their way")
    parser.add_argument("--rate", type=float, help="messages due a second, of all phones together")
    parser.add_argument("--seconds", type=float, default=10.0)
    args = parser.parse_args()
    result = run_pairs(args.pairs, window=args.window, rate=args.rate, seconds=args.seconds)
    print(json.dumps(asdict(result)))


if __name__ == "__main__":
    main()
