"""A phone of the load: an endpoint that speaks Roost's wire.

What a device does about what it hears is its subclass'; what all of a process' devices do together is their
crew's (crew.py), which a device tells when it is online and when it is lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bench.accounts import Account
from bench.load.endpoint import Endpoint
from bench.load.wire import PING, PONG, REFUSALS, WELCOME, Item, Wire, refusal

if TYPE_CHECKING:
    from bench.load.crew import Crew

# The places of two fields in a Welcome: seconds between pings, and how many messages wait.
KEEPALIVE: Final = 4
QUEUED: Final = 6


class Device(Endpoint):
    """Logs in, pings and answers pings, and says nothing else."""

    __slots__ = ("wire",)

    account: Account

    def __init__(self, crew: Crew, account: Account, source: str) -> None:
        super().__init__(crew, account, source)
        self.wire: Wire

    def begin(self, key: bytes | None) -> None:
        """Begin a handshake.

        Args:
            key: the relay's, for a resumed login (IK); None for a first contact (XX).
        """
        self.wire = Wire(self.account.keys, key)

    def receive(self, data: bytes, now: float) -> None:
        """Act on every stanza.

        Raises:
            RefusedError: an alert, or a refusal.
            ProtocolError: the relay does not speak our language.
        """
        for item in self.wire.receive(data):
            self._hear(item, now)

    def data_to_send(self) -> bytes:
        """What the wire has."""
        return self.wire.data_to_send()

    def ping(self) -> None:
        """Ping."""
        self.wire.say(PING)

    def rest(self) -> None:
        """Give the cipher objects back."""
        self.wire.rest()

    def _hear(self, item: Item, now: float) -> None:
        if type(item) is tuple:
            kind = item[0]
            if kind == WELCOME:
                self._be_welcome(item, now)
            elif kind in REFUSALS:
                raise refusal(item)
            else:
                self.hear(kind, item, now)
        elif item == PING:
            self.wire.say(PONG)
        elif item == PONG:
            self.ponged()

    def _be_welcome(self, item: tuple[Any, ...], now: float) -> None:
        self.is_online = True
        self.keepalive = item[KEEPALIVE]
        self.welcomed(item[QUEUED])
        self.crew.came_online(self, now)

    def welcomed(self, queued: int) -> None:
        """The relay knows who this is, and so many messages wait for it."""

    def ponged(self) -> None:
        """Everything that was said before the ping has been heard; there may be nothing to say for long."""
        self.wire.rest()

    def hear(self, kind: int, item: tuple[Any, ...], now: float) -> None:
        """Act on one stanza that is nobody else's business."""
