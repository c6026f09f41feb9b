"""What a person wants to say, made into content and put into the outbox.

Each method is one transaction: what it says is queued, and one's own history shows it, or neither. What the
receiver would not obey (an edit that comes too late, a change of somebody else's message) is refused here
with a sentence, by the same rules (protocol/e2e/content_rules.py).
Not here: when and how it goes out (send_queue.py, outbox.py).
"""

import sqlite3
from dataclasses import replace

from actors.ports import Clock
from client.changes import Changes, Said, moment_of
from client.chat_rules import VIEW_ONCE_SECONDS, ChatRulebook
from client.database import Database
from client.device_keys import DeviceKeys
from client.errors import (
    BlockedError,
    ContentError,
    KeptHereError,
    MessageChangeError,
    NotAllowedInGroupError,
)
from client.groups.logs import GroupLogs
from client.mentions import MENTION
from client.peers import Peers
from client.records import EntryKind, MessageState
from client.send_queue import Making, SendQueue
from client.settings import Settings
from client.timers import Timers
from protocol.e2e import (
    NO_MARKS,
    Change,
    ChatTimer,
    Contact,
    Deletion,
    Edit,
    KeepHere,
    Location,
    Marks,
    Message,
    MessageRef,
    Opened,
    Reaction,
    Rule,
    Text,
)
from protocol.e2e import content as contents
from protocol.e2e.content_marks import MAX_FORWARDS
from protocol.e2e.content_rules import DELETE_SECONDS, EDIT_SECONDS, Moment, may_delete, may_edit
from protocol.e2e.content_schema import CONTENT_ID_BYTES, MAX_MENTIONS, MICRODEGREES
from protocol.ids import GroupId, UserId

_FORWARDABLE = (EntryKind.TEXT.value, EntryKind.CONTACT.value, EntryKind.LOCATION.value)


