"""The inbox: takes what the relay delivers, and acknowledges it when it is on disk.

Owns: nothing that lasts; what it received and how far is in the store.
Talks to: the store, the connection (acknowledgements), the event stream; outbox and prekeys, when
a message could not be opened or somebody asks for one of ours.
Guarantees: D4 (each message reaches the history once) and the client's half of D5 (✓✓ only for what is
on disk).
Restarts as: permanent; the connection is restarted with it (rest_for_one), so that the relay delivers again
whatever was received and not yet stored.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from actors import Actor, ActorSystem
from actors.registry import Via
from client.connection_handle import ConnectionHandle
from client.events import (
    EventStream,
    GroupNews,
    HistoryProgress,
    MessageChanged,
    MessageReceived,
    MessageSentElsewhere,
    MessagesSeenElsewhere,
)
from client.groups.sync_handle import GroupSyncHandle
from client.outbox import OutboxHandle
from client.prekeys import PrekeysHandle
from client.records import (
    GroupChanged,
    HistoryArrived,
    IncomingDelivery,
    Received,
    ReceivedMessage,
    SeenElsewhere,
    SentElsewhere,
    Served,
    Undecryptable,
)
from client.store import Store
from protocol.e2e import Change, Deletion, Edit, Opened, Reaction, Text
from protocol.ids import GroupId
from supervisors import ChildSpec

log = logging.getLogger("roost.client")

NAME = "inbox"


@dataclass(frozen=True, slots=True)
class _TakeWaiting:
    """Take what has waited for a group's log."""

    group: GroupId


@dataclass(frozen=True, slots=True)
class _Take:
    """Store these and acknowledge the last."""

    session: int
    deliveries: tuple[IncomingDelivery, ...]


class InboxHandle:
    """What others may ask of the inbox."""

    __slots__ = ("_ref",)

    def __init__(self, system: ActorSystem) -> None:
        self._ref: Via = system.registry.via(NAME)

    def take(self, session: int, deliveries: Sequence[IncomingDelivery]) -> None:
        """Hand in what came on a connection, in order. Dropped if the inbox is dead: the relay keeps it.

        Raises:
            MailboxFullError: never while the relay keeps to its window; the connection then ends.
        """
        self._ref.tell_nowait(_Take(session, tuple(deliveries)))

    def take_waiting(self, group: GroupId) -> None:
        """The log of a group has come further: what was kept until then can be judged."""
        self._ref.tell_nowait(_TakeWaiting(group))


def child_spec(store: Store, events: EventStream) -> ChildSpec:
    """The inbox as a child of the phone's tree."""
    return ChildSpec(id=NAME, start=lambda: Inbox(store, events))


class Inbox(Actor):
    """An actor of its own so that a delivery that breaks it takes nothing else down."""

    def __init__(self, store: Store, events: EventStream) -> None:
        self._store = store
        self._events = events

    async def on_start(self) -> None:
        """Take the name."""
        self.system.registry.register(NAME, self.ref)

    def handle(self, message: object) -> None:
        """Store, acknowledge, tell: in this order."""
        match message:
            case _Take(session, deliveries):
                received = self._store.receive_all(deliveries)
                # Only now may the relay forget them, and only now do they exist for the person.
                ConnectionHandle(self.system).acknowledge(session, received[-1].seq)
                self._tell_all(received)
            case _TakeWaiting(group):
                self._tell_all(self._store.receive_waiting(group))
                self._events.publish(GroupNews(group))
            case _:
                self.unexpected(message)

    def _tell_all(self, received: Sequence[Received]) -> None:
        for each in received:
            self._tell(each)
        if any(isinstance(each, Undecryptable | Served) for each in received):
            self._heal()
        if any(isinstance(each, GroupChanged) for each in received):
            GroupSyncHandle(self.system).look()
            OutboxHandle(self.system).look()

    def _heal(self) -> None:
        """Requests for a repetition, or answers to one, may be in the queue now; and new prekeys."""
        OutboxHandle(self.system).look()
        PrekeysHandle(self.system).check()

    def _tell(self, received: Received) -> None:
        """The news of one delivery; a duplicate is none."""
        match received:
            case ReceivedMessage(content=Reaction() | Opened() as change):
                self._tell_change(received, change, change.target.id)
            case ReceivedMessage(content=Edit() | Deletion() as change):
                self._tell_change(received, change, change.target)
            case ReceivedMessage(sender=sender, message_id=message_id, phone=phone, text=text):
                self._events.publish(MessageReceived(message_id, sender.user, phone, text, received.group))
            case GroupChanged(group=group):
                self._events.publish(GroupNews(group))
            case SentElsewhere(content=Reaction() as change):
                self._tell_own_change(received, change, change.target.id)
            case SentElsewhere(content=Edit() | Deletion() as change):
                self._tell_own_change(received, change, change.target)
            case SentElsewhere(chat=chat, message_id=message_id, phone=phone, content=content):
                text = content.text if isinstance(content, Text) else None
                self._events.publish(MessageSentElsewhere(message_id, chat, phone, text, received.is_group))
            case SeenElsewhere(chats=chats):
                self._events.publish(MessagesSeenElsewhere(chats))
            case HistoryArrived(received=done, total=total, is_done=is_done):
                self._events.publish(HistoryProgress(None, done, total, is_done))
            case Undecryptable(sender=sender, message_id=message_id, error_name=error_name):
                log.warning("undecryptable", extra={"sender": str(sender), "error": error_name})
                self._events.publish(MessageReceived(message_id, sender.user, None, None, received.group))
            case _:
                pass

    def _tell_change(self, received: ReceivedMessage, change: Change, meant: bytes) -> None:
        user, phone = received.sender.user, received.phone
        self._events.publish(MessageChanged(meant.hex(), user, phone, change, received.group))

    def _tell_own_change(self, sent: SentElsewhere, change: Change, meant: bytes) -> None:
        self._events.publish(MessageChanged(meant.hex(), sent.chat, sent.phone, change, by_us=True))
