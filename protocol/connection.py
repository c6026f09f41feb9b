"""The two ends of a connection, RelayConnection and ClientConnection: bytes in, events out, and back.

The shape of use is the same on both sides: give `receive_data` what the network brings, act on the events,
`send` stanzas, and write what `data_to_send` returns. No I/O, no clock, no randomness but the entropy given:
timeouts (a handshake that does not end, keepalive) belong to the program above, which says `close(code)`.
"""

from collections.abc import Callable
from typing import Final

from protocol.channel import Channel
from protocol.codes import ErrorCode, known_code
from protocol.errors import (
    DecryptionError,
    HandshakeFailedError,
    InvalidKeyError,
    LocalProtocolError,
    RemoteProtocolError,
    UnknownStanzaError,
)
from protocol.events import Alert, Confirmed, Connected, Event, HandshakeDone
from protocol.frames import encode_frame
from protocol.handoff import EXPORTABLE, ConnectionState, HandOff, decode_handoff, encode_handoff
from protocol.hello import (
    Hello,
    RelayHello,
    decode_hello,
    decode_relay_hello,
    encode_hello,
    encode_relay_hello,
)
from protocol.noise.handshake_state import HandshakeState
from protocol.noise.primitives import KeyPair
from protocol.preamble import PREAMBLE_BYTES, HandshakePattern, decode_preamble, encode_preamble
from protocol.schema import Sender, StanzaSpec
from protocol.stanzas import Ping, TestCrash
from protocol.state import (
    CLIENT_MAY_SEND,
    CLIENT_MAY_SEND_IN_PRODUCTION,
    CLIENT_TRANSITIONS,
    RELAY_MAY_SEND,
    RELAY_TRANSITIONS,
    State,
    Step,
)

_ALERT_BYTES: Final = 1
_RELAY_HELLO: Final = encode_relay_hello(RelayHello())


