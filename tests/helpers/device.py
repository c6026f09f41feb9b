"""A protocol-level test device: speaks the wire, knows nothing of end-to-end encryption, keeps nothing.

It is built on `ClientConnection` over any `Network`, so it works on real sockets and on simulated ones. A
test reads as a script: `device.send(...)`, `await device.expect(Accepted)`.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar, overload

import trio

from actors.network import Link, LinkClosed, Network, Received
from actors.ports import system_entropy
from protocol import (
    Accepted,
    Ack,
    Bind,
    ClientConnection,
    Connected,
    Deliver,
    DeviceAddress,
    Error,
    Event,
    Hello,
    KeyPair,
    MessageNumber,
    Ping,
    Pong,
    Refused,
    RemoteProtocolError,
    Send,
    Seq,
    Stanza,
    UserId,
    Welcome,
)

EXPECT_SECONDS = 30.0
"""How long a device waits for what should come: generous, because the machine may be busy."""

SILENCE_SECONDS = 0.05
"""How long it must stay silent: some commits. A virtual clock makes it free."""

E = TypeVar("E")
F = TypeVar("F")


class Closed:
    """The event that ends a device's connection."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class Device:
    """One connection of one device."""

    def __init__(
        self,
        link: Link,
        keys: KeyPair,
        relay_key: bytes | None,
        resume: int = 0,
        entropy: Callable[[int], bytes] = system_entropy,
    ) -> None:
        self.link = link
        self.keys = keys
        self.channel = ClientConnection(keys, relay_key, Hello(resume_seq=Seq(resume)), entropy)
        self.events: deque[Event | Closed] = deque()
        self.welcome: Welcome | None = None
        self.received_bytes = 0
        self.closed: str | None = None
        self._arrived = trio.Event()
        self._phones: dict[DeviceAddress, str] = {}

    # ---- the owner of a link ----

    @property
    def is_alive(self) -> bool:
        return True

    def tell_nowait(self, message: object) -> None:
        if isinstance(message, Received):
            self._hear(message.data)
            self.link.resume()
        elif isinstance(message, LinkClosed):
            self.closed = message.reason
            self.events.append(Closed(message.reason))
        self._arrived.set()

    def _hear(self, data: bytes) -> None:
        self.received_bytes += len(data)
        try:
            events = self.channel.receive_data(data)
        except RemoteProtocolError as error:
            self.events.append(Closed(f"relay broke protocol: {error}"))
        else:
            for event in events:
                if not isinstance(event, Bind):
                    self.events.append(event)
                elif event.phone is not None and isinstance(event.address, DeviceAddress):
                    self._phones[event.address] = event.phone
        self.flush()

    # ---- what a test says ----

    def say(self, *stanzas: Stanza) -> None:
        """Send stanzas in one frame."""
        self.channel.send(*stanzas)
        self.flush()

    def say_raw(self, *items: object) -> None:
        """Say what no proper client would: CBOR items as they are."""
        self.channel._items += items  # type: ignore[arg-type]  # that is the point
        self.flush()

    def send(
        self, user: UserId, number: int, ciphertext: bytes = b"ciphertext", life_s: int | None = None
    ) -> None:
        """Send a message for a user's only device."""
        self.say(Send(user, MessageNumber(number), ciphertext, life_s))

    def ack(self, seq: int) -> None:
        """Say that everything up to `seq` is stored."""
        self.say(Ack(Seq(seq)))

    @overload
    async def expect(self, kind: type[E], seconds: float = ...) -> E: ...
    @overload
    async def expect(self, kind: tuple[type[E], type[F]], seconds: float = ...) -> E | F: ...
    async def expect(self, kind: type[E] | tuple[type[E], type[F]], seconds: float = EXPECT_SECONDS) -> E | F:
        """The next event of a kind, or of two; others before it are passed over.

        Raises:
            trio.TooSlowError: it does not come.
            AssertionError: the connection ended before it came.
        """
        with trio.fail_after(seconds):
            while True:
                while self.events:
                    event = self.events.popleft()
                    if isinstance(event, kind):
                        return event
                    assert not isinstance(event, Closed), f"closed ({event.reason}) before {kind} came"
                self._arrived = trio.Event()
                await self._arrived.wait()

    @property
    def phones(self) -> dict[DeviceAddress, str]:
        """Whom the relay has introduced, by what it has said and nobody has looked at since the start."""
        return dict(self._phones)

    async def expect_deliveries(self, count: int) -> list[Deliver]:
        """The next so many deliveries."""
        return [await self.expect(Deliver) for _ in range(count)]

    async def expect_accepted(self, number: int) -> None:
        """Wait until everything up to `number` is ticked."""
        while (await self.expect(Accepted)).number < number:
            pass

    async def expect_error(self) -> int:
        """The code with which the relay ends the connection, and its end."""
        code = (await self.expect(Error)).code
        await self.expect_end()
        return code

    async def expect_silence(self) -> None:
        """Nothing comes: the relay has read everything that was said, and has nothing to say to it."""
        await self.ping()
        with trio.move_on_after(SILENCE_SECONDS):
            while not self.events:
                self._arrived = trio.Event()
                await self._arrived.wait()
        assert not self.events, f"expected nothing, got {list(self.events)}"

    async def take(self, kind: type[E] | tuple[type[E], type[F]]) -> E | F:
        """As `expect`, but what has come before it stays, in its order."""
        with trio.fail_after(EXPECT_SECONDS):
            while True:
                found = next((event for event in self.events if isinstance(event, kind)), None)
                if found is not None:
                    self.events.remove(found)
                    return found
                self._arrived = trio.Event()
                await self._arrived.wait()

    async def ping(self) -> None:
        """Wait until the relay's connection has read everything that was said."""
        self.say(Ping())
        with trio.fail_after(EXPECT_SECONDS):
            while not self._take_pong():
                self._arrived = trio.Event()
                await self._arrived.wait()

    def _take_pong(self) -> bool:
        """Take out the oldest Pong; what else has come stays in its order."""
        pong = next((event for event in self.events if isinstance(event, Pong)), None)
        if pong is not None:
            self.events.remove(pong)
        return pong is not None

    async def resend_until_accepted(
        self, user: UserId, number: int, ciphertext: bytes = b"ciphertext"
    ) -> None:
        """What a phone does when the relay has no room: try again a little later."""
        while True:
            self.send(user, number, ciphertext)
            event = await self.expect((Accepted, Refused))
            if isinstance(event, Accepted):
                assert event.number == number
                return
            await trio.sleep(0.05)

    async def expect_end(self) -> str:
        """Wait for the end of the connection; returns its reason."""
        return (await self.expect(Closed)).reason

    def heard(self, kind: type[E]) -> list[E]:
        """All events of a kind that have come and were not looked at."""
        return [event for event in self.events if isinstance(event, kind)]

    def close(self) -> None:
        """Leave."""
        self.link.close()

    def vanish(self) -> None:
        """Be gone without a word."""
        self.link.abort()

    def flush(self) -> None:
        """Write what waits."""
        data = self.channel.data_to_send()
        if data:
            self.link.write(data)


async def connect(
    network: Network,
    port: int,
    keys: KeyPair,
    *,
    relay_key: bytes | None = None,
    resume: int = 0,
    host: str = "127.0.0.1",
    entropy: Callable[[int], bytes] = system_entropy,
) -> Device:
    """Connect, shake hands (IK if the relay's key is given, XX otherwise), and wait for the Welcome."""
    link = await network.connect(host, port)
    device = Device(link, keys, relay_key, resume, entropy)
    link.activate(device)
    device.flush()
    await device.expect(Connected)
    device.welcome = await device.expect(Welcome)
    return device


@asynccontextmanager
async def connected(
    network: Network, port: int, keys: KeyPair, *, relay_key: bytes | None = None, resume: int = 0
) -> AsyncIterator[Device]:
    """A device that is connected for the length of a block."""
    device = await connect(network, port, keys, relay_key=relay_key, resume=resume)
    try:
        yield device
    finally:
        device.vanish()


def address_of(device: Device) -> DeviceAddress:
    """Who the relay takes the device for."""
    assert device.welcome is not None
    return DeviceAddress(device.welcome.user, device.welcome.device)
