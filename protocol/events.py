"""What a connection tells the program above it, besides the stanzas that the peer sends."""

from dataclasses import dataclass
from typing import TypeAlias

from protocol.hello import Hello, RelayHello
from protocol.stanzas import Stanza


@dataclass(frozen=True, slots=True)
class HandshakeDone:
    """Relay: the handshake names a device. Nothing may be done for it yet: see Confirmed.

    An IK handshake ends with the client's *first* message, which an attacker may have recorded and sent
    again. He cannot go on, since he has not the ephemeral key; until the device does, nothing is certain.
    """

    remote_static: bytes
    hello: Hello


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Relay: the device itself is here, now. Log it in, replace its older connection, resume.

    With XX it follows HandshakeDone at once, with IK when the first transport frame decrypts.
    """

    remote_static: bytes
    hello: Hello
    known: bool
    """What `knows(remote_static)` said: False makes the peer a stranger, who may only register."""


@dataclass(frozen=True, slots=True)
class Connected:
    """Client: the handshake is done. The relay's Welcome follows."""

    relay_key: bytes
    """With XX at first contact this is the key to remember; with IK it is the one that was asked for."""
    hello: RelayHello


@dataclass(frozen=True, slots=True)
class Alert:
    """Client: a refusal in clear, before the handshake was done. Anybody on the way could have sent it.

    A hint for a person, and a reason to try again later; never a reason to forget or replace a key.
    """

    code: int


Event: TypeAlias = HandshakeDone | Confirmed | Connected | Alert | Stanza
