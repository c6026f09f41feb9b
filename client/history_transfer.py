"""History for a new device of one's own account: it goes there in portions, newest first.

Newest first over all chats, because what a person looks at first should come first. A portion is a message
in the chat with oneself, for the new device alone; it is queued in the transaction that notes how far the
transfer has come, and only so many are under way at a time. So it goes on after whatever interrupts it, on
either side, and nothing of it comes twice: what is there already is known by its id.

The new device puts what comes in front of what it has: rows of the history below zero.

Not sent: messages that wait to be sent (the copies of sent messages bring them), what could not be opened,
what disappears by itself or may be opened only once, and groups that this account has left. The keys to what
groups are called go in front of it (client/groups/welcomes.py), so that the new device knows them as groups.
"""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from actors.ports import Clock, Entropy
from client.database import Database
from client.device_keys import DeviceKeys
from client.peers import Peers
from client.records import (
    Account,
    EntryKind,
    HistoryArrived,
    IncomingDelivery,
    MessageState,
    Received,
    Served,
)
from client.send_queue import SendQueue
from protocol.e2e import BadContentError, Message
from protocol.e2e import content as contents
from protocol.e2e.siblings import History, HistoryLine, decode_line, encode_line, encode_sibling
from protocol.ids import DeviceId, UserId

HISTORY_SECONDS = 90 * 86_400.0
"""How far back the history of a new device goes; as WhatsApp's first portion."""

MAX_LINES = 20_000
"""And how many messages it has at most."""

PORTION_BYTES = 32_768
"""Of the lines in one message, so that it fits a frame with its parts for the other devices."""

MAX_UNDER_WAY = 2
"""Portions that the relay has not accepted. Not those that the new device has not acknowledged: ✓✓ may have
to wait for a device that is off (docs/delivery.md), and the relay keeps what it has accepted for as long."""

FORGET_SECONDS = 86_400.0

_SENT_KINDS = (
    EntryKind.TEXT.value,
    EntryKind.UNKNOWN.value,
    EntryKind.SECURITY_CODE_CHANGED.value,
    EntryKind.DELETED.value,
    EntryKind.CONTACT.value,
    EntryKind.LOCATION.value,
)
_STATES = tuple(state.value for state in MessageState if state is not MessageState.PENDING)
_MILLISECONDS = 1_000


@dataclass(frozen=True, slots=True)
class TransferProgress:
    """How far a transfer has come."""

    device: DeviceId
    done: int
    total: int
    is_done: bool


