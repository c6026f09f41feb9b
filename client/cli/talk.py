"""What happens in a chat: typed lines go out, news comes in, and the surface shows both.

Knows nothing of terminals (screen.py, pipe.py) and nothing of the wire (phone.py).
"""

from contextlib import suppress

import trio

from actors.ports import Clock
from client.cli.addressees import addressee_of
from client.cli.change_text import change_text, changer
from client.cli.chat_orders import ORDERS, Orders
from client.cli.conversation import Entry
from client.cli.elsewhere import history_text
from client.cli.entries import name_of, waiting_text
from client.cli.group_text import group_name, person_name
from client.cli.rendering import Line, named, seen_text
from client.cli.shown_lines import ShownLines
from client.cli.surface import Surface
from client.errors import (
    ClientError,
    GroupError,
    MessageGoneError,
    PhoneNumberError,
    RelayRefusedError,
    RequestTimeoutError,
)
from client.events import (
    ConnectionChanged,
    Connectivity,
    Event,
    EventsMissed,
    GroupNews,
    HistoryProgress,
    JoinAsked,
    MessageChanged,
    MessageReceived,
    MessageSentElsewhere,
    MessagesGone,
    PresenceChanged,
    TickChanged,
    TypingChanged,
)
from client.phone import Phone
from client.phone_numbers import readable_number
from client.records import EntryKind, HistoryEntry, MessageState
from protocol.ids import GroupId, UserId

SHOWN_AT_ENTRY = 20  # messages of the past; enough to know where one was
TYPING_SECONDS = 8.0  # somebody who "is typing" and was not heard of since has put the phone away
REFRESH_SECONDS = 5.0  # until somebody's profile is asked for again when there was no answer
PARTING_SECONDS = 3.0  # how long leaving waits for the last messages to be accepted

HELP = (
    "/to +49...  write to this number from now on, or to a group: /to Friends",
    "/reply text   answer their last message;   /react 👍   react to it (/react alone takes it back)",
    "/edit text    say your last message in other words;   /delete   delete it for everyone",
    "/forward +49...  pass their last message on, to a number or a group",
    "/once text    a message that is shown once;   /view   see theirs, for a moment",
    "/rules      whether messages here disappear and may leave the chat: /rules disappear 7d",
    "/ids        the last messages with their ids: /reply #3f0a text answers another than the last",
    "/devices    the devices of this account;   /link CODE   take in the one where roost link shows it",
    "/clear      take the lines off the screen; the messages stay",
    "/help       what you are reading",
    "/quit       leave; so does Ctrl-D",
    "//text      a message that begins with a slash",
    "Ticks: 🕓 waiting  ✓ the relay has it  ✓✓ it was delivered  blue ✓✓ it was read",
)


