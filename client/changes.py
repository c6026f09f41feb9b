"""What was said about messages afterwards: reactions, edits, deletions for everyone.

A change may come before the message that it is about, over another device or after a repair; so reactions
and edits are kept by the message's name (chat, author, id), whether it is here or not, and put together with
it when it is read. A deletion is done as soon as both are here: the content leaves the disk, and a line
that says so stays. Only its author can change a message: a change names an id, and who said it is proved by
the session that it came through.
"""

import sqlite3
from dataclasses import dataclass

from client.database import Database
from client.records import EntryKind, ReactionShown
from protocol.e2e import Change, Deletion, Edit, MessageRef, Opened, Reaction, Text
from protocol.e2e import content as contents
from protocol.e2e.content_rules import Moment, may_delete, may_edit
from protocol.ids import UserId


@dataclass(frozen=True, slots=True)
class Said:
    """A change, who said it in which chat, and when it arrived."""

    chat: UserId
    """The other side of the conversation, or the group."""
    author: UserId
    change: Change
    arrived_at: float

    @property
    def target(self) -> MessageRef:
        """The message that is meant."""
        if isinstance(self.change, Reaction | Opened):
            return self.change.target
        return MessageRef(self.author, self.change.target)

    @property
    def expires_at(self) -> float | None:
        """When nothing of it may be left here; None: it stays as long as its message."""
        life = self.change.marks.life
        return None if life is None else self.arrived_at + life

    @property
    def moment(self) -> Moment:
        """When it was said, for the rules."""
        return Moment(contents.sent_at_to_unix(self.change.sent_at), self.arrived_at)


def moment_of(row: sqlite3.Row) -> Moment:
    """When a message of the history was sent and when it arrived, for the rules.

    A message of one's own "arrives" when it is written: only its author's phone asks.
    """
    arrived_at = row["stored_at"] if row["outgoing"] else row["accepted_at"] or row["stored_at"]
    if row["content"] is None:
        return Moment(row["stored_at"], arrived_at)
    return Moment(contents.sent_at_to_unix(contents.decode(row["content"]).sent_at), arrived_at)


_EMPTY = (EntryKind.DELETED.value, EntryKind.VIEWED.value)
"""Lines of which nothing is here any more."""


