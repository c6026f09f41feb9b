"""One device's end of the wire, as lean as a load generator needs: handshakes, frames and CBOR, no more.

It speaks through `protocol`'s own Noise and frames, so handshakes and encryption are the real ones. What it
leaves out is the suspicion of a client: no stanza is checked against the table, handles that the relay binds
are not looked up, and a stanza stays the CBOR item that it is. The relay is what is measured here, not an
enemy, and each microsecond of the load is one that the machine cannot give to the relay.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import cbor2

from bench.errors import WireError
from protocol import KeyPair, Seq, UserId, address_to_bytes, code_name, stanzas
from protocol.codec import WireItem, join_frame
from protocol.frames import FrameDecoder, encode_frame
from protocol.hello import NOTHING_STORED, Hello, encode_hello
from protocol.noise import HandshakeState, Transport
from protocol.preamble import HandshakePattern, encode_preamble
from protocol.schema import SPEC_OF_CLASS

PING: Final = SPEC_OF_CLASS[stanzas.Ping].number
PONG: Final = SPEC_OF_CLASS[stanzas.Pong].number
ACK: Final = SPEC_OF_CLASS[stanzas.Ack].number
ACCEPTED: Final = SPEC_OF_CLASS[stanzas.Accepted].number
DELIVERED: Final = SPEC_OF_CLASS[stanzas.Delivered].number
READ: Final = SPEC_OF_CLASS[stanzas.Read].number
SUBSCRIBE: Final = SPEC_OF_CLASS[stanzas.Subscribe].number
AVAILABLE: Final = SPEC_OF_CLASS[stanzas.Available].number
PRESENCE: Final = SPEC_OF_CLASS[stanzas.Presence].number
TYPING: Final = SPEC_OF_CLASS[stanzas.Typing].number
SEND: Final = SPEC_OF_CLASS[stanzas.Send].number
DELIVER: Final = SPEC_OF_CLASS[stanzas.Deliver].number
REFUSED: Final = SPEC_OF_CLASS[stanzas.Refused].number
BIND: Final = SPEC_OF_CLASS[stanzas.Bind].number
ERROR: Final = SPEC_OF_CLASS[stanzas.Error].number
FAILED: Final = SPEC_OF_CLASS[stanzas.Failed].number
WELCOME: Final = SPEC_OF_CLASS[stanzas.Welcome].number
FETCH_PROGRESS: Final = SPEC_OF_CLASS[stanzas.FetchProgress].number
PROGRESSES: Final = SPEC_OF_CLASS[stanzas.Progresses].number

_ARRAY_OPEN: Final = b"\x9f"
_BREAK: Final = b"\xff"
_ALERT_BYTES: Final = 1

# A device that was held up may have thousands of stanzas to say, more than fit a frame.
STANZAS_A_FRAME: Final = 128


Item: TypeAlias = int | tuple[Any, ...]
"""A stanza as CBOR has it: `type` or `(type, *fields)`, unchecked."""


class RefusedError(WireError):
    """The relay has refused something; `code` says what for."""

    def __init__(self, code: int, detail: object = None) -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"the relay said {code_name(code)}" + ("" if detail is None else f" ({detail})"))


class Wire:
    """Bytes in, CBOR items out, and back; no socket.

    Args:
        static: the device's static key.
        relay_key: the relay's static key (IK); None for a first contact (XX).
        resume_seq: the highest seq that the device has stored.
    """

    __slots__ = ("_decoder", "_handshake", "_hello", "_items", "_out", "_transport")

    def __init__(self, static: KeyPair, relay_key: bytes | None, resume_seq: Seq = NOTHING_STORED) -> None:
        pattern = HandshakePattern.XX if relay_key is None else HandshakePattern.IK
        preamble = encode_preamble(pattern)
        self._hello = encode_hello(Hello(resume_seq=resume_seq))
        self._handshake: HandshakeState | None = HandshakeState(
            pattern.protocol_name,
            initiator=True,
            entropy=os.urandom,
            static=static,
            remote_static=relay_key,
            prologue=preamble,
        )
        self._transport: Transport | None = None
        self._decoder = FrameDecoder()
        self._items: list[WireItem] = []  # stanzas for the next frame
        first = self._handshake.write_message(b"" if relay_key is None else self._hello)
        self._out = preamble + encode_frame(first)

    def say(self, *items: WireItem) -> None:
        """Put stanzas into the next frame; not before the handshake is done."""
        self._items += items

    def data_to_send(self) -> bytes:
        """Take what is to be written: the handshake's words, then all stanzas, in one frame if they fit."""
        data, self._out = self._out, b""
        items, transport = self._items, self._transport
        if transport is not None:
            for start in range(0, len(items), STANZAS_A_FRAME):
                frame = transport.encrypt(join_frame(items[start : start + STANZAS_A_FRAME]))
                data += encode_frame(frame)
            items.clear()
        return data

    def receive(self, data: bytes) -> Iterator[Item]:
        """Give the stanzas in what the network has brought.

        Raises:
            RefusedError: an alert, or an Error.
            ProtocolError: the relay does not speak our language.
        """
        decoder = self._decoder
        decoder.feed(data)
        while (frame := decoder.next_frame()) is not None:
            if self._transport is None:
                self._shake_hands(frame)
                continue
            plaintext = self._transport.decrypt(frame)
            yield from cbor2.loads(b"".join((_ARRAY_OPEN, plaintext, _BREAK)), immutable=True)

    def rest(self) -> None:
        """Give back the cipher objects, and what was read last: who only answers pings need not keep 5 KB."""
        if self._transport is not None:
            self._transport.rest()
        if self._decoder.is_empty:
            self._decoder.clear()

    def _shake_hands(self, frame: bytes) -> None:
        """Message 2 ends the handshake; with XX our last message has the Hello, with IK the first had it."""
        handshake = self._handshake
        assert handshake is not None
        if len(frame) == _ALERT_BYTES:
            raise RefusedError(frame[0])
        handshake.read_message(frame)
        if handshake.is_our_turn:
            self._out = encode_frame(handshake.write_message(self._hello))
        else:
            self._items.append(PING)  # IK: the relay believes nobody before the first transport frame
        self._transport = handshake.finish()
        self._handshake, self._hello = None, b""


# {type of a refusal: where its code stands}; a detail may follow.
REFUSALS: Final = {ERROR: 1, FAILED: 2, REFUSED: 3}


def refusal(item: tuple[Any, ...]) -> RefusedError:
    """What an Error, a Failed or a Refused says, as an exception."""
    return RefusedError(*item[REFUSALS[item[0]] :][:2])


def accepted_before(progresses: tuple[Any, ...], user: UserId) -> int:
    """How many messages to `user` the relay has accepted in earlier runs, as its Progresses tells.

    Numbers go on from there: one that was used before would be answered as a repetition, and not stored.
    """
    return next((chat[1] for chat in progresses[2] if chat[0] == user), 0)


def bind(handle: int, user: UserId) -> WireItem:
    """The stanza that names a user `handle` from now on."""
    return (BIND, handle, address_to_bytes(user))
