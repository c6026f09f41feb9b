"""Reading the history, and what has been seen of it."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace

from client.changes import Changes
from client.database import Database, Value
from client.device_keys import DeviceKeys
from client.entry_kinds import READABLE
from client.groups.lines import GroupLines
from client.mentions import Mentions
from client.records import EntryKind, HistoryEntry, MessageState, Quote, ReadReceipt
from protocol.e2e import NO_MARKS, Content, MessageRef, Text
from protocol.e2e import content as contents
from protocol.ids import DeviceAddress, DeviceId, GroupAddress, GroupId, GroupSeq, MessageNumber, UserId

_ENTRIES = (
    "SELECT m.*, coalesce(p.phone, m.phone) AS known_phone, f.name AS known_name,"
    " b.name AS book_name, g.id AS group_id,"
    " g.name AS group_name FROM messages m"
    " LEFT JOIN peers p ON p.user = coalesce(m.author, m.user)"
    " LEFT JOIN peer_profiles f ON f.user = coalesce(m.author, m.user)"
    " LEFT JOIN contacts b ON b.phone = coalesce(p.phone, m.phone)"
    " LEFT JOIN groups g ON g.id = m.user"
)

# A change is no line by itself, and what only phones tell each other is none at all.
_SHOWN = "m.kind NOT IN (8, 32)"

_OF_GROUP = DeviceId(0)  # whose messages a mark is about: in a group it is all of the timeline

_UNREAD = "m.state = 16"  # a literal, because only then does SQLite use the index of what is unread


class History:
    """The table ``messages`` as people read it, and ``read_marks``."""

    def __init__(
        self,
        database: Database,
        keys: DeviceKeys,
        changes: Changes,
        lines: GroupLines,
        tell_siblings: Callable[[Sequence[HistoryEntry]], None],
    ) -> None:
        self._database = database
        self._tell_siblings = tell_siblings  # of what was just seen
        self._keys = keys
        self._changes = changes
        self._lines = lines
        self._mentions = Mentions(database, keys)

    def entries(self, with_: UserId | str | None, limit: int | None) -> list[HistoryEntry]:
        """The newest ``limit`` entries (None: all) of a chat (None: of all), oldest first."""
        condition, values = _chat_condition(with_)
        newest = f"{_ENTRIES} WHERE {condition} AND {_SHOWN} ORDER BY m.row DESC LIMIT ?"
        rows = self._database.rows(newest, *values, -1 if limit is None else limit)
        return [self._entry(row) for row in reversed(rows)]

    def entry(self, message_id: str) -> HistoryEntry | None:
        """One entry, by its id as text; also of a change, so that its way to the others can be watched."""
        try:
            id_bytes = bytes.fromhex(message_id)
        except ValueError:
            return None
        one = f"{_ENTRIES} WHERE m.id = ? AND m.kind <> 32 ORDER BY m.outgoing DESC LIMIT 1"
        row = self._database.row(one, id_bytes)
        return None if row is None else self._entry(row)

    def unread(self, with_: UserId | str | None, limit: int | None = None) -> list[HistoryEntry]:
        """Incoming entries that nobody has seen here; ``limit`` gives the oldest of them."""
        condition, values = _chat_condition(with_)
        oldest = f"{_ENTRIES} WHERE {_UNREAD} AND {condition} ORDER BY m.row LIMIT ?"
        rows = self._database.rows(oldest, *values, -1 if limit is None else limit)
        return [self._entry(row) for row in rows]

    def mark_seen(self, with_: UserId | str | None, limit: int | None = None) -> list[ReadReceipt]:
        """Everything unread (or the oldest ``limit``) has been seen; the receipts that are due now."""
        with self._database.transaction():
            seen = self.unread(with_, limit)
            for entry in seen:
                self._note_read(entry)
            self._tell_siblings(seen)
            condition, values = _chat_condition(with_)
            self._database.execute(
                "UPDATE messages SET state = ? WHERE row IN (SELECT m.row FROM messages m"
                f" LEFT JOIN peers p ON p.user = coalesce(m.author, m.user) WHERE {_UNREAD} AND {condition}"
                " ORDER BY m.row LIMIT ?)",
                MessageState.SEEN,
                *values,
                -1 if limit is None else limit,
            )
            return self.read_receipts_due()

    def read_receipts_due(self) -> list[ReadReceipt]:
        """What has been read and not yet reported."""
        rows = self._database.rows("SELECT * FROM read_marks WHERE read > reported ORDER BY user, device")
        return [_receipt(row["user"], row["device"], row["read"]) for row in rows]

    def read_receipts_sent(self, receipts: Sequence[ReadReceipt]) -> None:
        """These have been reported."""
        with self._database.transaction():
            self._database.execute_many(
                "UPDATE read_marks SET reported = max(reported, ?) WHERE user = ? AND device = ?",
                [(receipt.number, *_mark(receipt.sender)) for receipt in receipts],
            )

    def _note_read(self, entry: HistoryEntry) -> None:
        # A message that could not be decrypted was seen as such, but nobody has read it.
        if entry.number is None or entry.kind not in READABLE:
            return
        self._database.execute(
            "INSERT INTO read_marks (user, device, read) VALUES (?, ?, ?)"
            " ON CONFLICT (user, device) DO UPDATE SET read = max(read, excluded.read)",
            entry.user,
            _OF_GROUP if entry.group is not None else entry.sender_device,
            entry.gseq if entry.group is not None else entry.number,
        )

    def _entry(self, row: sqlite3.Row) -> HistoryEntry:
        content = None if row["content"] is None else contents.decode(row["content"])
        sent_at = row["stored_at"] if content is None else contents.sent_at_to_unix(content.sent_at)
        marks = NO_MARKS if content is None else content.marks
        if row["kind"] == EntryKind.VIEW_ONCE.value:
            content = None  # whoever wants to see it opens it (client/composing.py)
        entry = HistoryEntry(
            message_id=row["id"].hex(),
            kind=EntryKind(row["kind"]),
            outgoing=bool(row["outgoing"]),
            user=row["user"],
            phone=row["known_phone"],
            name=row["known_name"] or None,
            book_name=row["book_name"] or None,
            sender_device=row["device"],
            number=row["number"],
            text=content.text if isinstance(content, Text) else None,
            sent_at=sent_at,
            stored_at=row["stored_at"],
            accepted_at=row["accepted_at"],
            state=MessageState(row["state"]),
            error_name=row["error_name"],
            content=content,
            group=row["group_id"],
            group_name=row["group_name"],
            author=None if row["outgoing"] else row["author"],
            gseq=row["gseq"],
            change=self._lines.change(row) if row["kind"] == EntryKind.GROUP.value else None,
            life=row["life"],
            forwards=marks.forwards,
        )
        # Nothing can have been said about a message to somebody who has yet to be found.
        return entry if entry.user is None or content is None else self._with_changes(row, entry, content)

    def _with_changes(self, row: sqlite3.Row, entry: HistoryEntry, content: Content) -> HistoryEntry:
        """The entry with what was said about it since, and with what it refers to."""
        assert entry.user is not None
        author = self._keys.user() if entry.outgoing else entry.author or entry.user
        ref = MessageRef(author, content.id)
        reactions = self._changes.reactions_to(entry.user, ref)
        if not isinstance(content, Text):
            return replace(entry, reactions=reactions)
        edit = self._changes.edit_of(row, ref)
        said = content if edit is None else edit
        return replace(
            entry,
            text=said.text,
            mentions=said.mentions,
            mentioned=self._mentions.named(said.mentions, said.text),
            is_edited=edit is not None,
            quote=None if content.reply_to is None else self._quote(entry.user, content.reply_to),
            reactions=reactions,
        )

    def _quote(self, chat: UserId, ref: MessageRef) -> Quote:
        row = self._changes.message(chat, ref)
        is_own = self._changes.is_own(chat, ref.sender)
        if row is None or row["content"] is None or row["kind"] == EntryKind.VIEW_ONCE.value:
            return Quote(ref.id.hex(), is_own, None)
        edit, content = self._changes.edit_of(row, ref), contents.decode(row["content"])
        text = content.text if isinstance(content, Text) else None
        return Quote(ref.id.hex(), is_own, text if edit is None else edit.text)


def _chat_condition(with_: UserId | str | None) -> tuple[str, tuple[Value, ...]]:
    if with_ is None:
        return "1", ()
    if isinstance(with_, str):
        # In a group `p` is the author, whose chat with us is another one.
        return "(m.author IS NULL AND (p.phone = ? OR (m.user IS NULL AND m.phone = ?)))", (with_, with_)
    return "m.user = ?", (with_,)


def _mark(sender: DeviceAddress | GroupAddress) -> tuple[int, int]:
    """Where ``read_marks`` has what was read of a device, or of a group."""
    return (sender.group, _OF_GROUP) if isinstance(sender, GroupAddress) else (sender.user, sender.device)


def _receipt(chat: int, device: int, read: int) -> ReadReceipt:
    if device == _OF_GROUP:
        return ReadReceipt(GroupAddress(GroupId(chat)), GroupSeq(read))
    return ReadReceipt(DeviceAddress(UserId(chat), DeviceId(device)), MessageNumber(read))
