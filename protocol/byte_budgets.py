"""How many bytes the stanzas of every day take on the TCP stream: counted on connections, held to budgets.

The budgets are the project's promise (docs/design.md); the counts stand as a table in docs/wire-protocol.md.
Everything is counted as it travels: length, stanza and AEAD tag.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from protocol.channel import Channel
from protocol.connection import ClientConnection, RelayConnection
from protocol.hello import Hello
from protocol.ids import DeviceAddress, DeviceId, MessageNumber, Seq, UserId
from protocol.limits import AEAD_TAG_BYTES
from protocol.noise.primitives import KeyPair
from protocol.stanzas import Accepted, Ack, Deliver, Delivered, Ping, Presence, Send, Stanza, Typing

# The ciphertext of an end-to-end "hello" in a running session; a test of protocol/e2e says so.
HELLO_CIPHERTEXT_BYTES: Final = 65

_USER: Final = UserId(2**62)
_DEVICE: Final = DeviceAddress(UserId(2**62), DeviceId(1))
_CIPHERTEXT: Final = bytes(HELLO_CIPHERTEXT_BYTES)


@dataclass(frozen=True, slots=True)
class Budget:
    """One line: what is sent, by whom, in which circumstances, and what it may take.

    Attributes:
        what: for people.
        stanza: the stanza, with the largest numbers of the circumstances.
        from_client: whether the client sends it.
        chats: how many chats were bound on this connection before (handles grow from 1 to 3 bytes).
        most_bytes: the budget; None for a line that is there to be known.
        envelope: whether the budget is for everything but ciphertext and tag.
    """

    what: str
    stanza: Stanza
    from_client: bool
    chats: int
    most_bytes: int | None
    envelope: bool = False

    def count(self) -> int:
        """Send it on a real connection and return the bytes that the budget is about."""
        whole = _bytes_of(self.stanza, from_client=self.from_client, chats=self.chats)
        return whole - AEAD_TAG_BYTES - HELLO_CIPHERTEXT_BYTES if self.envelope else whole


_FEW: Final = 10
_MANY: Final = 1_000
_NUMBER: Final = MessageNumber(2**32 - 1)
_SMALL: Final = MessageNumber(200)

BUDGETS: Final[tuple[Budget, ...]] = (
    Budget("Ping", Ping(), True, 0, 20),
    Budget("Typing, few chats", Typing(_USER), True, _FEW, 24),
    Budget("Typing, a thousand chats", Typing(_USER), True, _MANY, 24),
    Budget("Ack, seq up to 65,535", Ack(Seq(2**16 - 1)), True, 0, 24),
    Budget("Ack, seq up to 2^32", Ack(Seq(2**32 - 1)), True, 0, None),
    Budget("✓ Accepted, few chats, number up to 255", Accepted(_USER, _SMALL), False, _FEW, None),
    Budget("✓✓ Delivered, few chats, number up to 255", Delivered(_USER, _SMALL), False, _FEW, None),
    Budget('Send of "hello", few chats, number up to 255', Send(_USER, _SMALL, _CIPHERTEXT), True, _FEW, 99),
    Budget("Presence, few chats", Presence(_USER, 0, 2**31), False, _FEW, None),
    Budget(
        'Send of "hello", a thousand chats, number up to 2^32',
        Send(_USER, _NUMBER, _CIPHERTEXT), True, _MANY, None,
    ),
    Budget(
        'Deliver of "hello", few chats, numbers up to 255',
        Deliver(Seq(_SMALL), _DEVICE, _SMALL, _CIPHERTEXT), False, _FEW, 99,
    ),
    Budget(
        'Deliver of "hello", a thousand chats, numbers up to 2^32',
        Deliver(Seq(_NUMBER), _DEVICE, _NUMBER, _CIPHERTEXT), False, _MANY, None,
    ),
    Budget(
        "envelope of Send, a thousand chats, number up to 2^32",
        Send(_USER, _NUMBER, _CIPHERTEXT), True, _MANY, 20, envelope=True,
    ),
    Budget(
        "envelope of Deliver, a thousand chats, numbers up to 2^32",
        Deliver(Seq(_NUMBER), _DEVICE, _NUMBER, _CIPHERTEXT), False, _MANY, 20, envelope=True,
    ),
)  # fmt: skip


def _bytes_of(stanza: Stanza, *, from_client: bool, chats: int) -> int:
    """Count a stanza on a connection on which its chat, and `chats` others, are bound."""
    client, relay = _online()
    speaker: Channel = client if from_client else relay
    for user in range(1, chats + 1):
        speaker.bind(UserId(user))
    chat = getattr(stanza, "chat", None)
    if chat is not None:
        speaker.bind(chat)
    speaker.data_to_send()
    speaker.send(stanza)
    return len(speaker.data_to_send())


def _online() -> tuple[ClientConnection, RelayConnection]:
    """Both ends after an IK handshake. The keys are of no importance; bytes are only counted."""
    relay_key = KeyPair.from_private_bytes(b"\x01" * 32)
    client = ClientConnection(KeyPair.from_private_bytes(b"\x02" * 32), relay_key.public, Hello(), _fixed(3))
    relay = RelayConnection(relay_key, _fixed(4), knows=lambda key: True)
    while client.has_data_to_send or relay.has_data_to_send:
        relay.receive_data(client.data_to_send())
        relay.proceed()
        client.receive_data(relay.data_to_send())
    return client, relay


def _fixed(byte: int) -> Callable[[int], bytes]:
    return lambda size: bytes([byte]) * size