class Talk:
    """One sitting at the chat.

    Args:
        phone: whose messages these are.
        surface: where they are shown.
        clock: for the times of notices.
        peer: the number or the group that lines go to, or None until somebody writes or ``/to`` says.
    """

    def __init__(self, phone: Phone, surface: Surface, clock: Clock, peer: str | UserId | None) -> None:
        self._phone = phone
        self._surface = surface
        self._clock = clock
        self._lines = ShownLines(phone, surface, self._notice)
        self._lines.peer = peer
        self._lines.mixed = peer is None
        self._sent: dict[str, None] = {}  # messages of this sitting that are not accepted yet
        self._began = clock.now()
        self._typing_to: str | UserId | None = None  # whom we told that we are typing
        self._typing_ends = trio.CancelScope()
        self._watched: UserId | None = None  # whose presence is shown
        self._refreshing: dict[UserId, None] = {}  # whose profile is being asked for

    async def run(self) -> None:
        """Talk until the person leaves.

        Raises:
            ClientError: the connection has stopped for good.
        """
        self._phone.attention.arrive()
        try:
            await self._talk()
        finally:
            self._watch(None)
            self._phone.attention.leave()

    async def _talk(self) -> None:
        with self._phone.events.subscribe() as events:
            self._show_past()
            self._surface.set_addressee(self._peer_name())
            self._surface.set_status(status_line(self._phone.connection))
            async with trio.open_nursery() as nursery:

                async def follow() -> None:
                    self._watch_peer(nursery)
                    async for event in events:
                        self._phone.raise_if_stopped()
                        self._take(event, nursery)
                        self._watch_peer(nursery)

                nursery.start_soon(follow)
                self._phone.raise_if_stopped()
                await self._read_lines(Orders(self._phone, self._lines, self._notice, self._send, nursery))
                await self._part()
                nursery.cancel_scope.cancel()

    # ---- what is typed ----

    async def _read_lines(self, orders: Orders) -> None:
        while (line := await self._surface.next_line()) is not None:
            text = line.strip()
            if text in ("/quit", "/q"):
                return
            if text.startswith("/") and not text.startswith("//"):
                await self._obey(orders, text)
            elif text:
                self._send(text.removeprefix("/") if text.startswith("//") else text)

    async def _obey(self, orders: Orders, command: str) -> None:
        word, _, rest = command.partition(" ")
        if word == "/help":
            for line in HELP:
                self._notice(line)
        elif word == "/to":
            self._turn_to(rest)
        elif word == "/clear":
            self._lines.clear()
        elif word in ORDERS:
            await orders.obey(word, rest.strip())
        else:
            self._notice(f"{word} is not a command here; /help lists them")

    def _turn_to(self, whom: str) -> None:
        try:
            self._lines.peer = addressee_of(self._phone, whom)
        except (PhoneNumberError, GroupError) as error:
            self._notice(str(error))
            return
        self._lines.mixed = True
        self._surface.set_addressee(self._peer_name())
        self._notice(f"lines go to {self._peer_name()} now")

    def _send(self, text: str, reply_to: str | None = None, view_once: bool = False) -> None:
        if self._lines.peer is None:
            self._notice("to whom? Say /to +49... first")
            return
        self.set_typing(False)
        try:
            message_id = self._phone.send_text(self._lines.peer, text, reply_to, view_once=view_once)
        except ClientError as error:
            self._notice(str(error))
            return
        entry = self._phone.entry(message_id)
        assert entry is not None  # it was queued a moment ago
        self._sent[message_id] = None
        self._lines.show(entry)

    def set_typing(self, is_typing: bool) -> None:
        """Let the other side see whether something is being typed; told once for each change."""
        peer = self._lines.peer if is_typing else self._typing_to
        user = self._phone.user_of(peer) if isinstance(peer, str) else peer
        if user is None or is_typing == (self._typing_to is not None):
            return
        self._typing_to = peer if is_typing else None
        if isinstance(peer, str):
            self._phone.set_typing(user, is_typing)
        else:
            self._phone.groups.set_typing(GroupId(user), is_typing)

    # ---- what happens ----

    def _take(self, event: Event, nursery: trio.Nursery) -> None:
        match event:
            case MessageReceived() | EventsMissed():
                self._show_unread()
                self._surface.set_typing(None)
            case GroupNews():
                self._show_unread()
                self._surface.set_addressee(self._peer_name())  # it may be called otherwise now
            case JoinAsked(group=group, user=user):
                name = person_name(self._phone.person(user))
                where = self._group_name(UserId(group))
                self._notice(
                    f"{name} ({user:016x}) asks to be let into {where}; roost group add lets them in"
                )
            case MessageSentElsewhere(message_id=message_id):
                self._show_sent_elsewhere(message_id)
            case HistoryProgress():
                self._notice(history_text(event))
            case MessageChanged():
                entry = self._phone.entry(event.message_id)
                self._lines.refresh(event.message_id, change_text(event, entry, changer(self._phone, event)))
            case MessagesGone(message_ids=message_ids):
                self._lines.remove(message_ids)
            case TickChanged(message_id=message_id, state=state):
                self._show_tick(message_id, state, event.error_name)
            case ConnectionChanged(connectivity=connectivity):
                self._surface.set_status(status_line(event))
                if connectivity is not Connectivity.ONLINE:
                    self._surface.set_typing(None)  # nobody could tell us that they have stopped
                    self._show_presence("")
            case TypingChanged(phone=phone, is_typing=is_typing):
                self._show_typing(phone if is_typing else None, nursery)
            case PresenceChanged(user=user) if user == self._watched:
                self._show_presence(seen_text(event.is_online, event.last_seen, self._clock.now()))

    # ---- who is there ----

    def _watch_peer(self, nursery: trio.Nursery) -> None:
        """Look at whom lines go to, as soon as this phone knows who that is."""
        user = self._phone.user_of(self._lines.peer) if isinstance(self._lines.peer, str) else None
        if user != self._watched:
            self._watch(user)
        if user is not None and user not in self._refreshing and self._phone.is_profile_stale(user):
            self._refreshing[user] = None
            nursery.start_soon(self._refresh_profile, user)

    def _watch(self, user: UserId | None) -> None:
        if self._watched is not None:
            self._phone.attention.unwatch(self._watched)
            self._show_presence("")
        self._watched = user
        if user is not None:
            self._phone.attention.watch(user)

    def _show_presence(self, text: str) -> None:
        self._surface.set_presence(f"{self._peer_name()}: {text}" if text else "")

    async def _refresh_profile(self, user: UserId) -> None:
        """Learn what the other side shows of itself; without an answer the chat does with what is known."""
        try:
            await self._phone.refresh_profile(user)
        except RequestTimeoutError:
            await trio.sleep(REFRESH_SECONDS)  # asked again with the next event after that
        except RelayRefusedError as refusal:
            wait = refusal.detail
            await trio.sleep(wait if isinstance(wait, int) else REFRESH_SECONDS)
        finally:
            del self._refreshing[user]
        self._surface.set_addressee(self._peer_name())

    def _show_past(self) -> None:
        for entry in self._phone.history(self._lines.peer, SHOWN_AT_ENTRY):
            self._show(entry)
        self._phone.mark_seen(self._lines.peer)
        self._show_unread()  # what came from others meanwhile

    def _show_unread(self) -> None:
        unread = self._phone.unread()
        for entry in unread:
            self._show(entry)
        if unread:
            self._phone.mark_seen()

    def _show(self, entry: HistoryEntry) -> None:
        if not entry.outgoing and self._lines.peer is None and entry.change is None:
            # Whoever writes first is whom one answers, in the group if it was said there.
            self._lines.peer = entry.phone if entry.group is None else UserId(entry.group)
            self._surface.set_addressee(self._peer_name())
        self._lines.show(entry)

    def _show_sent_elsewhere(self, message_id: str) -> None:
        """Another device of this account has sent something, perhaps to somebody else."""
        entry = self._phone.entry(message_id)
        if entry is not None and message_id not in self._lines:
            self._lines.mixed = True
            self._lines.show(entry)

    def _show_tick(self, message_id: str, state: MessageState, error_name: str | None) -> None:
        if state is MessageState.PENDING and error_name is not None:
            self._notice(f"a message of yours is {waiting_text(error_name)}")
            return
        self._sent.pop(message_id, None)
        entry = self._phone.entry(message_id)
        is_new = entry is not None and message_id not in self._lines and entry.stored_at >= self._began
        if entry is not None and is_new and entry.kind is not EntryKind.CHANGE:
            self._lines.mixed = True
            self._lines.show(entry)  # a `roost send` on the same home has written it
        self._surface.change(message_id, state)
        if state is MessageState.FAILED:
            whose = "" if entry is None else f" to {name_of(entry)}"
            self._notice(f"your message{whose} was not sent: {error_name}")
        elif state is MessageState.EXPIRED:
            self._notice("a message of yours has expired: nobody came for it in time")

    def _show_typing(self, phone: str | None, nursery: trio.Nursery) -> None:
        self._typing_ends.cancel()
        self._typing_ends = trio.CancelScope()
        self._surface.set_typing(None if phone is None else self._called(phone))
        if phone is not None:
            nursery.start_soon(self._end_typing, self._typing_ends)

    async def _end_typing(self, scope: trio.CancelScope) -> None:
        with scope:
            await trio.sleep(TYPING_SECONDS)
            self._surface.set_typing(None)

    # ---- leaving ----

    async def _part(self) -> None:
        """Give what was just typed a moment to be accepted; what is not goes out another time."""
        with trio.move_on_after(PARTING_SECONDS):
            for message_id in list(self._sent):
                with suppress(MessageGoneError):  # accepted, lived and over
                    await self._phone.wait_for(message_id, MessageState.ACCEPTED)
        waiting = sum(self._is_pending(message_id) for message_id in self._sent)
        if waiting:
            what = "1 message waits" if waiting == 1 else f"{waiting} messages wait"
            self._notice(f"{what} in the outbox and will go out next time")

    def _is_pending(self, message_id: str) -> bool:
        entry = self._phone.entry(message_id)
        return entry is not None and entry.state is MessageState.PENDING

    def _peer_name(self) -> str | None:
        if self._lines.peer is None:
            return None
        if not isinstance(self._lines.peer, str):
            return self._group_name(self._lines.peer)
        user = self._phone.user_of(self._lines.peer)
        known = None if user is None else self._phone.profile_of(user)
        profile_name = None if known is None else known.profile.name
        return named(
            profile_name, readable_number(self._lines.peer), self._phone.contact_name(self._lines.peer)
        )

    def _group_name(self, chat: UserId) -> str:
        group = self._phone.group(GroupId(chat))
        return group_name(GroupId(chat), None if group is None else group.name)

    def _called(self, phone: str) -> str:
        """What the person calls somebody: the name in the address book, or the number."""
        return named(None, readable_number(phone), self._phone.contact_name(phone))

    def _notice(self, text: str) -> None:
        self._surface.show(Entry(self._clock.now(), "", text, notice=True))


def status_line(connection: ConnectionChanged) -> Line:
    """How the connection is, for people."""
    match connection.connectivity:
        case Connectivity.ONLINE:
            return [("class:online", "● online")]
        case Connectivity.CONNECTING:
            return [("class:offline", "○ connecting …")]
        case Connectivity.WAITING:
            return [("class:offline", f"○ offline, reconnecting …  ({connection.reason})")]
        case Connectivity.STOPPED:
            return [("class:failed", "○ offline")]
