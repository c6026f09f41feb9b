"""Messages that disappear: when the time of each is over, and how it leaves the disk.

The life of a message begins when the relay accepts it, on both sides: a message that waited there has lived
meanwhile, and one that waits in the outbox has not begun. That is counted from the sending, as WhatsApp does,
and not from the reading, as Signal does: a phone that was off shows nothing that the other side has lost.
Nobody's word makes a message live longer than from its arrival here: not the sender's clock, which is not
looked at, nor the relay's, which only counts where it is earlier.

Whatever holds content has a life of its own in the column ``life``: messages, changes on their way out, and
answers to those who ask for a message again. Times are on the disk, so a restart forgets none; ``Store.open``
sweeps before anything is shown, and an open phone each second (``client/timekeeper.py``).
"""

import sqlite3
from dataclasses import dataclass

from actors.ports import Clock
from client.changes import Changes
from client.database import Database
from client.records import EntryKind
from protocol.e2e import Content, MessageRef
from protocol.ids import UserId

_SILENT = (EntryKind.CHANGE.value, EntryKind.SERVICE.value)
_SAID = ("reactions", "edits", "deletions")

# What is not sent yet has not begun to live; it is the outbox's.
_RUNNING = "state <> 0"


@dataclass(frozen=True, slots=True)
class Gone:
    """A line of the history that has disappeared."""

    message_id: str
    chat: UserId | None


class Timers:
    """The columns ``life`` and ``expires_at``."""

    def __init__(self, database: Database, changes: Changes, clock: Clock) -> None:
        self._database = database
        self._changes = changes
        self._clock = clock
        self._has_traces = False  # what was deleted may still be in the write-ahead log

    def is_over(self, content: Content, accepted_at: float | None) -> bool:
        """Whether a message that arrives now has no life left: nobody is to see it."""
        life, now = content.marks.life, self._clock.now()
        return life is not None and min(accepted_at or now, now) + life <= now

    def left(self, message: sqlite3.Row) -> int | None:
        """Seconds of life that a message has left, at least one; None: it stays."""
        life: int | None = message["life"]
        if life is None or message["state"] == 0:
            return life
        begun = message["accepted_at"] or message["stored_at"]
        expires_at: float = message["expires_at"] or begun + life
        return max(1, min(life, int(expires_at - self._clock.now())))

    def sweep(self) -> list[Gone]:
        """Delete everything whose time is over; returns the lines that people could see.

        Reading looks at indices only, so it costs nothing worth naming while nothing is due.
        """
        now = self._clock.now()
        self._begin(now)
        gone = self._delete(now) if self._is_due(now) else []
        if self._has_traces:
            self._has_traces = not self._database.scrub()
        return gone

    def _begin(self, now: float) -> None:
        """Give those that have been sent or received since the last sweep the time of their end."""
        unwound = f"life IS NOT NULL AND expires_at IS NULL AND {_RUNNING}"
        if self._database.value(f"SELECT 1 FROM messages WHERE {unwound} LIMIT 1"):
            self._database.execute(
                "UPDATE messages SET expires_at = life + CASE outgoing"
                " WHEN 1 THEN coalesce(accepted_at, ?)"
                " ELSE min(coalesce(accepted_at, stored_at), stored_at) END"
                f" WHERE {unwound}",
                now,
            )

    def _is_due(self, now: float) -> bool:
        due = f"SELECT 1 FROM messages WHERE expires_at <= ? AND {_RUNNING} LIMIT 1"
        said = (f"SELECT 1 FROM {table} WHERE expires_at <= ? LIMIT 1" for table in _SAID)
        return any(self._database.value(query, now) for query in (due, *said))

    def _delete(self, now: float) -> list[Gone]:
        with self._database.transaction():
            rows = self._database.rows(
                f"SELECT * FROM messages WHERE expires_at <= ? AND {_RUNNING} ORDER BY row", now
            )
            for row in rows:
                self._forget(row)
            for table in _SAID:
                self._database.execute(f"DELETE FROM {table} WHERE expires_at <= ?", now)
        self._has_traces = True
        return [Gone(row["id"].hex(), row["user"]) for row in rows if row["kind"] not in _SILENT]

    def _forget(self, row: sqlite3.Row) -> None:
        # Ciphertexts, and who asked for it again, go with the row (ON DELETE CASCADE).
        self._database.execute("DELETE FROM messages WHERE row = ?", row["row"])
        if row["kind"] not in _SILENT and row["user"] is not None:
            for author in self._authors(row):
                self._changes.forget(row["user"], MessageRef(author, row["id"]))

    def _authors(self, row: sqlite3.Row) -> list[UserId]:
        """Who wrote a line: one's own was written under whichever id this account has had here."""
        if not row["outgoing"]:
            return [UserId(row["author"] or row["user"])]
        own = self._database.rows("SELECT DISTINCT user FROM own_devices WHERE user IS NOT NULL")
        return [UserId(each["user"]) for each in own]