class Composer:
    """Queues messages and changes of messages."""

    def __init__(
        self,
        database: Database,
        keys: DeviceKeys,
        peers: Peers,
        queue: SendQueue,
        changes: Changes,
        settings: Settings,
        rules: ChatRulebook,
        timers: Timers,
        logs: GroupLogs,
        clock: Clock,
    ) -> None:
        self._database = database
        self._keys = keys
        self._peers = peers
        self._queue = queue
        self._changes = changes
        self._settings = settings
        self._rules = rules
        self._timers = timers
        self._logs = logs
        self._clock = clock

    # ------------------------------------------------------------- messages

    def text(
        self, to: UserId | str, text: str, reply_to: str | None = None, *, view_once: bool = False
    ) -> str:
        """Queue a text; returns its id.

        Args:
            to: a user, or a phone number.
            text: what to say.
            reply_to: the id of the message that it answers.
            view_once: it is to be shown once, and gone then.

        Raises:
            MessageChangeError: there is no such message in this chat.
            ClientError: as ``Store.queue_text`` says.
        """
        with self._database.transaction():
            ref = None if reply_to is None else self._ref_in_chat(to, reply_to)
            mentions = self._mentions(text)
            marks = Marks(VIEW_ONCE_SECONDS, view_once=1) if view_once else NO_MARKS
            return self._put(to, lambda id_, at: Text(id_, at, text, None, ref, mentions, marks))

    def contact(self, to: UserId | str, name: str, phones: tuple[str, ...]) -> str:
        """Queue somebody's name and numbers; returns the message's id. Raises ClientError."""
        if not phones:
            raise ContentError("the contact has no phone number")
        return self._put(to, lambda id_, at: Contact(id_, at, name, phones))

    def location(self, to: UserId | str, latitude: float, longitude: float, name: str | None = None) -> str:
        """Queue a place, in degrees; returns the message's id. Raises ClientError."""
        if not (abs(latitude) <= 90 and abs(longitude) <= 180):
            raise ContentError("a latitude lies between -90 and 90, a longitude between -180 and 180")
        place = (round(latitude * MICRODEGREES), round(longitude * MICRODEGREES), name)
        return self._put(to, lambda id_, at: Location(id_, at, *place))

    def forwarded(self, message_id: str, to: UserId | str) -> str:
        """Queue a copy of a message for another chat; returns the copy's id.

        Raises:
            MessageChangeError: there is no such message, or it is nothing that can be forwarded.
            KeptHereError: somebody has asked that what is said in its chat stays there.
            ClientError: as ``Store.queue_text`` says.
        """
        with self._database.transaction():
            row = self._shown(message_id)
            if self._rules.of(row["user"]).keep_here:
                raise KeptHereError
            content = contents.decode(row["content"])
            if row["kind"] not in _FORWARDABLE or not isinstance(content, Message):
                raise MessageChangeError("not-possible", f"{message_id} is nothing that can be forwarded")
            if isinstance(content, Text):
                edit = None if row["user"] is None else self._changes.edit_of(row, self._ref(row))
                said = content if edit is None else edit
                content = Text(content.id, 0, said.text, mentions=said.mentions, marks=content.marks)
            marks = Marks(forwards=min(content.marks.forwards + 1, MAX_FORWARDS))
            return self._put(to, lambda id_, at: replace(content, id=id_, sent_at=at, marks=marks))

    def opened(self, message_id: str) -> tuple[str, str | None]:
        """What a message to be viewed once says; from now on it is gone here, and its sender hears of it.

        Returns:
            The text, and the id of what tells the sender; None if they may not learn it.

        Raises:
            MessageChangeError: there is no such message, or it has been opened.
        """
        with self._database.transaction():
            row = self._find(message_id)
            if row is None:
                raise MessageChangeError("no-such-message", f"there is no message {message_id}")
            if row["kind"] == EntryKind.VIEWED.value:
                raise MessageChangeError("already-opened", "it has been opened, and is gone")
            if row["kind"] != EntryKind.VIEW_ONCE.value or row["outgoing"]:
                raise MessageChangeError("not-possible", f"{message_id} is nothing that is opened here")
            content = contents.decode(row["content"])
            assert isinstance(content, Text)
            self._changes.erase(row["row"], row["user"], self._ref(row), EntryKind.VIEWED)
            return content.text, self._tell_opened(row)

    def _tell_opened(self, row: sqlite3.Row) -> str | None:
        """Tell its sender, if they may learn what is read here."""
        chat, ref = UserId(row["user"]), self._ref(row)
        if self._settings.allows(self._settings.privacy().read_receipts, chat):
            marks = Marks(self._timers.left(row))
            try:
                return self._queue.queue(chat, lambda id_, at: Opened(id_, at, ref, marks)).id.hex()
            except BlockedError:
                pass  # whoever is blocked learns nothing
        return None

    # ------------------------------------------------------------- rules of a chat

    def timer(self, chat: UserId, seconds: int) -> str | None:
        """Have new messages of a chat disappear after so many seconds; 0: have them stay.

        Returns:
            The id of the message that says so; None if it is so already.

        Raises:
            ContentError: longer than a message can live.
            NotAllowedInGroupError: it is a group in which only admins may.
            ClientError: as ``Store.queue_text`` says.
        """
        if (self._rules.of(chat).life or 0) == seconds:
            return None
        return self._rule(chat, ChatTimer, lambda id_, at: ChatTimer(id_, at, seconds))

    def keep_here(self, chat: UserId, *, on: bool) -> str | None:
        """Ask that what is said in a chat stays in it, or ask it no more; returns as ``timer``."""
        if self._rules.of(chat).keep_here == on:
            return None
        return self._rule(chat, KeepHere, lambda id_, at: KeepHere(id_, at, int(on)))

    def _rule(self, chat: UserId, kind: type[Rule], make: Making) -> str:
        state = self._logs.state(GroupId(chat)) if self._logs.is_group(chat) else None
        if state is not None and not state.may_describe(self._keys.user()):
            raise NotAllowedInGroupError
        with self._database.transaction():
            rule = self._queue.queue(chat, lambda id_, at: make(id_, self._rules.moment(chat, kind, at)))
            assert isinstance(rule, Rule)
            self._rules.note(chat, rule)
            return rule.id.hex()

    def _put(self, to: UserId | str, make: Making) -> str:
        return self._queue.queue(to, make).id.hex()

    # ------------------------------------------------------------- changes

    def reaction(self, message_id: str, emoji: str | None) -> str:
        """Queue a reaction to any message of a chat; None takes it back. Returns the reaction's own id.

        Raises:
            MessageChangeError: there is no such message, or it cannot be reacted to.
            ContentError: the emoji is empty or too long to be one.
        """
        with self._database.transaction():
            row = self._shown(message_id)
            ref = self._ref(row)
            return self._change(row, lambda id_, at: Reaction(id_, at, ref, emoji, self._marks(row)))

    def edit(self, message_id: str, text: str) -> str:
        """Queue another wording of one's own text. Returns the edit's own id.

        Raises:
            MessageChangeError: it is not one's own, is no text, or was sent too long ago.
            TextTooLongError: the new text is too long.
        """
        with self._database.transaction():
            row = self._own(message_id)
            if row["kind"] != EntryKind.TEXT.value:
                raise MessageChangeError("not-a-text", "only a text can be edited")
            if not may_edit(moment_of(row), self._now()):
                minutes = EDIT_SECONDS // 60
                raise MessageChangeError("too-late", f"a text can be edited for {minutes} minutes")
            mentions = self._mentions(text)
            return self._change(
                row, lambda id_, at: Edit(id_, at, row["id"], text, mentions, self._marks(row))
            )

    def deletion(self, message_id: str) -> str | None:
        """Delete one's own message here, and queue its deletion for everyone.

        Returns:
            The deletion's own id; None if the message had not been encrypted yet, so that nobody else is
            to be told: it is taken out of the outbox.

        Raises:
            MessageChangeError: it is not one's own, or was sent too long ago.
        """
        with self._database.transaction():
            row = self._own(message_id)
            if not may_delete(moment_of(row), self._now()):
                hours = DELETE_SECONDS // 3_600
                sentence = f"a message can be deleted for everyone for {hours} hours"
                raise MessageChangeError("too-late", sentence)
            if row["state"] in (MessageState.FAILED, MessageState.PENDING) and row["number"] is None:
                self._take_back(row)
                return None
            return self._change(row, lambda id_, at: Deletion(id_, at, row["id"], self._marks(row)))

    def _take_back(self, row: sqlite3.Row) -> None:
        self._changes.erase(row["row"], row["user"], self._ref(row))
        self._database.execute(
            "UPDATE messages SET state = ?, error_name = 'deleted' WHERE row = ?",
            MessageState.FAILED,
            row["row"],
        )

    def _change(self, row: sqlite3.Row, make: Making) -> str:
        """Queue a change of a message, and show it in one's own history at once."""
        if row["user"] is None:
            raise MessageChangeError("not-sent", "the message waits for its recipient to be found")
        chat = UserId(row["user"])
        change = self._queue.queue(chat, make)
        assert isinstance(change, Change)
        self._changes.note(Said(chat, self._keys.user(), change, self._clock.now()))
        return change.id.hex()

    def _marks(self, row: sqlite3.Row) -> Marks:
        """What is said about a message lives as long as the message does."""
        return Marks(self._timers.left(row))

    def _now(self) -> Moment:
        now = self._clock.now()
        return Moment(contents.sent_at_to_unix(contents.sent_at_from_unix(now)), now)

    # ------------------------------------------------------------- which message is meant

    def _shown(self, message_id: str) -> sqlite3.Row:
        """A message of the history that somebody has written and that is still there."""
        row = self._find(message_id)
        if row is None:
            raise MessageChangeError("no-such-message", f"there is no message {message_id}")
        if row["content"] is None or row["kind"] in (EntryKind.UNKNOWN.value, EntryKind.RULE.value):
            raise MessageChangeError("not-possible", f"{message_id} is nothing that can be referred to")
        return row

    def _own(self, message_id: str) -> sqlite3.Row:
        row = self._shown(message_id)
        if not row["outgoing"]:
            raise MessageChangeError("not-yours", "only who wrote a message can change it")
        return row

    def _find(self, message_id: str) -> sqlite3.Row | None:
        try:
            id_bytes = bytes.fromhex(message_id)
        except ValueError:
            return None
        if len(id_bytes) != CONTENT_ID_BYTES:
            return None
        return self._database.row(
            "SELECT * FROM messages WHERE id = ? AND kind <> ? ORDER BY outgoing DESC LIMIT 1",
            id_bytes,
            EntryKind.CHANGE.value,
        )

    def _ref_in_chat(self, to: UserId | str, message_id: str) -> MessageRef:
        row = self._shown(message_id)
        user = self._peers.user_of(to) if isinstance(to, str) else to
        if row["user"] is None or row["user"] != user:
            raise MessageChangeError("no-such-message", f"there is no message {message_id} in this chat")
        return self._ref(row)

    def _ref(self, row: sqlite3.Row) -> MessageRef:
        sender = self._keys.user() if row["outgoing"] else UserId(row["author"] or row["user"])
        return MessageRef(sender, row["id"])

    def _mentions(self, text: str) -> tuple[UserId, ...]:
        """Whom the text names, as far as this phone knows who has the numbers."""
        users = [self._peers.user_of(phone) for phone in MENTION.findall(text)]
        return tuple(dict.fromkeys(user for user in users if user is not None))[:MAX_MENTIONS]
