"""Whom this account blocks, and which of that the relay has not been told yet.

The relay does the blocking; this remembers what the person wants, so that it can be said without a connection
and survives until it has been heard.
"""

from collections.abc import Sequence

from client.database import Database
from protocol.ids import UserId


class Blocks:
    """The table ``blocks``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def blocked(self) -> list[UserId]:
        """Everybody who is blocked, whether or not the relay knows it yet."""
        return self._users("is_blocked = 1")

    def is_blocked(self, user: UserId) -> bool:
        """Whether somebody is blocked."""
        return bool(self._database.value("SELECT is_blocked FROM blocks WHERE user = ?", user))

    def is_due(self, user: UserId) -> bool:
        """Whether the relay has not confirmed yet what was said last about somebody."""
        return bool(self._database.value("SELECT is_due FROM blocks WHERE user = ?", user))

    def set(self, user: UserId, is_blocked: bool) -> None:
        """Block somebody, or end it; the relay is to be told."""
        self._database.execute(
            "INSERT INTO blocks (user, is_blocked, is_due) VALUES (?, ?, 1)"
            " ON CONFLICT (user) DO UPDATE SET is_blocked = excluded.is_blocked, is_due = 1",
            user,
            int(is_blocked),
        )

    def due(self) -> tuple[list[UserId], list[UserId]]:
        """Whom the relay has to block, and whom not any more."""
        return self._users("is_due = 1 AND is_blocked = 1"), self._users("is_due = 1 AND is_blocked = 0")

    def heard(self, relay: Sequence[UserId], blocked: Sequence[UserId], unblocked: Sequence[UserId]) -> None:
        """The relay's answer: whom it blocks now, after it was told to block and to unblock these.

        What the person has said since is still due. Everything else is as the relay says: another phone of
        this account may have changed it.
        """
        with self._database.transaction():
            self._database.execute_many(
                "UPDATE blocks SET is_due = 0 WHERE user = ? AND is_blocked = ?",
                [*((user, 1) for user in blocked), *((user, 0) for user in unblocked)],
            )
            self._database.execute("DELETE FROM blocks WHERE is_due = 0")
            self._database.execute_many(
                "INSERT OR IGNORE INTO blocks (user, is_blocked, is_due) VALUES (?, 1, 0)",
                [(user,) for user in relay],
            )

    def give_up_due(self) -> None:
        """The relay refuses what was to be told: it is as if it had not been said."""
        self._database.execute("DELETE FROM blocks WHERE is_due = 1")

    def _users(self, condition: str) -> list[UserId]:
        rows = self._database.rows(f"SELECT user FROM blocks WHERE {condition} ORDER BY user")
        return [UserId(row["user"]) for row in rows]
