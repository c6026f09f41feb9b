"""A peer that keeps no rule: real handshakes and real keys, and then whatever it is told to say.

It speaks through protocol's own Noise and frames, so that what it says arrives; which stanzas it says, in
which state, with which fields, and whether they are stanzas at all, is the caller's.
It connects to the node itself, and not through the proxy that the crowd goes through.
"""

from __future__ import annotations

import os
import socket
import struct
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias

import cbor2
import trio

from protocol import KeyPair, Seq, code_name, stanzas
from protocol.codec import WireItem, join_frame
from protocol.errors import ProtocolError
from protocol.frames import FrameDecoder, encode_frame
from protocol.hello import Hello, encode_hello
from protocol.noise import HandshakeState, Transport
from protocol.preamble import HandshakePattern, encode_preamble
from protocol.schema import SPEC_OF_CLASS

if TYPE_CHECKING:
    from faults.real.node import NodeProcess

Item: TypeAlias = int | tuple[Any, ...]
"""A stanza as CBOR has it: `type` or `(type, *fields)`, unchecked."""

PING: Final = SPEC_OF_CLASS[stanzas.Ping].number
PONG: Final = SPEC_OF_CLASS[stanzas.Pong].number
ERROR: Final = SPEC_OF_CLASS[stanzas.Error].number
WELCOME: Final = SPEC_OF_CLASS[stanzas.Welcome].number

READ_BYTES: Final = 65_536
WRITE_SECONDS: Final = 30.0
"""How long a node may take to read what was thrown at it: it may be made to read slowly, but not for ever."""

# Linux: choose the port when connecting, not when binding, so that it has to be free only towards this node
# (ip(7)). The socket module has no name for it before Python 3.12.
IP_BIND_ADDRESS_NO_PORT: Final = 24

# Hang up without waiting: thousands of sockets in TIME_WAIT would use up the ports of the next flood.
LINGER_NOT: Final = struct.pack("ii", 1, 0)

_ALERT_BYTES: Final = 1
_ARRAY_OPEN: Final = b"\x9f"
_BREAK: Final = b"\xff"


@dataclass(frozen=True, slots=True)
class Door:
    """Where a node listens, and the key by which it is known."""

    port: int
    key: bytes
    host: str = "127.0.0.1"


def door_of(node: NodeProcess) -> Door:
    """The node's own port, behind the proxy."""
    return Door(node.port, node.key)


class Ended(Exception):
    """The connection is over; `code` is what the relay said of it in an alert or an Error, if it did."""

    def __init__(self, code: int | None, detail: object = None, how: str = "closed") -> None:
        self.code = code
        self.detail = detail
        self.how = how
        said = how if code is None else code_name(code)
        super().__init__(said if detail is None else f"{said} ({detail})")


