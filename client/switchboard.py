"""Passes what the connection hears on to those whom it concerns: the only place that knows them all."""

from collections.abc import Sequence

from actors import ActorSystem
from client.account_sync import AccountSyncHandle
from client.attention import Attention
from client.contacts.finder import FinderHandle
from client.devices_sync import DevicesSyncHandle
from client.errors import ClientError
from client.events import (
    ConnectionChanged,
    Connectivity,
    EventStream,
    JoinAsked,
    PresenceChanged,
    TypingChanged,
)
from client.groups.sync_handle import GroupSyncHandle
from client.inbox import InboxHandle
from client.outbox import OutboxHandle
from client.prekeys import PrekeysHandle
from client.receipts import ReceiptsHandle
from client.records import IncomingDelivery
from client.store import Store
from protocol.codes import ErrorCode
from protocol.ids import GroupId, MessageNumber, UserId
from protocol.stanzas import Detail, Welcome


class Switchboard:
    """The ``ConnectionListener`` of a registered phone; what is told to the dead is dropped."""

    def __init__(self, system: ActorSystem, store: Store, events: EventStream, attention: Attention) -> None:
        self._store = store
        self._attention = attention
        self._events = events
        self._inbox = InboxHandle(system)
        self._outbox = OutboxHandle(system)
        self._receipts = ReceiptsHandle(system)
        self._prekeys = PrekeysHandle(system)
        self._account_sync = AccountSyncHandle(system)
        self._groups = GroupSyncHandle(system)
        self._finder = FinderHandle(system)
        self._devices = DevicesSyncHandle(system)

    def connecting(self) -> None:
        """The connection begins to dial."""
        self._events.publish(ConnectionChanged(Connectivity.CONNECTING))

    def went_online(self, session: int, welcome: Welcome) -> None:
        """The relay has said welcome."""
        self._outbox.went_online(session)
        self._receipts.send_due()
        self._prekeys.check()
        self._attention.went_online()
        self._account_sync.look()
        self._groups.look()
        self._finder.went_online()
        self._devices.check()
        self._events.publish(ConnectionChanged(Connectivity.ONLINE, queued=welcome.queued))

    def went_offline(self, reason: str, retry_in: float | None, error: ClientError | None) -> None:
        """The connection is gone, or could not be made; without ``retry_in`` it is gone for good."""
        if error is not None and error.name == ErrorCode.LOGGED_OUT.wire_name:
            self._store.mark_logged_out()
        self._outbox.went_offline()
        connectivity = Connectivity.WAITING if retry_in is not None else Connectivity.STOPPED
        self._events.publish(ConnectionChanged(connectivity, reason, retry_in, error))

    def delivered_here(self, session: int, deliveries: Sequence[IncomingDelivery]) -> None:
        """Messages for this device."""
        self._inbox.take(session, deliveries)

    def accepted(self, chat: UserId, number: MessageNumber) -> None:
        """✓ up to ``number``."""
        self._outbox.accepted(chat, number)

    def delivered(self, chat: UserId, number: MessageNumber) -> None:
        """✓✓ up to ``number``."""
        self._outbox.delivered(chat, number)

    def read(self, chat: UserId, number: MessageNumber) -> None:
        """Read up to ``number``."""
        self._outbox.read(chat, number)

    def expired(self, chat: UserId, first: MessageNumber, last: MessageNumber) -> None:
        """✗ from ``first`` to ``last``."""
        self._outbox.expired(chat, first, last)

    def refused(self, chat: UserId, number: MessageNumber, code: int, detail: Detail) -> None:
        """A message of ours was not accepted."""
        self._outbox.refused(chat, number, code, detail)

    def typing(self, user: UserId, is_typing: bool, group: GroupId | None = None) -> None:
        """Somebody has begun or stopped to type."""
        self._events.publish(TypingChanged(user, self._store.phone_of(user), is_typing, group))

    def join_asked(self, group: GroupId, user: UserId) -> None:
        """Somebody asks to be let into a group."""
        self._events.publish(JoinAsked(group, user, self._store.phone_of(user)))

    def presence(self, user: UserId, is_online: bool, last_seen: float | None) -> None:
        """How somebody is whose chat is open."""
        self._events.publish(PresenceChanged(user, self._store.phone_of(user), is_online, last_seen))
