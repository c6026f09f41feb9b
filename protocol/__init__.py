"""The wire, sans-IO: ids, stanzas, Noise, frames and the connection state machine. Bytes in, events out."""

from protocol.codes import ErrorCode, code_name, code_sentence
from protocol.connection import ClientConnection, RelayConnection
from protocol.errors import (
    HandshakeFailedError,
    InvalidAddressError,
    LocalProtocolError,
    ProtocolError,
    RemoteProtocolError,
)
from protocol.events import Alert, Confirmed, Connected, Event, HandshakeDone
from protocol.hello import Hello, RelayHello
from protocol.ids import Address, DeviceAddress, DeviceId, MessageNumber, Seq, UserId
from protocol.noise import KeyPair
from protocol.state import State

__all__ = [
    "Address",
    "Alert",
    "ClientConnection",
    "Confirmed",
    "Connected",
    "DeviceAddress",
    "DeviceId",
    "ErrorCode",
    "Event",
    "HandshakeDone",
    "HandshakeFailedError",
    "Hello",
    "InvalidAddressError",
    "KeyPair",
    "LocalProtocolError",
    "MessageNumber",
    "ProtocolError",
    "RelayConnection",
    "RelayHello",
    "RemoteProtocolError",
    "Seq",
    "State",
    "UserId",
    "code_name",
    "code_sentence",
]
