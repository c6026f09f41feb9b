"""What happens in a phone, as a stream of typed events that any number of listeners may follow.

Events are news, not the truth: the truth is the store. A listener that is too slow loses the oldest news and
is told so (``EventsMissed``); it then looks into the store, where nothing is ever missing.
"""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeAlias

import trio

from client.errors import ClientError
from client.records import MessageState
from protocol.e2e import Change
from protocol.ids import DeviceId, GroupId, UserId

MOST_WAITING_EVENTS = 1_000  # per listener; beyond it the oldest are dropped and EventsMissed says so


class Connectivity(Enum):
    """How the connection to the relay is."""

    CONNECTING = "connecting"
    ONLINE = "online"
    WAITING = "waiting"
    """Offline; the next try has its time."""
    STOPPED = "stopped"
    """Offline for good: trying again would not help."""


@dataclass(frozen=True, slots=True)
class ConnectionChanged:
    """The connection is another way now."""

    connectivity: Connectivity
    reason: str = ""
    """Why it is not online, in a word or a sentence."""
    retry_in: float | None = None
    """Seconds until the next try, while waiting."""
    error: ClientError | None = None
    """Why it has stopped for good."""
    queued: int = 0
    """How many messages waited at the relay when it went online."""


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A message is new here; it is in the history, unread."""

    message_id: str
    user: UserId
    phone: str | None
    text: str | None = field(repr=False)
    """None if this version does not understand what it is."""
    group: GroupId | None = None
    """The group that it came in; ``user`` is then who wrote it."""


@dataclass(frozen=True, slots=True)
class MessageChanged:
    """Somebody has reacted to a message, or has edited or deleted one of theirs."""

    message_id: str
    """The message that is meant. It may not be here, and the change may have been refused: look."""
    user: UserId
    phone: str | None
    change: Change
    group: GroupId | None = None
    by_us: bool = False
    """Another device of this account has said it; ``user`` and ``phone`` are then the chat."""


@dataclass(frozen=True, slots=True)
class MessageSentElsewhere:
    """Another device of this account has sent a message; it is in the history, as ours."""

    message_id: str
    user: UserId
    """The chat; a group's id stands there as well."""
    phone: str | None
    text: str | None = field(repr=False)
    is_group: bool = False


@dataclass(frozen=True, slots=True)
class MessagesSeenElsewhere:
    """Messages of these chats were seen on another device of this account."""

    chats: tuple[UserId, ...]


@dataclass(frozen=True, slots=True)
class HistoryProgress:
    """History goes to a new device of this account, or comes to this one."""

    device: DeviceId | None
    """To which it goes; None: it comes here."""
    done: int
    """Messages so far, of ``total``."""
    total: int
    is_done: bool


@dataclass(frozen=True, slots=True)
class MessagesGone:
    """Messages have disappeared: their time was over."""

    message_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TickChanged:
    """One of our messages has come further, or has failed."""

    message_id: str
    state: MessageState
    user: UserId | None
    phone: str | None
    error_name: str | None = None


@dataclass(frozen=True, slots=True)
class TypingChanged:
    """Somebody has begun or stopped to type to us."""

    user: UserId
    phone: str | None
    is_typing: bool
    group: GroupId | None = None


@dataclass(frozen=True, slots=True)
class PresenceChanged:
    """How somebody is whose chat is open here."""

    user: UserId
    phone: str | None
    is_online: bool
    last_seen: float | None
    """Unix seconds; None while online, and if the relay does not tell."""


@dataclass(frozen=True, slots=True)
class GroupNews:
    """Something about a group is new here: its members, its name, its log, what this account wants of it."""

    group: GroupId


@dataclass(frozen=True, slots=True)
class JoinAsked:
    """Somebody asks to be let into a group of which this account is an admin."""

    group: GroupId
    user: UserId
    phone: str | None


@dataclass(frozen=True, slots=True)
class EventsMissed:
    """This listener was too slow: ``count`` older events are gone. Look into the store."""

    count: int


Event: TypeAlias = (
    ConnectionChanged
    | MessageReceived
    | MessageChanged
    | MessageSentElsewhere
    | MessagesSeenElsewhere
    | HistoryProgress
    | MessagesGone
    | TickChanged
    | TypingChanged
    | PresenceChanged
    | GroupNews
    | JoinAsked
    | EventsMissed
)


class Subscription:
    """One listener's place in the stream; iterate over it."""

    __slots__ = ("_arrived", "_missed", "_waiting")

    def __init__(self) -> None:
        self._waiting: deque[Event] = deque()  # at most MOST_WAITING_EVENTS
        self._missed = 0
        self._arrived = trio.Event()

    def __aiter__(self) -> "Subscription":
        return self

    async def __anext__(self) -> Event:
        return await self.next()

    async def next(self) -> Event:
        """Wait for the next event. Cancelled, it loses none."""
        while not (self._missed or self._waiting):
            self._arrived = trio.Event()
            await self._arrived.wait()
        if self._missed:
            missed, self._missed = self._missed, 0
            return EventsMissed(missed)
        return self._waiting.popleft()

    def put(self, event: Event) -> None:
        """Hand in an event; pushes the oldest out if too many wait."""
        if len(self._waiting) >= MOST_WAITING_EVENTS:
            self._waiting.popleft()
            self._missed += 1
        self._waiting.append(event)
        self._arrived.set()


class EventStream:
    """Where a phone tells what happens."""

    __slots__ = ("_subscriptions", "_watchers")

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []
        self._watchers: list[Callable[[ConnectionChanged], None]] = []

    def publish(self, event: Event) -> None:
        """Tell all listeners. Never waits."""
        if isinstance(event, ConnectionChanged):
            for watcher in self._watchers:
                watcher(event)
        for subscription in self._subscriptions:
            subscription.put(event)

    @contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        """Listen from now on, until the block is left."""
        subscription = Subscription()
        self._subscriptions.append(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.remove(subscription)

    @contextmanager
    def watch(self, watcher: Callable[[ConnectionChanged], None]) -> Iterator[None]:
        """Have a function called at each change of the connection, before the listeners hear of it."""
        self._watchers.append(watcher)
        try:
            yield
        finally:
            self._watchers.remove(watcher)
