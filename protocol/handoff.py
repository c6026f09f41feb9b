"""A relay's connection on its way to another process: its whole state as one versioned CBOR value.

    [1, state, remote static key, handshake hash, [key, nonce] for sending, [key, nonce] for receiving,
     Hello or null, what the proving frame says, what was received, what was not taken to be sent,
     handles or null]

Rule 1: at any time one process has the keys. Two that encrypt with the same nonces would give both away, so
`RelayConnection.export` leaves a connection that is CLOSED and knows nothing any more.
Rule 2: a connection that was exported and adopted goes on as if it had not been, whatever was cut in two.
Rule 3: the value is as secret as the keys in it. It passes between processes of one node, never a disk, and
shows itself nowhere.
"""

from dataclasses import dataclass, field
from typing import Final

import cbor2

from protocol.errors import HandOffError, RemoteProtocolError
from protocol.handles import HandleTable
from protocol.hello import Hello, decode_hello, encode_hello
from protocol.noise.cipher_state import CipherState
from protocol.noise.primitives import CIPHERS, KEY_BYTES
from protocol.noise.transport import Transport
from protocol.state import State

# Counts on with every change of the value: the processes of a node are of one version, except while somebody
# upgrades it under their feet.
_VERSION: Final = 1

# Where a connection can be exported: the device has proved who it is, and the connection goes on.
EXPORTABLE: Final = (State.STRANGER, State.ONLINE)


class HandOff:
    """An exported connection. `bytes(handoff)` for travelling; its repr shows no more than its size."""

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __bytes__(self) -> bytes:
        return self._data

    def __repr__(self) -> str:
        return f"HandOff({len(self._data)} bytes)"


@dataclass(frozen=True, slots=True)
class ConnectionState:
    """All that a connection is, besides the relay's own key and settings. Its repr shows no secret."""

    state: State
    transport: Transport
    handles: HandleTable = field(repr=False)
    hello: Hello | None
    """What Confirmed has brought, as long as nothing behind it was read."""
    held: bytes = field(repr=False)
    """What the frame says that has proved who is there, to be read when the connection goes on."""
    received: bytes = field(repr=False)
    """What has come and was not yet decrypted."""
    unsent: bytes = field(repr=False)
    """Frames that were ready and not taken."""


def encode_handoff(state: ConnectionState) -> HandOff:
    """Write a connection down."""
    transport = state.transport
    return HandOff(
        cbor2.dumps(
            [
                _VERSION,
                state.state.value,
                transport.remote_static,
                transport.handshake_hash,
                *(list(key_and_nonce) for key_and_nonce in transport.export()),
                None if state.hello is None else encode_hello(state.hello),
                state.held,
                state.received,
                state.unsent,
                state.handles.export(),
            ]
        )
    )


def decode_handoff(handoff: HandOff) -> ConnectionState:
    """Read a connection.

    Raises:
        HandOffError: the value is of another version, or no connection at all.
    """
    try:
        return _decode(cbor2.loads(bytes(handoff)))
    except (cbor2.CBORDecodeError, ValueError, TypeError, LookupError, RemoteProtocolError):
        # Nothing of the value may show in a log, so neither does what was wrong with it.
        raise HandOffError("not a connection that was handed over") from None


def _decode(value: object) -> ConnectionState:
    match value:
        case [
            int(version),
            str(state),
            bytes(remote_static),
            bytes(handshake_hash),
            [bytes(sending_key), int(sending_nonce)],
            [bytes(receiving_key), int(receiving_nonce)],
            None | bytes() as encoded_hello,
            bytes(held),
            bytes(received),
            bytes(unsent),
            None | list() as handles,
        ] if version == _VERSION and State(state) in EXPORTABLE:
            transport = Transport(
                _cipher_state(sending_key, sending_nonce),
                _cipher_state(receiving_key, receiving_nonce),
                handshake_hash,
                remote_static,
            )
            hello = None if encoded_hello is None else decode_hello(encoded_hello)
            table = HandleTable(odd=True)
            if handles is not None:
                table.adopt(handles)
            return ConnectionState(State(state), transport, table, hello, held, received, unsent)
        case _:
            raise ValueError


def _cipher_state(key: bytes, nonce: int) -> CipherState:
    if len(key) != KEY_BYTES or nonce < 0:
        raise ValueError
    cipher_state = CipherState(CIPHERS["AESGCM"], key)
    cipher_state.set_nonce(nonce)
    return cipher_state
