"""Tells senders what has been read here, and keeps at it until the relay has heard it.

Owns: nothing; which receipts are due is in the store.
Talks to: the connection, the store.
Guarantees: a receipt that is due reaches the relay, if not on this connection then on the next.
Restarts as: permanent.
Not here: whether the person wants receipts to be sent at all (phone.py decides when something is seen).
"""

from dataclasses import dataclass

from actors import Actor, ActorDeadError, ActorSystem, CallTimeoutError
from actors.registry import Via
from client.connection_handle import ConnectionHandle
from client.records import ReadReceipt
from client.store import Store
from supervisors import ChildSpec

NAME = "receipts"


@dataclass(frozen=True, slots=True)
class _SendDue:
    """Send what is due."""


@dataclass(frozen=True, slots=True)
class _Confirmed:
    """The relay has heard these."""

    receipts: tuple[ReadReceipt, ...]


class ReceiptsHandle:
    """What others may tell the sender of receipts. Dropped if it is dead: what is due is in the store."""

    __slots__ = ("_ref",)

    def __init__(self, system: ActorSystem) -> None:
        self._ref: Via = system.registry.via(NAME)

    def send_due(self) -> None:
        """Something has been seen, or a connection is there."""
        self._ref.tell_nowait(_SendDue())

    async def sent(self) -> None:
        """Wait until what was due so far has been handed to the connection, or the sender is dead."""
        try:
            await self._ref.ask(_SendDue())
        except (ActorDeadError, CallTimeoutError):
            pass  # what is due is in the store, and goes out on the next connection


def child_spec(store: Store) -> ChildSpec:
    """The sender of receipts as a child of the phone's tree."""
    return ChildSpec(id=NAME, start=lambda: Receipts(store))


class Receipts(Actor):
    """An actor of its own because it waits for the relay's confirmation."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def on_start(self) -> None:
        """Take the name."""
        self.system.registry.register(NAME, self.ref)
        self._connection = ConnectionHandle(self.system)

    def handle(self, message: object) -> None:
        """Send, and note what was heard."""
        match message:
            case _SendDue():
                self._send(tuple(self._store.read_receipts_due()))
            case _Confirmed(receipts):
                self._store.read_receipts_sent(receipts)
            case _:
                self.unexpected(message)

    def _send(self, due: tuple[ReadReceipt, ...]) -> None:
        if not due:
            return
        for receipt in due:
            self._connection.tell_read(receipt.sender, receipt.number)
        # The relay takes stanzas in order: once it has answered a ping, it has heard what went before.
        self._connection.ping(lambda heard: self.ref.tell_nowait(_Confirmed(due)) if heard else None)
