"""The address book in the phone's store: names for numbers, and which of them to ask the relay about."""

from collections.abc import Mapping, Sequence

from actors.ports import Clock
from client.contacts.records import Contact
from client.database import Database
from client.peers import Peers
from protocol.ids import UserId

ASK_AGAIN_SECONDS = 7 * 86_400.0
"""Whoever was not found is asked for again no sooner: each number that is asked for counts at the relay."""


class ContactBook:
    """The tables ``contacts`` and ``contact_pause``. Every method that writes is one transaction."""

    def __init__(self, database: Database, peers: Peers, clock: Clock) -> None:
        self._database = database
        self._peers = peers
        self._clock = clock

    # ------------------------------------------------------------- the person's side

    def put(self, names: Mapping[str, str]) -> None:
        """Have these numbers in the book under these names; an empty name leaves the one that is there.

        About numbers that are new, or were not found a while ago, the relay is to be asked.
        """
        again = self._clock.now() - ASK_AGAIN_SECONDS
        with self._database.transaction():
            self._database.execute_many(
                "INSERT INTO contacts (phone, name, is_due) VALUES (?, ?, 1) ON CONFLICT (phone) DO UPDATE"
                " SET name = CASE excluded.name WHEN '' THEN name ELSE excluded.name END",
                list(names.items()),
            )
            self._database.execute(
                "UPDATE contacts SET is_due = 1 WHERE is_due = 0 AND asked_at < ?"
                " AND phone NOT IN (SELECT phone FROM peers WHERE phone IS NOT NULL)",
                again,
            )
            # Whom this phone has met need not be asked for.
            self._database.execute(
                "UPDATE peers SET is_contact = 1"
                " WHERE is_contact = 0 AND phone IN (SELECT phone FROM contacts)"
            )
            self._database.execute(
                "UPDATE contacts SET is_due = 0 WHERE is_due = 1 AND phone IN (SELECT phone FROM peers)"
            )

    def remove(self, phone: str) -> bool:
        """Take a number out of the book; whether it was there. Whom one has written to stays a contact."""
        with self._database.transaction():
            removed = self._database.execute("DELETE FROM contacts WHERE phone = ?", phone)
            self._database.execute(
                "UPDATE peers SET is_contact = 0 WHERE phone = ? AND user NOT IN"
                " (SELECT user FROM messages WHERE outgoing = 1 AND user IS NOT NULL)",
                phone,
            )
            return bool(removed.rowcount)

    def name_of(self, phone: str | None) -> str | None:
        """What the person calls whoever has this number."""
        return self._database.value("SELECT name FROM contacts WHERE phone = ?", phone) or None

    def all(self) -> list[Contact]:
        """The whole book, by name and number."""
        rows = self._database.rows(
            "SELECT c.phone, c.name, c.is_due, p.user IS NOT NULL AS is_found FROM contacts c"
            " LEFT JOIN peers p ON p.phone = c.phone ORDER BY c.name = '', c.name COLLATE NOCASE, c.phone"
        )
        return [
            Contact(row["phone"], row["name"], bool(row["is_found"]), bool(row["is_due"])) for row in rows
        ]

    def look_into(self, user: UserId, phone: str) -> None:
        """Somebody says that this is their number now: if they are in the book, the relay is asked.

        If it says the same, the name follows them (moving.py). Only inside a transaction.
        """
        if self.name_of(self._peers.phone_of(user)) is not None:
            self._database.execute(
                "INSERT INTO contacts (phone, name, is_due) VALUES (?, '', 1)"
                " ON CONFLICT (phone) DO UPDATE SET is_due = 1",
                phone,
            )

    # ------------------------------------------------------------- the relay's side

    def due(self, limit: int) -> list[str]:
        """Numbers about which the relay is to be asked."""
        rows = self._database.rows(
            "SELECT phone FROM contacts WHERE is_due = 1 ORDER BY phone LIMIT ?", limit
        )
        return [row["phone"] for row in rows]

    def count_due(self) -> int:
        """How many there are."""
        return int(self._database.value("SELECT count(*) FROM contacts WHERE is_due = 1"))

    def answered(self, phones: Sequence[str], users: Sequence[UserId]) -> None:
        """The relay has said who has these numbers; 0: nobody who is to be found."""
        now = self._clock.now()
        with self._database.transaction():
            for phone, user in zip(phones, users, strict=False):
                if user:
                    self._peers.remember(user, phone)
                    self._peers.note_contact(user)
            self._database.execute_many(
                "UPDATE contacts SET is_due = 0, asked_at = ? WHERE phone = ?",
                [(now, phone) for phone in phones[: len(users)]],
            )

    def note_waiting(self, phones: Sequence[str], error_name: str) -> list[str]:
        """The relay will say later who has these numbers; what waits for that says why. Returns its ids."""
        with self._database.transaction():
            waiting = [
                row
                for phone in phones
                for row in self._database.rows(
                    "SELECT row, id FROM messages WHERE state = 0 AND user IS NULL AND phone = ?"
                    " AND error_name IS NOT ?",
                    phone,
                    error_name,
                )
            ]
            self._database.execute_many(
                "UPDATE messages SET error_name = ? WHERE row = ?",
                [(error_name, row["row"]) for row in waiting],
            )
        return [row["id"].hex() for row in waiting]

    def pause(self, seconds: float) -> None:
        """The relay wants no more questions for so long."""
        self._database.execute(
            "INSERT OR REPLACE INTO contact_pause (id, until) VALUES (1, ?)", self._clock.now() + seconds
        )

    @property
    def pause_left(self) -> float:
        """How long it still wants none, in seconds; 0: ask."""
        until = self._database.value("SELECT until FROM contact_pause")
        return 0.0 if until is None else max(0.0, until - self._clock.now())
