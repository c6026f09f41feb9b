"""The outbox after encryption: numbered messages, their ticks, and what happens to numbers that are refused.

Ciphertexts do not contain their number, so renumbering needs no encryption. They are kept until the message
is delivered, not only until it is accepted: a relay that lost accepted messages (it was restored from a
backup) asks for a lower number, and then gets them again.
"""

from collections.abc import Iterator
from itertools import groupby

from actors.ports import Clock
from client.database import Database, Value
from client.records import MessageState, OutgoingSend, Part
from client.renewals import Renewals
from protocol.ids import DeviceId, MessageNumber, UserId

_SENT = "outgoing = 1 AND number IS NOT NULL"

_TICKS = (MessageState.PENDING, MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.READ)


class SentMessages:
    """Messages that have a number, and the counter ``peers.next_number``."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._renewals = Renewals(database, clock)
        self._clock = clock

    def unresolved_sends(self, chat: UserId | None) -> list[OutgoingSend]:
        """What is encrypted and not accepted, chat by chat, in the order of the numbers."""
        condition, values = ("1", ()) if chat is None else ("m.user = ?", (chat,))
        return self._sends(condition, *values)

    def _sends(self, condition: str, *values: Value) -> list[OutgoingSend]:
        rows = self._database.rows(
            "SELECT m.row, m.id, m.user, m.number, m.epoch, m.life, p.device, p.ciphertext FROM messages m"
            " JOIN parts p ON p.message = m.row"
            f" WHERE m.outgoing = 1 AND m.number IS NOT NULL AND m.state = 0 AND {condition}"
            " ORDER BY m.user, m.number, p.device",
            *values,
        )
        return [
            OutgoingSend(
                message_id.hex(),
                UserId(user),
                MessageNumber(number),
                tuple(Part(DeviceId(row["device"]), row["ciphertext"]) for row in parts),
                epoch=epoch,
                life=life,
            )
            for (message_id, user, number, epoch, life), parts in groupby(
                rows, lambda r: (r["id"], r["user"], r["number"], r["epoch"], r["life"])
            )
        ]

    # ------------------------------------------------------------- ticks

    def mark_accepted(self, chat: UserId, number: MessageNumber) -> list[str]:
        """✓ up to ``number``."""
        with self._database.transaction():
            next_number = self._database.value("SELECT next_number FROM peers WHERE user = ?", chat)
            if next_number is not None and number >= next_number:
                return self._catch_up(chat, number)
            return self._raise_state(chat, number, MessageState.ACCEPTED)

    def _catch_up(self, chat: UserId, accepted: MessageNumber) -> list[str]:
        """The relay has more of ours than we remember to have sent: this store was put back to a copy.

        Whatever of ours it took under these numbers is from before. What is under way now was taken for its
        repetition and has reached nobody: it waits in the queue again, to be encrypted in new sessions, since
        those of the copy have moved on elsewhere and would use message keys a second time.
        """
        rows = self._database.rows(
            f"SELECT row, id FROM messages WHERE user = ? AND {_SENT} AND state = 0", chat
        )
        self._drop_parts(row["row"] for row in rows)
        self._database.execute_many(
            "UPDATE messages SET number = NULL WHERE row = ?", [(row["row"],) for row in rows]
        )
        self._database.execute("UPDATE peers SET next_number = ? WHERE user = ?", accepted + 1, chat)
        self._renewals.want_all_of(chat)
        # A group's sender key has moved on elsewhere in the same way: the next message needs a new one.
        self._database.execute("DELETE FROM group_own_keys WHERE group_id = ?", chat)
        self._raise_state(chat, accepted, MessageState.ACCEPTED)
        return [row["id"].hex() for row in rows]

    def mark_delivered(self, chat: UserId, number: MessageNumber) -> list[str]:
        """✓✓ up to ``number``."""
        return self._raise_state(chat, number, MessageState.DELIVERED)

    def mark_read(self, chat: UserId, number: MessageNumber) -> list[str]:
        """Read up to ``number``."""
        return self._raise_state(chat, number, MessageState.READ)

    def mark_expired(self, chat: UserId, first: MessageNumber, last: MessageNumber) -> list[str]:
        """✗ from ``first`` to ``last``, unless they are known to have been delivered."""
        with self._database.transaction():
            rows = self._database.rows(
                f"SELECT row, id FROM messages INDEXED BY messages_by_state WHERE user = ? AND {_SENT}"
                " AND state IN (0, 1) AND number BETWEEN ? AND ? ORDER BY number",
                chat,
                first,
                last,
            )
            now = self._clock.now()
            self._database.execute_many(
                "UPDATE messages SET state = ?, accepted_at = coalesce(accepted_at, ?) WHERE row = ?",
                [(MessageState.EXPIRED, now, row["row"]) for row in rows],
            )
            self._drop_parts(row["row"] for row in rows)
            return [row["id"].hex() for row in rows]

    def pending_progress(self) -> list[UserId]:
        """Chats with numbered messages that are not read yet."""
        rows = self._database.rows(
            f"SELECT DISTINCT user FROM messages WHERE {_SENT} AND state IN (0, 1, 2) ORDER BY user"
        )
        return [UserId(row["user"]) for row in rows]

    def _raise_state(self, chat: UserId, up_to: int, state: MessageState) -> list[str]:
        """Ticks are cumulative and only ever rise: a late ✓ takes no ✓✓ away."""
        with self._database.transaction():
            # The index, and the lower states one by one (`state < ?` would not use it): what a tick costs
            # depends on what is unread, not on how long the chat is. SQLite by itself takes another index.
            lower = ", ".join(str(int(earlier)) for earlier in _TICKS if earlier < state)
            rows = self._database.rows(
                f"SELECT row, id FROM messages INDEXED BY messages_by_state WHERE user = ? AND {_SENT}"
                f" AND state IN ({lower}) AND number <= ? ORDER BY number",
                chat,
                up_to,
            )
            now = self._clock.now()
            self._database.execute_many(
                "UPDATE messages SET state = ?, accepted_at = coalesce(accepted_at, ?), error_name = NULL"
                " WHERE row = ?",
                [(state, now, row["row"]) for row in rows],
            )
            if state >= MessageState.DELIVERED:
                self._drop_parts(row["row"] for row in rows)
            return [row["id"].hex() for row in rows]

    # ------------------------------------------------------------- refusals

    def settle_out_of_order(self, chat: UserId, expected: MessageNumber) -> list[OutgoingSend]:
        """Below ``expected`` everything is accepted; from it on, the rest is renumbered."""
        with self._database.transaction():
            self._raise_state(chat, expected - 1, MessageState.ACCEPTED)
            # The relay says that it never accepted these. If it once said otherwise it has lost them, and we
            # still have their ciphertexts unless they were delivered.
            self._database.execute(
                f"UPDATE messages SET state = 0, accepted_at = NULL WHERE user = ? AND {_SENT}"
                " AND number >= ? AND state = 1",
                chat,
                expected,
            )
            self._database.execute(
                f"UPDATE messages SET number = NULL WHERE user = ? AND {_SENT}"
                " AND number >= ? AND state IN (2, 3, 9)",
                chat,
                expected,
            )
            self._renumber(chat, expected)
            return self._sends("m.user = ?", chat)

    def settle_progress(self, chat: UserId, accepted: MessageNumber) -> list[OutgoingSend]:
        """The relay's own count of what it accepted; less than it once said means that it lost messages."""
        with self._database.transaction():
            lost = self._database.value(
                f"SELECT 1 FROM messages INDEXED BY messages_by_state WHERE user = ? AND {_SENT}"
                " AND state = 1 AND number > ?",
                chat,
                accepted,
            )
            return self.settle_out_of_order(chat, MessageNumber(accepted + 1)) if lost else []

    def refuse(self, chat: UserId, number: MessageNumber, error_name: str) -> list[OutgoingSend]:
        """A message has failed; those behind it move up."""
        with self._database.transaction():
            row = self._database.value(
                f"SELECT row FROM messages WHERE user = ? AND {_SENT} AND number = ? AND state = 0",
                chat,
                number,
            )
            if row is None:
                return []
            self._database.execute(
                "UPDATE messages SET state = ?, error_name = ?, number = NULL WHERE row = ?",
                MessageState.FAILED,
                error_name,
                row,
            )
            self._drop_parts([row])
            self._renumber(chat, number)
            return self._sends("m.user = ? AND m.number >= ?", chat, number)

    def note_waiting(self, chat: UserId, number: MessageNumber, error_name: str) -> list[str]:
        """The relay will take this message later; returns its id if it was not waiting for that yet."""
        with self._database.transaction():
            row = self._database.row(
                f"SELECT row, id FROM messages WHERE user = ? AND {_SENT} AND number = ? AND state = 0"
                " AND error_name IS NOT ?",
                chat,
                number,
                error_name,
            )
            if row is None:
                return []
            self._database.execute("UPDATE messages SET error_name = ? WHERE row = ?", error_name, row["row"])
            return [row["id"].hex()]

    def encrypt_again_from(self, chat: UserId, number: MessageNumber) -> None:
        """Back to plaintext, because the recipient's devices are others now.

        The message keys that were used are lost, not used again: the receiver skips them. Whoever still gets
        an old ciphertext knows the message by its content id.
        """
        with self._database.transaction():
            # One that was deleted meanwhile has no plaintext any more, and nobody is to see it.
            self._database.execute(
                "UPDATE messages SET state = 8, error_name = 'deleted', number = NULL"
                f" WHERE user = ? AND {_SENT} AND number >= ? AND state = 0 AND content IS NULL",
                chat,
                number,
            )
            rows = self._database.rows(
                f"SELECT row FROM messages WHERE user = ? AND {_SENT} AND number >= ? AND state = 0",
                chat,
                number,
            )
            self._drop_parts(row["row"] for row in rows)
            self._database.execute_many(
                "UPDATE messages SET number = NULL WHERE row = ?", [(row["row"],) for row in rows]
            )
            self._renumber(chat, number)
            self._database.execute("UPDATE peers SET bundles_stale = 1 WHERE user = ?", chat)

    def _renumber(self, chat: UserId, first: int) -> None:
        """Give ``first``, ``first + 1``, ... to the unaccepted messages from there on, in their old order."""
        rows = self._database.rows(
            f"SELECT row FROM messages WHERE user = ? AND {_SENT} AND number >= ? AND state = 0"
            " ORDER BY number",
            chat,
            first,
        )
        # By way of no number at all: in between, two messages would have the same one.
        self._database.execute_many(
            "UPDATE messages SET number = NULL WHERE row = ?", [(row["row"],) for row in rows]
        )
        self._database.execute_many(
            "UPDATE messages SET number = ? WHERE row = ?",
            [(first + place, row["row"]) for place, row in enumerate(rows)],
        )
        self._database.execute("UPDATE peers SET next_number = ? WHERE user = ?", first + len(rows), chat)

    def _drop_parts(self, rows: Iterator[int] | list[int]) -> None:
        self._database.execute_many("DELETE FROM parts WHERE message = ?", [(row,) for row in rows])