class Changes:
    """The tables ``reactions``, ``edits`` and ``deletions``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # ------------------------------------------------------------- coming in

    def note(self, said: Said) -> None:
        """Somebody in a chat, or this account, has said it. One that is not allowed changes nothing."""
        with self._database.transaction():
            message = self.message(said.chat, said.target)
            match said.change:
                case Reaction():
                    self._note_reaction(said, said.change, message)
                case Edit():
                    self._note_edit(said, said.change, message)
                case Deletion():
                    self._note_deletion(said, message)
                case Opened():
                    self._note_opened(said, message)

    def meet(self, chat: UserId, ref: MessageRef) -> None:
        """A message has come: if its deletion came first, it is deleted now."""
        row = self._database.row(
            "SELECT * FROM deletions WHERE chat = ? AND author = ? AND target = ?", chat, ref.sender, ref.id
        )
        message = None if row is None else self.message(chat, ref)
        if row is None or message is None:
            return
        deletion = Moment(contents.sent_at_to_unix(row["sent_at"]), row["arrived_at"])
        if may_delete(moment_of(message), deletion):
            self.erase(message["row"], chat, ref)

    def _note_reaction(self, said: Said, reaction: Reaction, message: sqlite3.Row | None) -> None:
        target = reaction.target
        if message is not None and message["kind"] in _EMPTY:
            return
        # The newest by the reactor's own clock counts: with several devices it need not be the last to come.
        self._database.execute(
            "INSERT INTO reactions (chat, author, target, reactor, emoji, sent_at, expires_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (chat, author, target, reactor) DO UPDATE"
            " SET emoji = excluded.emoji, sent_at = excluded.sent_at, expires_at = excluded.expires_at"
            " WHERE excluded.sent_at >= sent_at",
            said.chat,
            target.sender,
            target.id,
            said.author,
            reaction.emoji,
            reaction.sent_at,
            said.expires_at,
        )

    def _note_edit(self, said: Said, edit: Edit, message: sqlite3.Row | None) -> None:
        if message is not None and not _is_editable(message, said.moment):
            return
        self._database.execute(
            "INSERT INTO edits (chat, author, target, content, sent_at, arrived_at, expires_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (chat, author, target) DO UPDATE SET content = excluded.content,"
            " sent_at = excluded.sent_at, arrived_at = excluded.arrived_at, expires_at = excluded.expires_at"
            " WHERE excluded.sent_at >= sent_at",
            said.chat,
            said.author,
            edit.target,
            contents.encode(edit),
            edit.sent_at,
            said.arrived_at,
            said.expires_at,
        )

    def _note_deletion(self, said: Said, message: sqlite3.Row | None) -> None:
        if message is not None:
            if may_delete(moment_of(message), said.moment):
                self.erase(message["row"], said.chat, said.target)
            return
        self._database.execute(
            "INSERT OR IGNORE INTO deletions (chat, author, target, sent_at, arrived_at, expires_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            said.chat,
            *said.target,
            said.change.sent_at,
            said.arrived_at,
            said.expires_at,
        )

    def _note_opened(self, said: Said, message: sqlite3.Row | None) -> None:
        # Its author does not open it: who sent it has nothing to say here but to delete it. In a group each
        # member opens it once: what others have done is news for its author only.
        if (
            message is None
            or message["kind"] != EntryKind.VIEW_ONCE.value
            or said.author == said.target.sender
        ):
            return
        if message["outgoing"] or self.is_own(said.chat, said.author):
            self.erase(message["row"], said.chat, said.target, EntryKind.VIEWED)

    def erase(
        self, row: int, chat: UserId | None, ref: MessageRef, left: EntryKind = EntryKind.DELETED
    ) -> None:
        """Take a message's content off the disk, with all that was said about it; its line says ``left``."""
        self._database.execute("UPDATE messages SET kind = ?, content = NULL WHERE row = ?", left.value, row)
        self.forget(chat, ref)

    def forget(self, chat: UserId | None, ref: MessageRef) -> None:
        """Delete what was said about a message."""
        for table in ("reactions", "edits", "deletions"):
            self._database.execute(
                f"DELETE FROM {table} WHERE chat = ? AND author = ? AND target = ?", chat, *ref
            )

    # ------------------------------------------------------------- reading

    def message(self, chat: UserId, ref: MessageRef) -> sqlite3.Row | None:
        """The row of a message in a chat, if it is here."""
        rows = self._database.rows(
            "SELECT * FROM messages WHERE id = ? AND user = ? AND kind <> ?",
            ref.id,
            chat,
            EntryKind.CHANGE.value,
        )
        is_own = self.is_own(chat, ref.sender)
        for row in rows:
            if is_own if row["outgoing"] else (row["author"] or chat) == ref.sender:
                return row
        return None

    def is_own(self, chat: UserId, author: UserId) -> bool:
        """Whether this account is meant, on whichever of its devices, and under whichever id it had here."""
        if self._database.value("SELECT 1 FROM groups WHERE id = ?", chat) is None:
            return author != chat  # in a chat of two it is whoever is not the other side
        own = "SELECT 1 FROM own_devices WHERE user = ? LIMIT 1"
        return self._database.value(own, author) is not None

    def edit_of(self, message: sqlite3.Row, ref: MessageRef) -> Edit | None:
        """The newest wording of a message, if it was edited in time."""
        row = self._database.row(
            "SELECT * FROM edits WHERE chat = ? AND author = ? AND target = ?", message["user"], *ref
        )
        if row is None:
            return None
        edit = contents.decode(row["content"])
        moment = Moment(contents.sent_at_to_unix(row["sent_at"]), row["arrived_at"])
        # Judged again, since it may have come before its message.
        return edit if isinstance(edit, Edit) and _is_editable(message, moment) else None

    def reactions_to(self, chat: UserId, ref: MessageRef) -> tuple[ReactionShown, ...]:
        """Who has reacted to a message, and how; oldest first."""
        rows = self._database.rows(
            "SELECT reactor, emoji FROM reactions WHERE chat = ? AND author = ? AND target = ?"
            " AND emoji IS NOT NULL ORDER BY sent_at, reactor",
            chat,
            *ref,
        )
        return tuple(ReactionShown(row["emoji"], self.is_own(chat, UserId(row["reactor"]))) for row in rows)


def _is_editable(message: sqlite3.Row, edit: Moment) -> bool:
    if message["kind"] != EntryKind.TEXT.value or message["content"] is None:
        return False
    return isinstance(contents.decode(message["content"]), Text) and may_edit(moment_of(message), edit)
