"""Who may see what of this account: what the person has chosen, and what of it the relay has not heard yet.

Contacts are those to whom the person has written, and whoever of the address book was found. The relay is
told who they are only while a setting says ``contacts``, because only then does it need to know.
"""

from collections.abc import Sequence

from client.database import Database
from protocol.ids import UserId
from protocol.stanzas import Audience, Privacy


class Settings:
    """The table ``settings``, and who is a contact."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def privacy(self) -> Privacy:
        """What the person has chosen."""
        row = self._database.row("SELECT last_seen, read_receipts, profile, discoverable FROM settings")
        return Privacy() if row is None else Privacy(*map(Audience, row))

    def choose(self, privacy: Privacy) -> None:
        """Choose anew; the relay is to be told."""
        self._write(privacy, is_due=1)

    @property
    def is_due(self) -> bool:
        """Whether the relay has not confirmed the choice yet."""
        return bool(self._database.value("SELECT is_due FROM settings"))

    @property
    def is_known(self) -> bool:
        """Whether this device has heard how things stand at the relay."""
        return bool(self._database.value("SELECT is_known FROM settings"))

    @property
    def refusal(self) -> str | None:
        """The name of the error with which the relay refused the last change."""
        refusal: str | None = self._database.value("SELECT refusal FROM settings")
        return refusal

    def heard(self, privacy: Privacy, told: Privacy | None) -> None:
        """The relay's answer. A choice made since it was asked is still due, and stands."""
        if not self.is_due or told == self.privacy():
            self._write(privacy, is_due=0)
        self._database.execute("UPDATE settings SET is_known = 1, refusal = NULL")

    def refused(self, name: str) -> None:
        """The relay refuses what was chosen: it is not asked again, and the person is told why."""
        self._write(self.privacy(), is_due=0)
        self._database.execute("UPDATE settings SET refusal = ?", name)

    def _write(self, privacy: Privacy, is_due: int) -> None:
        self._database.execute(
            "INSERT INTO settings (id, last_seen, read_receipts, profile, discoverable, is_due)"
            " VALUES (1, ?, ?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET last_seen = excluded.last_seen, refusal = NULL,"
            " read_receipts = excluded.read_receipts, profile = excluded.profile,"
            " discoverable = excluded.discoverable, is_due = excluded.is_due",
            *map(str, privacy),
            is_due,
        )

    # ------------------------------------------------------------- contacts

    def allows(self, audience: Audience, user: UserId) -> bool:
        """Whether somebody belongs to an audience of ours."""
        return audience is Audience.EVERYONE or (audience is Audience.CONTACTS and self.is_contact(user))

    def is_contact(self, user: UserId) -> bool:
        """Whether the person has ever written to somebody, or has them in the address book."""
        return bool(self._database.value("SELECT is_contact FROM peers WHERE user = ?", user))

    def contacts_due(self, limit: int) -> list[UserId]:
        """Contacts whom the relay needs to know and does not; none while no setting needs them."""
        if Audience.CONTACTS not in self.privacy():
            return []
        # Said so that SQLite uses the index of those who differ: this is looked at twice a second.
        rows = self._database.rows(
            "SELECT user FROM peers WHERE is_contact <> is_named AND is_contact = 1 LIMIT ?", limit
        )
        return [UserId(row["user"]) for row in rows]

    def contacts_gone(self, limit: int) -> list[UserId]:
        """Whom the relay knows as contacts and who are none any more."""
        rows = self._database.rows(
            "SELECT user FROM peers WHERE is_contact <> is_named AND is_named = 1 LIMIT ?", limit
        )
        return [UserId(row["user"]) for row in rows]

    def contacts_forgotten(self, users: Sequence[UserId]) -> None:
        """The relay does not know these any more."""
        with self._database.transaction():
            self._database.execute_many(
                "UPDATE peers SET is_named = 0 WHERE user = ?", [(user,) for user in users]
            )

    def contacts_named(self, users: Sequence[UserId]) -> None:
        """The relay knows these now; it has forgotten all if no setting needs them."""
        if Audience.CONTACTS not in self.privacy():
            self._database.execute("UPDATE peers SET is_named = 0 WHERE is_named = 1")
            return
        with self._database.transaction():
            self._database.execute_many(
                "UPDATE peers SET is_named = 1 WHERE user = ?", [(user,) for user in users]
            )