class Intruder:
    """One connection; nothing has been said on it yet."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream
        self._decoder = FrameDecoder()
        self._transport: Transport | None = None
        self._heard: deque[Item] = deque()  # bounded by what is asked for
        self.received_bytes = 0

    @classmethod
    async def at(cls, door: Door, *, source: str = "", receive_buffer: int | None = None) -> Self:
        """Connect, and say nothing.

        Args:
            door: where.
            source: the local address to come from; empty for any.
            receive_buffer: bytes that the kernel takes for us though we do not read; None for its own idea.

        Raises:
            OSError: as the socket says.
        """
        made = trio.socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
            if receive_buffer is not None:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            if source:
                made.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
                await made.bind((source, 0))
            await made.connect((door.host, door.port))
        except BaseException:
            made.close()
            raise
        return cls(trio.SocketStream(made))

    @classmethod
    async def log_in(
        cls,
        door: Door,
        keys: KeyPair,
        resume: int = 0,
        *,
        source: str = "",
        receive_buffer: int | None = None,
    ) -> Self:
        """Connect and shake hands as a client does that knows the relay; the Welcome has been heard.

        Raises:
            OSError, Ended: it is not let in.
        """
        made = await cls.at(door, source=source, receive_buffer=receive_buffer)
        try:
            await made.shake_hands(keys, door.key, Hello(resume_seq=Seq(resume)))
            await made.say(PING)
            due = {PONG, WELCOME}  # in any order
            while due:
                due.discard((await made.hear_first(*due))[0])
        except BaseException:
            made.hang_up()
            raise
        return made

    # ---- saying ----

    async def throw(self, data: bytes) -> None:
        """Send bytes as they are.

        Raises:
            Ended: the relay has hung up, or reads nothing any more.
        """
        try:
            with trio.fail_after(WRITE_SECONDS):
                await self._stream.send_all(data)
        except trio.TooSlowError:
            raise Ended(None, how=f"it read nothing for {WRITE_SECONDS:.0f} s") from None
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise Ended(None, how="reset") from None

    async def throw_frame(self, body: bytes) -> None:
        """Send bytes with their length before them, as they are. Raises as `throw`."""
        await self.throw(encode_frame(body))

    def sealed(self, plaintext: bytes) -> bytes:
        """A transport frame with this inside, encrypted and not sent."""
        assert self._transport is not None, "hands have not been shaken"
        return encode_frame(self._transport.encrypt(plaintext))

    async def say(self, *items: WireItem) -> None:
        """Send stanzas in one frame, whatever they are. Raises as `throw`."""
        await self.throw(self.sealed(join_frame(items)))

    async def shake_hands(
        self, keys: KeyPair, relay_key: bytes | None, hello: Hello | bytes | None = None
    ) -> None:
        """Noise, as every client does it; IK if the relay's key is given, XX otherwise.

        Nothing has been said afterwards. With IK the relay believes nobody before the first frame.

        Raises:
            Ended: an alert, or no answer.
        """
        payload = hello if isinstance(hello, bytes) else encode_hello(hello or Hello())
        opening, handshake = first_words(keys, relay_key, payload)
        await self.throw(opening)
        frame = await self._frame()
        if len(frame) == _ALERT_BYTES:
            raise Ended(frame[0])
        handshake.read_message(frame)
        if handshake.is_our_turn:
            await self.throw_frame(handshake.write_message(payload))
        self._transport = handshake.finish()

    # ---- hearing ----

    async def hear(self) -> Item:
        """The next stanza, whatever it is.

        Raises:
            Ended: none comes any more; an Error is an end.
        """
        while not self._heard:
            frame = await self._frame()
            if len(frame) == _ALERT_BYTES:
                raise Ended(frame[0])
            if self._transport is None:
                continue  # an answer to a handshake that nobody means to end
            try:
                plaintext = self._transport.decrypt(frame)
            except ProtocolError:
                raise Ended(None, how="a frame that does not open") from None
            self._heard += cbor2.loads(b"".join((_ARRAY_OPEN, plaintext, _BREAK)), immutable=True)
        item = self._heard.popleft()
        if type(item) is tuple and item[0] == ERROR:
            raise Ended(*item[1:3])
        return item

    async def hear_first(self, *kinds: int) -> tuple[Any, ...]:
        """The next stanza of these types; others before it are passed over. Raises as `hear`."""
        while True:
            item = await self.hear()
            if item == PING:
                await self.say(PONG)
            found = item if type(item) is tuple else (item,)
            if found[0] in kinds:
                return found

    async def hear_until_quiet(self, owed: int = 0) -> list[Item]:
        """Ask with a ping whether all was read; everything else that came until it was answered.

        Args:
            owed: how many pings before it have not been answered.

        Raises:
            Ended: as `hear`.
        """
        await self.say(PING)
        others: list[Item] = []
        while owed >= 0:
            item = await self.hear()
            if item == PONG:
                owed -= 1
            else:
                others.append(item)
        return others

    async def hear_answer(self) -> str:
        """What the relay answers to the first handshake message, in a word.

        Raises:
            Ended: an alert, or no answer.
        """
        frame = await self._frame()
        if len(frame) == _ALERT_BYTES:
            raise Ended(frame[0])
        return "answered"

    async def end(self) -> Ended:
        """Wait for the end of the connection, whatever comes before it."""
        try:
            while True:
                await self.hear()
        except Ended as ended:
            return ended

    async def _frame(self) -> bytes:
        while (frame := self._decoder.next_frame()) is None:
            try:
                data = await self._stream.receive_some(READ_BYTES)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                raise Ended(None, how="reset") from None
            if not data:
                raise Ended(None)
            self.received_bytes += len(data)
            self._decoder.feed(data)
        return frame

    # ---- going ----

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        """Be gone at once, without a word and without TIME_WAIT."""
        with suppress(OSError):
            self._stream.socket.close()


def first_words(keys: KeyPair, relay_key: bytes | None, hello: bytes) -> tuple[bytes, HandshakeState]:
    """Preamble and first handshake message, as bytes that can be thrown more than once."""
    pattern = HandshakePattern.XX if relay_key is None else HandshakePattern.IK
    preamble = encode_preamble(pattern)
    handshake = HandshakeState(
        pattern.protocol_name,
        initiator=True,
        entropy=os.urandom,
        static=keys,
        remote_static=relay_key,
        prologue=preamble,
    )
    first = handshake.write_message(b"" if relay_key is None else hello)
    return preamble + encode_frame(first), handshake


def new_keys() -> KeyPair:
    """The keys of somebody whom no relay knows."""
    return KeyPair.from_private_bytes(os.urandom(32))


def hang_up_all(intruders: Sequence[Intruder]) -> None:
    """Have them all gone."""
    for each in intruders:
        each.hang_up()