class HistoryTransfer:
    """The tables ``history_transfers`` and ``history_arrivals``."""

    def __init__(
        self,
        database: Database,
        keys: DeviceKeys,
        peers: Peers,
        queue: SendQueue,
        welcome: Callable[[], None],
        entropy: Entropy,
        clock: Clock,
    ) -> None:
        self._database = database
        self._keys = keys
        self._peers = peers
        self._queue = queue
        self._welcome = welcome  # tells the own devices of the groups
        self._entropy = entropy
        self._clock = clock

    # ------------------------------------------------------------- sending

    def begin(self, device: DeviceId) -> None:
        """Give a new device of this account the history; nothing if that was begun before."""
        with self._database.transaction():
            since = self._clock.now() - HISTORY_SECONDS
            newest = self._database.value("SELECT max(row) FROM messages")
            before = 1 if newest is None else newest + 1
            total = self._database.value(f"SELECT count(*) FROM messages m WHERE {_GOES}", before, since)
            begun = self._database.execute(
                "INSERT OR IGNORE INTO history_transfers (device, before, since, total) VALUES (?, ?, ?, ?)",
                device,
                before,
                since,
                min(total, MAX_LINES),
            )
            if begun.rowcount:
                self._welcome()

    def fill(self) -> list[TransferProgress]:
        """Queue the portions for which there is room; returns what has come further.

        Here the transfer to a device that was just linked begins, on the primary, and those to devices that
        are gone end.
        """
        for device in self._new_devices():
            self.begin(device)
        if not self._database.value("SELECT 1 FROM history_transfers WHERE is_done = 0"):
            return []
        with self._database.transaction():
            others = self._peers.active_devices(self._keys.user())
            rows = self._database.rows("SELECT * FROM history_transfers WHERE is_done = 0")
            for row in rows:
                if row["device"] not in others:
                    self._database.execute("DELETE FROM history_transfers WHERE device = ?", row["device"])
            return [
                self._queue_portion(row)
                for row in rows
                if row["device"] in others and self._under_way(row["device"]) < MAX_UNDER_WAY
            ]

    def _new_devices(self) -> list[DeviceId]:
        """Devices that this one, as the primary, has let in, and that were not given the history yet."""
        account = self._keys.require_account()
        rows = self._database.rows(
            "SELECT device FROM peer_devices p JOIN device_lists l USING (user) WHERE user = ?"
            " AND p.active = 1 AND l.primary_device = ?"
            " AND device NOT IN (SELECT device FROM history_transfers) ORDER BY device",
            *account.address,
        )
        return [DeviceId(row["device"]) for row in rows]

    def transfers(self) -> list[TransferProgress]:
        """How far all of them have come."""
        rows = self._database.rows("SELECT * FROM history_transfers ORDER BY device")
        return [
            TransferProgress(DeviceId(row["device"]), row["sent"], row["total"], bool(row["is_done"]))
            for row in rows
        ]

    def given(self, device: DeviceId) -> TransferProgress | None:
        """How much of it the relay has for one device; done when it has all. None if nothing was begun."""
        for progress in self.transfers():
            if progress.device == device:
                is_given = progress.is_done and not self._under_way(device)
                return replace(progress, is_done=is_given)
        return None

    def _under_way(self, device: int) -> int:
        under_way: int = self._database.value(
            "SELECT count(*) FROM messages WHERE for_device = ? AND state = 0", device
        )
        return under_way

    def _queue_portion(self, transfer: sqlite3.Row) -> TransferProgress:
        device, room = DeviceId(transfer["device"]), MAX_LINES - transfer["sent"]
        lines: list[bytes] = []
        size, before, is_last = 0, transfer["before"], True
        for row, line in self._lines(transfer):
            if len(lines) >= room:
                break
            if lines and size + len(line) > PORTION_BYTES:
                is_last = False
                break
            size += len(line)
            before = row
            if len(line) <= contents.MAX_CONTENT_BYTES // 2:
                lines.append(line)
        self._forget_contents(device)
        sent = transfer["sent"] + len(lines)
        id_, sent_at = self._entropy(contents.CONTENT_ID_BYTES), contents.sent_at_from_unix(self._clock.now())
        portion = History(id_, sent_at, device, sent, transfer["total"], is_last, tuple(lines))
        self._queue.queue_for_device(self._keys.user(), id_, encode_sibling(portion), device)
        self._database.execute(
            "UPDATE history_transfers SET before = ?, sent = ?, is_done = ? WHERE device = ?",
            before,
            sent,
            is_last,
            device,
        )
        return TransferProgress(device, sent, transfer["total"], is_last)

    def _forget_contents(self, device: DeviceId) -> None:
        """Portions that came through a day ago are not asked for again, and the history is here once."""
        self._database.execute(
            "UPDATE messages SET content = NULL WHERE for_device = ? AND state IN (2, 3, 9)"
            " AND accepted_at < ?",
            device,
            self._clock.now() - FORGET_SECONDS,
        )

    def _lines(self, transfer: sqlite3.Row) -> Iterator[tuple[int, bytes]]:
        rows = self._database.execute(
            "SELECT m.*, p.phone AS known_phone FROM messages m LEFT JOIN peers p USING (user)"
            f" WHERE {_GOES} ORDER BY m.row DESC",
            transfer["before"],
            transfer["since"],
        )
        for row in rows:
            if not _is_transient(row):
                yield row["row"], encode_line(self._line(row))

    def _line(self, row: sqlite3.Row) -> HistoryLine:
        chat, is_own = UserId(row["user"]), bool(row["outgoing"])
        author = self._keys.user() if is_own else UserId(row["author"] or chat)
        edit = self._database.row(
            "SELECT * FROM edits WHERE chat = ? AND author = ? AND target = ?", chat, author, row["id"]
        )
        reactions = self._database.rows(
            "SELECT reactor, emoji, sent_at FROM reactions WHERE chat = ? AND author = ? AND target = ?"
            " AND emoji IS NOT NULL ORDER BY sent_at, reactor",
            chat,
            author,
            row["id"],
        )
        return HistoryLine(
            chat=chat,
            phone=row["known_phone"],
            outgoing=is_own,
            device=None if is_own else row["device"],
            number=None if is_own else row["number"],
            id=row["id"],
            kind=row["kind"],
            content=row["content"],
            stored_at=_to_wire(row["stored_at"]),
            accepted_at=None if row["accepted_at"] is None else _to_wire(row["accepted_at"]),
            state=row["state"],
            error_name=row["error_name"],
            edit=None if edit is None else (edit["content"], edit["sent_at"], _to_wire(edit["arrived_at"])),
            reactions=tuple((UserId(each[0]), each[1], each[2]) for each in reactions),
            author=row["author"],
            gseq=row["gseq"],
        )

    # ------------------------------------------------------------- receiving

    def take(self, account: Account, delivery: IncomingDelivery, portion: History) -> Received:
        """Some of the history has come."""
        if portion.device != account.device:
            return Served(delivery.seq)
        for encoded in portion.lines:
            try:
                self._insert(account, decode_line(encoded))
            except BadContentError:
                continue  # of a later version: the rest is worth having all the same
        self._database.execute(
            "INSERT INTO history_arrivals (device, received, total, is_done) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (device) DO UPDATE SET received = max(received, excluded.received),"
            " total = excluded.total, is_done = max(is_done, excluded.is_done)",
            delivery.sender.device,
            portion.sent,
            portion.total,
            portion.is_last,
        )
        return HistoryArrived(delivery.seq, portion.sent, portion.total, portion.is_last)

    def arrival(self) -> HistoryArrived | None:
        """How much has come, on a device that was given history; None on any other."""
        row = self._database.row("SELECT * FROM history_arrivals ORDER BY device LIMIT 1")
        if row is None:
            return None
        return HistoryArrived(self._keys.cursor(), row["received"], row["total"], bool(row["is_done"]))

    def _insert(self, account: Account, line: HistoryLine) -> None:
        if line.kind not in _SENT_KINDS or line.state not in _STATES:
            raise BadContentError("a line of the history of a kind that none is")
        if line.content is not None:
            contents.decode(line.content)
        self._peers.remember(line.chat, line.phone)
        known = self._database.value(
            "SELECT 1 FROM messages WHERE id = ? AND user = ? AND outgoing = ? AND author IS ?",
            line.id,
            line.chat,
            line.outgoing,
            line.author,
        )
        if known:
            return
        self._database.execute(
            "INSERT INTO messages (row, id, kind, outgoing, user, device, number, content, stored_at,"
            " accepted_at, state, error_name, author, gseq) VALUES"
            " ((SELECT min(0, coalesce(min(row), 0)) - 1 FROM messages),"
            " ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            line.id,
            line.kind,
            line.outgoing,
            line.chat,
            None if line.outgoing else line.device,
            None if line.outgoing else line.number,
            line.content,
            line.stored_at / _MILLISECONDS,
            None if line.accepted_at is None else line.accepted_at / _MILLISECONDS,
            line.state,
            line.error_name,
            line.author,
            line.gseq,
        )
        self._insert_changes(line, account.user if line.outgoing else UserId(line.author or line.chat))
        is_group = self._database.value("SELECT 1 FROM groups WHERE id = ?", line.chat)
        if line.outgoing and not is_group:
            self._peers.note_contact(line.chat)

    def _insert_changes(self, line: HistoryLine, author: UserId) -> None:
        """What was said about it. What is here already is newer."""
        if line.edit is not None:
            content, sent_at, arrived_at = line.edit
            contents.decode(content)
            self._database.execute(
                "INSERT OR IGNORE INTO edits (chat, author, target, content, sent_at, arrived_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                line.chat,
                author,
                line.id,
                content,
                sent_at,
                arrived_at / _MILLISECONDS,
            )
        self._database.execute_many(
            "INSERT OR IGNORE INTO reactions (chat, author, target, reactor, emoji, sent_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [(line.chat, author, line.id, *reaction) for reaction in line.reactions],
        )


# What of the history goes to a new device, of what is older than a row and younger than a moment.
_GOES = (
    "m.row < ? AND m.stored_at >= ? AND m.user IS NOT NULL AND m.state <> 0"
    f" AND m.kind IN ({', '.join(str(kind) for kind in _SENT_KINDS)})"
    " AND m.user NOT IN (SELECT id FROM groups WHERE standing <> 1 OR info_key IS NULL)"
)


def _is_transient(row: sqlite3.Row) -> bool:
    """Whether it disappears by itself, or is shown once: then it stays where it is."""
    if row["content"] is None:
        return False
    content = contents.decode(row["content"])
    return isinstance(content, Message) and bool(content.marks.life or content.marks.view_once)


def _to_wire(moment: float) -> int:
    return max(0, int(moment * _MILLISECONDS))