class RelayConnection(Channel):
    """The relay's end.

    Events come in this order: HandshakeDone (nothing is certain yet), Confirmed (the device is here: look it
    up, answer with Welcome), stanzas. Confirmed is the last event of its `receive_data`: what stands behind
    it is kept, unread, until `proceed`. So the program can first decide where the connection shall live, and
    move it there: a stanza is then read at one place only.

    Args:
        static: the relay's static key.
        entropy: gives the random bytes of the ephemeral key.
        knows: whether an account has this static key. Asked once, when the key has been proved; what it
            raises comes out of `receive_data`.
        test_hooks: whether TestCrash is a stanza here. Never in production.
    """

    __slots__ = (
        "_confirmed",
        "_entropy",
        "_handshake",
        "_held",
        "_knows",
        "_pattern",
        "_static",
        "_test_hooks",
        "_unconfirmed",
    )

    sender = Sender.RELAY
    peer = Sender.CLIENT
    transitions = RELAY_TRANSITIONS
    may_send = RELAY_MAY_SEND

    def __init__(
        self,
        static: KeyPair,
        entropy: Callable[[int], bytes],
        *,
        knows: Callable[[bytes], bool],
        test_hooks: bool = False,
    ) -> None:
        super().__init__(
            State.AWAIT_PREAMBLE, CLIENT_MAY_SEND if test_hooks else CLIENT_MAY_SEND_IN_PRODUCTION
        )
        self._static = static
        self._entropy = entropy
        self._knows = knows
        self._test_hooks = test_hooks
        self._pattern = HandshakePattern.XX
        self._handshake: HandshakeState | None = None
        self._unconfirmed: HandshakeDone | None = None  # what Confirmed will repeat; only in UNCONFIRMED
        self._confirmed: Confirmed | None = None  # behind which nothing is read before `proceed`
        self._held = b""  # what the frame says that has proved it; only with `_confirmed`

    @property
    def remote_static(self) -> bytes:
        """The device's static key; empty before the handshake is done, and when CLOSED by `export`."""
        return b"" if self._transport is None else self._transport.remote_static or b""

    @property
    def confirmed(self) -> Confirmed | None:
        """The event behind which nothing is read until `proceed` is called; None at all other times."""
        return self._confirmed

    def hear_keepalive(self, data: bytes) -> bytes | None:
        """See `Channel.hear_keepalive`; behind Confirmed it waits as all else does."""
        return None if self._confirmed is not None else super().hear_keepalive(data)

    def proceed(self) -> list[Event]:
        """Read on behind Confirmed, and return what had already come there. Harmless at all other times.

        Raises:
            RemoteProtocolError: as `receive_data`.
        """
        held, self._held = self._held, b""
        if self._confirmed is None or self.is_closed:
            return []
        self._confirmed = None
        return self._take_in(held)

    def export(self) -> HandOff:
        """Give the connection away: another process can `adopt` it, and goes on where this one stops.

        This end is CLOSED from now on and has forgotten the keys, without a word to the peer. Should nobody
        take the connection, a fresh one here can adopt it again.

        Raises:
            LocalProtocolError: it is not known yet who the peer is, or the connection is CLOSED.
        """
        if self._state not in EXPORTABLE or self._transport is None:
            raise LocalProtocolError(f"export in state {self._state.value}")
        unsent = self.data_to_send()  # encrypts, so it comes before the nonces are read
        state = ConnectionState(
            state=self._state,
            transport=self._transport,
            handles=self._handles,
            hello=None if self._confirmed is None else self._confirmed.hello,
            held=self._held,
            received=self._decoder.waiting(),
            unsent=unsent,
        )
        handoff = encode_handoff(state)
        self._end(None, None)
        self._transport = None
        self._confirmed, self._held = None, b""
        return handoff

    def adopt(self, handoff: HandOff) -> None:
        """Become a connection that was exported; this one must be fresh.

        If it was exported at Confirmed it stands there again: `confirmed` says who it is, and `proceed` reads
        on. `data_to_send` has what the other process did not take any more.

        Raises:
            HandOffError: the value is of another version, or no connection; nothing has changed.
            LocalProtocolError: this connection is not fresh.
        """
        if self._state is not State.AWAIT_PREAMBLE:
            raise LocalProtocolError(f"adopt in state {self._state.value}")
        state = decode_handoff(handoff)
        self._handles = state.handles
        self._state, self._transport, self._knows = state.state, state.transport, _asked_already
        self._decoder.feed(state.received)
        if state.unsent:
            self._out.append(state.unsent)
        if state.hello is not None:
            assert state.transport.remote_static is not None
            known = state.state is State.ONLINE
            self._confirmed = Confirmed(state.transport.remote_static, state.hello, known)
            self._held = state.held

    def _advance(self, events: list[Event]) -> bool:
        if self._state is State.AWAIT_PREAMBLE:
            return self._read_preamble()
        if self._confirmed is not None:
            return False
        frame = self._decoder.next_frame()
        if frame is None:
            return False
        if self._handshake is not None:
            self._read_handshake(self._handshake, frame, events)
        elif self._unconfirmed is not None:
            self._held = self._decrypt(frame)
            self._confirm(events)
        else:
            self._hear_frame(frame, events)
        return not self._decoder.is_empty  # as it is when CLOSED

    def _read_preamble(self) -> bool:
        preamble = self._decoder.take(PREAMBLE_BYTES)
        if preamble is None:
            return False
        self._pattern = decode_preamble(preamble)
        self._handshake = HandshakeState(
            self._pattern.protocol_name,
            initiator=False,
            entropy=self._entropy,
            static=self._static,
            prologue=preamble,
        )
        self._step(Step.PREAMBLE)
        return True

    def _read_handshake(self, handshake: HandshakeState, frame: bytes, events: list[Event]) -> None:
        """IK: message 1 has the Hello, and message 2 ends it. XX: message 3 has the Hello and ends it."""
        payload = _read_message(handshake, frame)
        if self._pattern is HandshakePattern.IK:
            hello = decode_hello(payload)  # before our answer: a broken one must not cost us two more DH
            self._write_handshake(handshake)
            self._finish(handshake, hello, events)
            self._step(Step.IK_MESSAGE)
        elif handshake.is_finished:
            self._finish(handshake, decode_hello(payload), events)
            self._confirm(events)
        else:
            self._write_handshake(handshake)

    def _write_handshake(self, handshake: HandshakeState) -> None:
        try:
            message = handshake.write_message(_RELAY_HELLO)
        except InvalidKeyError as error:
            raise HandshakeFailedError(str(error)) from None
        self._out.append(encode_frame(message))

    def _finish(self, handshake: HandshakeState, hello: Hello, events: list[Event]) -> None:
        self._transport = handshake.finish()
        self._handshake = None
        assert self._transport.remote_static is not None
        self._unconfirmed = HandshakeDone(self._transport.remote_static, hello)
        events.append(self._unconfirmed)

    def _confirm(self, events: list[Event]) -> None:
        """The peer has shown that it is there now and has the private key."""
        done, self._unconfirmed = self._unconfirmed, None
        assert done is not None
        known, self._knows = self._knows(done.remote_static), _asked_already
        self._step(Step.PROVED_KNOWN if known else Step.PROVED_STRANGER)
        self._confirmed = Confirmed(done.remote_static, done.hello, known)
        events.append(self._confirmed)

    def _refusal(self, spec: StanzaSpec) -> RemoteProtocolError:
        if spec.stanza is TestCrash and not self._test_hooks:
            return UnknownStanzaError(spec.number)
        return super()._refusal(spec)

    def _say_end(self, code: ErrorCode, detail: int | None) -> None:
        if self._transport is None:
            # An alert: all that can be said without keys. No Noise message is one byte long.
            self._out.append(encode_frame(bytes((code,))))
        else:
            super()._say_end(code, detail)


