"""Whose security code the person has compared, and what follows when another one comes in its place.

A code that was compared is the identity key of the other account's primary device, as it was then. As long as
it is another one, nothing goes out to that person: what is queued waits, with the reason beside it, and
nothing new is taken in, until the person has confirmed the new code or has given up the comparison. To others
a change is told and no more, as in the original.
"""

import sqlite3
from dataclasses import dataclass
from enum import Enum

from actors.ports import Clock
from client.database import Database
from client.device_keys import DeviceKeys
from client.errors import CodeMismatchError, CodeUnknownError, ScanCodeError
from client.peers import Peers
from protocol.e2e import safety_number
from protocol.e2e.errors import BadScanCodeError
from protocol.e2e.scan_code import scan_code, scan_matches
from protocol.ids import UserId

CODE_CHANGED = "security-code-changed"
"""What is said of a message that waits, and of one that is refused."""

CODE_DIGITS = 60

HELD = """
    EXISTS (SELECT 1 FROM verifications v JOIN device_lists l USING (user)
        WHERE v.user = m.user AND v.identity_key <> l.primary_key)
"""
"""Of a message ``m`` in SQL: it is for somebody whose compared code has changed."""


class Trust(Enum):
    """How a contact's code stands."""

    UNVERIFIED = "unverified"
    VERIFIED = "verified"
    CHANGED = "changed"
    """It was verified, and is another one now: nothing is sent."""


@dataclass(frozen=True, slots=True)
class SecurityCode:
    """What there is to compare with a contact."""

    digits: str
    scan: str
    """The text of the QR code."""
    trust: Trust
    verified_at: float | None
    """Unix seconds; None if it never was."""


class Verifications:
    """The table ``verifications``. Every public method is one transaction."""

    def __init__(self, database: Database, keys: DeviceKeys, peers: Peers, clock: Clock) -> None:
        self._database = database
        self._keys = keys
        self._peers = peers
        self._clock = clock

    def code(self, user: UserId) -> SecurityCode:
        """The code to compare, and whether it has been.

        Raises:
            CodeUnknownError: no key of theirs is known yet.
        """
        own, theirs = self._sides(user)
        row = self._row(user)
        return SecurityCode(
            safety_number(own, theirs),
            scan_code(own, theirs),
            _trust(row, theirs[1]),
            None if row is None else row["verified_at"],
        )

    def trust(self, user: UserId) -> Trust:
        """How the code stands; somebody whose keys are not known is unverified."""
        account = self._keys.require_account()
        return _trust(self._row(user), self._peers.primary_key(account, user))

    def confirm(self, user: UserId) -> None:
        """The person has compared the code as it is now: it is good, and what waited goes out.

        Raises:
            CodeUnknownError: no key of theirs is known yet.
        """
        with self._database.transaction():
            _, (_, key) = self._sides(user)
            self._database.execute(
                "INSERT OR REPLACE INTO verifications (user, identity_key, verified_at) VALUES (?, ?, ?)",
                user,
                key,
                self._clock.now(),
            )
            self._release(user)

    def reset(self, user: UserId) -> None:
        """Forget that it was compared: changes are told from now on, and hold nothing back."""
        with self._database.transaction():
            self._database.execute("DELETE FROM verifications WHERE user = ?", user)
            self._release(user)

    def compare(self, user: UserId, shown: str) -> None:
        """Compare with what the other side shows: the text of its QR code, or its digits; if good, confirm.

        Raises:
            CodeUnknownError: no key of theirs is known yet.
            ScanCodeError: it is neither, or somebody else's.
            CodeMismatchError: it is another code. A code that was good before stays so for what it was.
        """
        own, theirs = self._sides(user)
        digits = "".join(shown.split())
        if digits.isdecimal():
            if len(digits) != CODE_DIGITS:
                raise ScanCodeError(f"a security code has {CODE_DIGITS} digits, not {len(digits)}")
            is_same = digits == safety_number(own, theirs)
        else:
            try:
                is_same = scan_matches(shown, own, theirs)
            except BadScanCodeError as error:
                raise ScanCodeError(str(error)) from None
        if not is_same:
            raise CodeMismatchError
        self.confirm(user)

    def hold(self, user: UserId) -> None:
        """A code has changed: say of what waits why it waits. Only inside the transaction of the change."""
        self._database.execute(
            "UPDATE messages AS m SET error_name = ?"
            f" WHERE m.user = ? AND m.outgoing = 1 AND m.state = 0 AND m.number IS NULL AND {HELD}",
            CODE_CHANGED,
            user,
        )

    def _release(self, user: UserId) -> None:
        self._database.execute(
            "UPDATE messages SET error_name = NULL WHERE user = ? AND state = 0 AND error_name = ?",
            user,
            CODE_CHANGED,
        )

    def _sides(self, user: UserId) -> tuple[tuple[UserId, bytes], tuple[UserId, bytes]]:
        account = self._keys.require_account()
        own, theirs = self._peers.primary_key(account, account.user), self._peers.primary_key(account, user)
        if own is None or theirs is None:
            raise CodeUnknownError(self._peers.phone_of(user) or f"{user:016x}")
        return (account.user, own), (user, theirs)

    def _row(self, user: UserId) -> sqlite3.Row | None:
        return self._database.row("SELECT * FROM verifications WHERE user = ?", user)


def _trust(row: sqlite3.Row | None, key: bytes | None) -> Trust:
    if row is None or key is None:
        return Trust.UNVERIFIED
    return Trust.VERIFIED if row["identity_key"] == key else Trust.CHANGED
