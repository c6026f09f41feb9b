"""The part of a connection that both sides share: bytes in, events out; stanzas in, bytes out.

Knows frames, encryption, handles and the state tables; its two subclasses in connection.py know their own
handshakes. Nothing here waits, reads a clock or draws a random number.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Final

from protocol.codec import WireItem, join_frame, read_stanza, spec_of, split_frame, write_stanza
from protocol.codes import ErrorCode
from protocol.errors import (
    DecryptionError,
    LocalProtocolError,
    NoiseError,
    NotAllowedError,
    RemoteProtocolError,
    UndecryptableError,
    UnknownStanzaError,
)
from protocol.events import Event
from protocol.frames import FrameDecoder, encode_frame
from protocol.handles import HandleTable
from protocol.ids import (
    Address,
    DeviceAddress,
    GroupAddress,
    Handle,
    MemberAddress,
    Seq,
    UserId,
    address_to_bytes,
)
from protocol.limits import (
    AEAD_TAG_BYTES,
    FRAME_HEADER_BYTES,
    MAX_PLAINTEXT_BYTES,
    MAX_STANZAS_PER_FRAME,
)
from protocol.noise.transport import Transport
from protocol.schema import SPEC_OF_CLASS, Sender, StanzaSpec
from protocol.stanzas import (
    Accepted,
    Bind,
    Deliver,
    Delivered,
    Error,
    Ping,
    Pong,
    Read,
    Registered,
    Stanza,
    Tick,
    Welcome,
)
from protocol.state import StanzasByState, State, Step, Transitions

# What the connection says by itself.
_PING: Final = SPEC_OF_CLASS[Ping].number
_PONG: Final = SPEC_OF_CLASS[Pong].number
_BIND: Final = SPEC_OF_CLASS[Bind].number
_DELIVER: Final = SPEC_OF_CLASS[Deliver].number
_ERROR: Final = SPEC_OF_CLASS[Error].number

_TICKS: Final[dict[type[Tick], int]] = {
    Accepted: SPEC_OF_CLASS[Accepted].number,
    Delivered: SPEC_OF_CLASS[Delivered].number,
    Read: SPEC_OF_CLASS[Read].number,
}

# Frames that hold nothing but a Ping or a Pong, each a stanza of one byte.
_PING_WORD: Final = join_frame((_PING,))
_PONG_WORD: Final = join_frame((_PONG,))
_KEEPALIVE_HEADER: Final = (len(_PING_WORD) + AEAD_TAG_BYTES).to_bytes(FRAME_HEADER_BYTES)
_KEEPALIVE_FRAME_BYTES: Final = FRAME_HEADER_BYTES + len(_PING_WORD) + AEAD_TAG_BYTES


class Channel(ABC):
    """One side of one connection. Use RelayConnection or ClientConnection.

    Invariants:
        `_transport` is there from the end of the handshake on, and stays when the state is CLOSED, so that
        the last Error can still be encrypted.
        `_items` is empty as long as there is no `_transport`.
    """

    __slots__ = ("_decoder", "_handles", "_hearable", "_heard", "_items", "_out", "_state", "_transport")

    sender: ClassVar[Sender]
    peer: ClassVar[Sender]
    transitions: ClassVar[Transitions]
    may_send: ClassVar[StanzasByState]

    def __init__(self, state: State, hearable: StanzasByState) -> None:
        self._state = state
        self._hearable = hearable
        self._decoder = FrameDecoder()
        self._transport: Transport | None = None
        self._handles = HandleTable(odd=self.sender is Sender.RELAY)
        self._heard = 0  # stanzas, since `take_heard_count`
        self._out: list[bytes] = []  # whole frames and the preamble, ready to be written
        self._items: list[WireItem] = []  # stanzas that wait for data_to_send; bounded by whoever sends them

    # --- What the program above uses ---

    @property
    def state(self) -> State:
        """Where the connection stands."""
        return self._state

    @property
    def is_closed(self) -> bool:
        """Whether the state is CLOSED; something may still wait in `data_to_send`."""
        return self._state is State.CLOSED

    @property
    def handshake_hash(self) -> bytes | None:
        """A name of this channel that both sides know; None before the handshake is done."""
        return None if self._transport is None else self._transport.handshake_hash

    def receive_data(self, data: bytes) -> list[Event]:
        """Take in bytes from the network and return what they say, in order.

        Pings are answered by the connection itself and are no events, so call `data_to_send` after every
        `receive_data`. A Bind is one only if it brings a phone number, a Pong only if it answers a Ping that
        the program has sent (or IK's first). Data after CLOSED is ignored.

        Raises:
            RemoteProtocolError: the peer broke the protocol. The connection is CLOSED from now on, and what
                to answer is in `data_to_send()`; what came before the fault is in the error's `events`.
        """
        if self.is_closed:
            return []
        self._decoder.feed(data)
        return self._take_in()

    def _take_in(self, held: bytes = b"") -> list[Event]:
        """Go as far as what has come allows, beginning with what a frame says that is decrypted already.

        Raises:
            RemoteProtocolError: as `receive_data`.
        """
        events: list[Event] = []
        try:
            if held:
                self._hear_plaintext(held, events)
            while self._advance(events):
                pass
        except RemoteProtocolError as error:
            error.events = tuple(events)
            self._end(error.code, error.stanza_type if isinstance(error, UnknownStanzaError) else None)
            raise
        return events

    def send(self, *stanzas: Stanza) -> None:
        """Queue stanzas for `data_to_send`; a chat that has no handle yet is bound first.

        Queueing an Error closes the connection.

        Raises:
            LocalProtocolError: a stanza is not allowed in this state or breaks a limit. It has not been
                queued; those before it have.
        """
        for stanza in stanzas:
            self._send_one(stanza)

    # What a relay says with every message does not go the way of `send`: its fields were checked when they
    # came in. To build a stanza of them, check and take it apart again is a third of what saying it costs.

    def send_delivery(self, seq: Seq, chat: DeviceAddress | MemberAddress, rest: tuple[object, ...]) -> None:
        """Queue a Deliver, whose fields behind the chat were checked when they were put together.

        Raises:
            LocalProtocolError: not in this state.
            HandleTableFullError: as `bind`.
        """
        if Deliver not in self.may_send[self._state]:
            raise LocalProtocolError(f"Deliver in state {self._state.value}")
        self._items.append((_DELIVER, seq, self._handle_for(chat), *rest))

    def send_tick(self, tick: type[Tick], chat: UserId | GroupAddress, number: int) -> None:
        """Queue a tick of that class for a chat.

        Raises:
            LocalProtocolError: not in this state.
            HandleTableFullError: as `bind`.
        """
        if tick not in self.may_send[self._state]:
            raise LocalProtocolError(f"{tick.__name__} in state {self._state.value}")
        self._items.append((_TICKS[tick], self._handle_for(chat), number))

    def bind(self, address: Address, phone: str | None = None) -> None:
        """Bind a handle for an address ahead of its first use; does nothing if it has one.

        A relay calls it with the phone number before the first Deliver from a device: the Bind carries it.

        Raises:
            LocalProtocolError: no stanza with a chat may be sent in this state.
            HandleTableFullError: 4,096 handles were bound anew within one round trip.
        """
        if Bind not in self.may_send[self._state]:
            raise LocalProtocolError(f"bind in state {self._state.value}")
        if self._handles.find(address) is None:
            self._bind(address, phone)

    def is_bound(self, address: Address) -> bool:
        """Whether `bind` would do nothing: so that a phone number is looked up only when it will travel."""
        return self._handles.find(address) is not None

    def data_to_send(self) -> bytes:
        """Take everything that is to be written: all stanzas that wait, in as few frames as possible."""
        if self._items:
            items, self._items = self._items, []
            self._encrypt(items)
        if len(self._out) == 1:
            return self._out.pop()
        data = b"".join(self._out)
        self._out.clear()
        return data

    @property
    def has_data_to_send(self) -> bool:
        """Whether `data_to_send` would return anything."""
        return bool(self._items or self._out)

    def close(self, code: ErrorCode | None = None, detail: int | None = None) -> None:
        """End the connection from our side; with a code, the peer is told why. Harmless when CLOSED."""
        if not self.is_closed:
            self._end(code, detail)

    def take_heard_count(self) -> int:
        """How many stanzas have come since this was asked last, those included that are no events."""
        count, self._heard = self._heard, 0
        return count

    def rest(self) -> None:
        """Give back what an idle connection does not need: two cipher objects, 2.5 KB each."""
        if self._transport is not None:
            self._transport.rest()

    def hear_keepalive(self, data: bytes) -> bytes | None:
        """Deal with what the network brings if it is one frame with a lone Ping or Pong; else None.

        With None nothing has changed, and `receive_data` is to be called. So a program can answer a Ping, the
        only word that most devices say for hours, without waking anybody. Nothing is answered ahead of what
        waits in `data_to_send`.

        Returns:
            What to write: the frame with the Pong, or nothing for a Pong.
        """
        transport = self._transport
        if (
            len(data) != _KEEPALIVE_FRAME_BYTES
            or data[:FRAME_HEADER_BYTES] != _KEEPALIVE_HEADER
            or transport is None
            or Ping not in self._hearable[self._state]
            or self.has_data_to_send
            or not self._decoder.is_empty
        ):
            return None
        try:
            word = transport.peek(data[FRAME_HEADER_BYTES:])
        except NoiseError:
            return None  # `receive_data` says what is wrong with it
        if word == _PING_WORD:
            transport.skip()
            return encode_frame(transport.encrypt(_PONG_WORD))
        if word == _PONG_WORD and self._handles.pong_expected:
            transport.skip()
            self._handles.pong_heard()
            return b""
        return None

    # --- Hearing ---

    @abstractmethod
    def _advance(self, events: list[Event]) -> bool:
        """Take one step with what has come; False if more bytes are needed, or the connection is CLOSED."""

    def _hear_frame(self, frame: bytes, events: list[Event]) -> None:
        """Decrypt a transport frame and take in its stanzas."""
        self._hear_plaintext(self._decrypt(frame), events)

    def _decrypt(self, frame: bytes) -> bytes:
        assert self._transport is not None
        try:
            return self._transport.decrypt(frame)
        except DecryptionError:
            raise UndecryptableError from None

    def _hear_plaintext(self, plaintext: bytes, events: list[Event]) -> None:
        """Take in the stanzas of a frame."""
        hearable = self._hearable[self._state]
        items = split_frame(plaintext)
        self._heard += len(items)
        for item in items:
            spec = spec_of(item)
            if spec.stanza not in hearable:
                raise self._refusal(spec)
            stanza = read_stanza(spec, item, self.peer, self._handles.resolve)
            act = _ACT_ON.get(spec.stanza)
            if act is None:
                events.append(stanza)
                continue
            if act(self, stanza):
                events.append(stanza)
            if self.is_closed:
                return  # an Error: whatever the peer put behind it is of no interest
            hearable = self._hearable[self._state]

    def _refusal(self, spec: StanzaSpec) -> RemoteProtocolError:
        """Say what is wrong with a stanza that may not be heard in this state."""
        return NotAllowedError(spec.name, self._state.value)

    # What the connection does itself about a stanza; the result: whether it is an event all the same.

    def _act_on_ping(self, _ping: Ping) -> bool:
        self._items.append(_PONG)
        return False

    def _act_on_pong(self, _pong: Pong) -> bool:
        return not self._handles.pong_heard()

    def _act_on_bind(self, bind: Bind) -> bool:
        self._handles.accept(bind.handle, bind.address)
        return bind.phone is not None

    def _act_on_error(self, _error: Error) -> bool:
        self._step(Step.END)
        self._decoder.clear()
        return True

    def _act_on_welcome(self, welcome: Welcome) -> bool:
        self._step(Step.WELCOME_KNOWN if welcome.user else Step.WELCOME_STRANGER)
        return True

    def _act_on_registered(self, _registered: Registered) -> bool:
        self._step(Step.REGISTERED)
        return True

    # --- Saying ---

    def _send_one(self, stanza: Stanza) -> None:
        kind = type(stanza)
        if kind not in self.may_send[self._state]:
            raise LocalProtocolError(f"{kind.__name__} in state {self._state.value}")
        if kind is Pong or kind is Bind:
            raise LocalProtocolError(f"the connection sends {kind.__name__} by itself")
        item = write_stanza(stanza, self.sender, self._handle_for)
        self._items.append(item)
        if kind is Ping:
            self._handles.ping_sent()
        elif kind is Error:
            self._step(Step.END)
        elif kind is Registered:
            self._step(Step.REGISTERED)

    def _handle_for(self, address: Address) -> Handle:
        handle = self._handles.find(address)
        return self._bind(address, None) if handle is None else handle

    def _bind(self, address: Address, phone: str | None) -> Handle:
        wire_address = address_to_bytes(address)  # raises before anything has changed
        handle, rebound = self._handles.bind(address)
        bound = (_BIND, handle, wire_address)
        self._items.append(bound if phone is None else (*bound, phone))
        if rebound:  # the barrier that handles.py explains
            self._items.append(_PING)
            self._handles.ping_sent()
        return handle

    def _encrypt(self, items: list[WireItem]) -> None:
        """Put items into one frame, or into two halves if they do not fit one."""
        assert self._transport is not None
        plaintext = join_frame(items)
        if len(items) > 1 and (len(plaintext) > MAX_PLAINTEXT_BYTES or len(items) > MAX_STANZAS_PER_FRAME):
            middle = len(items) // 2
            self._encrypt(items[:middle])
            self._encrypt(items[middle:])
        else:
            self._out.append(encode_frame(self._transport.encrypt(plaintext)))

    # --- Moving on ---

    def _step(self, step: Step) -> None:
        """Go where the table says.

        Raises:
            NotAllowedError: the table has no such step from here.
        """
        target = self.transitions[self._state].get(step)
        if target is None:
            raise NotAllowedError(step.value, self._state.value)
        self._state = target

    def _end(self, code: ErrorCode | None, detail: int | None) -> None:
        """Say why, if anything can be said, and close."""
        if code is not None:
            self._say_end(code, detail)
        self._step(Step.END)
        self._decoder.clear()

    def _say_end(self, code: ErrorCode, detail: int | None) -> None:
        if self._transport is not None:
            self._items.append((_ERROR, int(code)) if detail is None else (_ERROR, int(code), detail))


_ACT_ON: Final[dict[type[Any], Callable[[Channel, Any], bool]]] = {
    Ping: Channel._act_on_ping,
    Pong: Channel._act_on_pong,
    Bind: Channel._act_on_bind,
    Error: Channel._act_on_error,
    Welcome: Channel._act_on_welcome,
    Registered: Channel._act_on_registered,
}