class ClientConnection(Channel):
    """The client's end. The preamble and the first handshake message wait in `data_to_send` from the start.

    After Connected the client may send at once; with IK a Ping already waits, since the relay believes nobody
    before the first transport frame.

    Args:
        static: the device's static key, which is its credential.
        relay_key: the relay's static key; None at first contact, which tells our key to whoever answers.
        hello: who speaks, and where to resume.
        entropy: gives the random bytes of the ephemeral key.

    Raises:
        InvalidKeyError: `relay_key` is no key.
        LocalProtocolError: a field of `hello` is outside its limits.
    """

    __slots__ = ("_handshake", "_hello")

    sender = Sender.CLIENT
    peer = Sender.RELAY
    transitions = CLIENT_TRANSITIONS
    may_send = CLIENT_MAY_SEND

    def __init__(
        self, static: KeyPair, relay_key: bytes | None, hello: Hello, entropy: Callable[[int], bytes]
    ) -> None:
        super().__init__(State.HANDSHAKE, RELAY_MAY_SEND)
        pattern = HandshakePattern.XX if relay_key is None else HandshakePattern.IK
        preamble = encode_preamble(pattern)
        self._hello = encode_hello(hello)
        self._handshake: HandshakeState | None = HandshakeState(
            pattern.protocol_name,
            initiator=True,
            entropy=entropy,
            static=static,
            remote_static=relay_key,
            prologue=preamble,
        )
        self._out.append(preamble)
        self._write_handshake(self._handshake, b"" if relay_key is None else self._hello)

    def _advance(self, events: list[Event]) -> bool:
        frame = self._decoder.next_frame()
        if frame is None:
            return False
        if len(frame) == _ALERT_BYTES and self._may_be_alerted:
            events.append(Alert(known_code(frame[0])))
            self._end(None, None)
        elif self._handshake is None:
            self._hear_frame(frame, events)
        else:
            self._read_handshake(self._handshake, frame, events)
        return self._state is not State.CLOSED

    @property
    def _may_be_alerted(self) -> bool:
        """Whether the relay may have no keys yet: with XX it has them once it has taken our message 3."""
        return self._handshake is not None or self._state is State.AWAIT_WELCOME

    def _read_handshake(self, handshake: HandshakeState, frame: bytes, events: list[Event]) -> None:
        """Message 2 ends the handshake; with XX our Hello still goes out in message 3."""
        relay_hello = decode_relay_hello(_read_message(handshake, frame))
        first_contact = handshake.is_our_turn
        if first_contact:
            self._write_handshake(handshake, self._hello)
        self._transport = handshake.finish()
        self._handshake = None
        self._step(Step.HANDSHAKE_DONE)
        assert self._transport.remote_static is not None
        events.append(Connected(self._transport.remote_static, relay_hello))
        if not first_contact:
            self.send(Ping())  # IK: the relay waits for proof that our first message was no replay

    def _write_handshake(self, handshake: HandshakeState, payload: bytes) -> None:
        try:
            message = handshake.write_message(payload)
        except InvalidKeyError as error:
            raise HandshakeFailedError(str(error)) from None
        self._out.append(encode_frame(message))


def _asked_already(_static_key: bytes) -> bool:
    """Stands where `knows` stood: an open connection need not keep what it belonged to."""
    raise AssertionError


def _read_message(handshake: HandshakeState, frame: bytes) -> bytes:
    """Read a handshake message, saying in the connection's words what is wrong with it."""
    try:
        return handshake.read_message(frame)
    except (DecryptionError, InvalidKeyError) as error:
        raise HandshakeFailedError(str(error)) from None
