"""Who hears what happens on the connection; the door between connection.py and everybody else."""

from collections.abc import Sequence
from typing import Protocol

from client.errors import ClientError
from client.records import IncomingDelivery
from protocol.ids import GroupId, MessageNumber, UserId
from protocol.stanzas import Detail, Welcome


class ConnectionListener(Protocol):
    """Who hears what happens on the connection. Calls come in order, return at once, and raise nothing."""

    def connecting(self) -> None:
        """The connection begins to dial."""

    def went_online(self, session: int, welcome: Welcome) -> None:
        """The relay has said welcome."""

    def went_offline(self, reason: str, retry_in: float | None, error: ClientError | None) -> None:
        """There is no connection; the next try is in ``retry_in`` seconds, or never (``error`` says why)."""

    def delivered_here(self, session: int, deliveries: Sequence[IncomingDelivery]) -> None:
        """Messages for this device, in order."""

    def accepted(self, chat: UserId, number: MessageNumber) -> None:
        """✓ up to ``number``."""

    def delivered(self, chat: UserId, number: MessageNumber) -> None:
        """✓✓ up to ``number``."""

    def read(self, chat: UserId, number: MessageNumber) -> None:
        """Read up to ``number``."""

    def expired(self, chat: UserId, first: MessageNumber, last: MessageNumber) -> None:
        """✗ from ``first`` to ``last``: nobody fetched them in time."""

    def refused(self, chat: UserId, number: MessageNumber, code: int, detail: Detail) -> None:
        """A message of ours was not accepted."""

    def typing(self, user: UserId, is_typing: bool, group: GroupId | None = None) -> None:
        """Somebody has begun or stopped to type, to us or in a group."""

    def join_asked(self, group: GroupId, user: UserId) -> None:
        """Somebody asks to be let into a group of which we are an admin."""

    def presence(self, user: UserId, is_online: bool, last_seen: float | None) -> None:
        """How somebody is whom this phone watches."""
