"""The prekeys that this phone has made: signed, one-time and KEM ones, and which of them the relay has.

Made and stored before anything about them is said to the relay, so a crash leaves keys that were never used,
and never a published key whose private half is gone. Ids count up and are never reused.

Rule 1: a signed prekey and the KEM's last resort are made together and uploaded together: a bundle never has
        one of a device that does PQXDH without the other.
Rule 2: nothing that a queued first message can still need is deleted: old signed prekeys and last resorts
        stay for a rotation and 30 days, one-time ones until they are used.
"""

import sqlite3
from collections.abc import Sequence

from actors.ports import Clock, Entropy
from client.database import Database
from client.errors import MessageStateError
from client.records import PrekeyUpload
from protocol.e2e import (
    IdentityKeyPair,
    KemPrekey,
    Prekey,
    PrekeyGoneError,
    PrekeyUnknownError,
    PublicKemPrekey,
    PublicPrekey,
    PublicSignedPrekey,
)
from protocol.e2e.agreement import PrivatePrekeys
from protocol.e2e.kem import KEM_SEED_BYTES
from protocol.limits import MAX_KEM_PREKEYS_PER_UPLOAD

FIRST_PREKEYS = 100
"""One-time prekeys in a registration: as Signal. Each is a new conversation with full forward secrecy."""

REFILL_BELOW = 25
"""Refill to 100 when the relay has fewer than this: a quarter, so that a burst of new contacts is covered."""

FIRST_KEM_PREKEYS = MAX_KEM_PREKEYS_PER_UPLOAD
"""One-time KEM prekeys: 40, which one upload can carry. Signal has 100; ours would be 130 KB a device."""

REFILL_KEM_BELOW = 10
"""A quarter, likewise."""

SIGNED_PREKEY_ROTATION_SECONDS = 7 * 86_400
"""A week between signed prekeys (X3DH, section 4.1, suggests "once a week, or once a month")."""

SIGNED_PREKEY_KEPT_SECONDS = 38 * 86_400
"""Old private keys are kept until no queued first message can need them: rotation plus 30 days of queue."""

PREKEYS_REPLACED_SECONDS = 3_600
"""How soon all prekeys may be replaced again because unknown ones are in use."""

TABLES = ("signed_prekeys", "one_time_prekeys", "kem_prekeys")


class OwnPrekeys:
    """The tables ``signed_prekeys``, ``one_time_prekeys`` and ``kem_prekeys``. Only inside transactions.

    A *generation* is the keys of one registration.
    """

    def __init__(self, database: Database, entropy: Entropy, clock: Clock) -> None:
        self._database = database
        self._entropy = entropy
        self._clock = clock

    def make_first(self, generation: int) -> None:
        """What a device is registered with. One-time KEM prekeys follow with its first upload."""
        self._make_signed(generation)
        self._make_one_time(generation, FIRST_PREKEYS)

    def for_registration(
        self, generation: int, identity: IdentityKeyPair
    ) -> tuple[PublicSignedPrekey, tuple[PublicPrekey, ...], PublicKemPrekey]:
        """Signed prekey, one-time ones and last resort."""
        if not self._newest_signed(generation)["is_post_quantum"]:
            self._make_signed(generation)  # a registration that an earlier version has begun
        signed = _signed(self._newest_signed(generation), identity)
        return signed, self._one_time_not_uploaded(generation), self._last_resort(generation, identity)

    def registered(self, generation: int) -> None:
        """The relay has what was in the registration."""
        for table in TABLES:
            self._database.execute(f"UPDATE {table} SET uploaded = 1 WHERE generation = ?", generation)

    def to_upload(
        self, generation: int, identity: IdentityKeyPair, left: int, kem_left: int | None
    ) -> PrekeyUpload | None:
        """Make what is due, and give all that the relay has not confirmed; None if that is nothing.

        Args:
            generation: whose.
            identity: signs them.
            left: how many one-time prekeys the relay has.
            kem_left: how many one-time KEM prekeys; None: it is a relay that keeps none.
        """
        does_kem = kem_left is not None
        self._renew_signed(generation, does_kem=does_kem)
        if left < REFILL_BELOW and not self._one_time_not_uploaded(generation):
            self._make_one_time(generation, FIRST_PREKEYS - left)
        if kem_left is not None and kem_left < REFILL_KEM_BELOW and not self._kem_not_uploaded(generation):
            self._make_kem(generation, FIRST_KEM_PREKEYS - kem_left)
        signed, last_resort = self._signed_due(generation, identity, does_kem=does_kem)
        prekeys = self._one_time_not_uploaded(generation)
        kem = self._kem_not_uploaded(generation) if does_kem else []
        if not (signed or prekeys or kem):
            return None
        return PrekeyUpload(
            signed, prekeys, last_resort, tuple(_kem_prekey(row).signed_by(identity) for row in kem)
        )

    def uploaded(self, upload: PrekeyUpload) -> None:
        """The relay has these; they are not offered again."""
        if upload.signed is not None:
            self._database.execute("UPDATE signed_prekeys SET uploaded = 1 WHERE id <= ?", upload.signed.id)
        last_resort = () if upload.last_resort is None else (upload.last_resort,)
        self._mark("one_time_prekeys", [prekey.id for prekey in upload.prekeys])
        self._mark("kem_prekeys", [prekey.id for prekey in (*upload.kem_prekeys, *last_resort)])

    def find(
        self, generation: int, signed_id: int, one_time_id: int | None, kem_id: int | None
    ) -> PrivatePrekeys:
        """The private halves of the prekeys that a first message names.

        Raises:
            PrekeyUnknownError: one of them has a number that this device has yet to give.
            PrekeyGoneError: one of them was used up or rotated away.
        """
        signed = self._find("signed_prekeys", generation, signed_id)
        one_time = None if one_time_id is None else self._find("one_time_prekeys", generation, one_time_id)
        kem = None if kem_id is None else self._find("kem_prekeys", generation, kem_id)
        return PrivatePrekeys(
            _prekey(signed),
            None if one_time is None else _prekey(one_time),
            None if kem is None else _kem_prekey(kem),
            is_post_quantum=bool(signed["is_post_quantum"]),
        )

    def use_up(self, one_time_id: int | None, kem_id: int | None) -> None:
        """Delete one-time prekeys; a last resort stays."""
        self._database.execute("DELETE FROM one_time_prekeys WHERE id = ?", one_time_id)
        self._database.execute("DELETE FROM kem_prekeys WHERE id = ? AND is_last_resort = 0", kem_id)

    def replace(self, generation: int) -> None:
        """Make new ones of all kinds. Once an hour at most: anybody can name a number that never was."""
        is_recent = 0 <= self._age_of_signed(generation) < PREKEYS_REPLACED_SECONDS
        if is_recent or len(self._one_time_not_uploaded(generation)) >= FIRST_PREKEYS:
            return
        self._make_signed(generation)
        self._make_one_time(generation, FIRST_PREKEYS)
        self._database.execute(
            "DELETE FROM kem_prekeys WHERE generation = ? AND is_last_resort = 0 AND uploaded = 0", generation
        )
        self._make_kem(generation, FIRST_KEM_PREKEYS)

    # ------------------------------------------------------------- making

    def _renew_signed(self, generation: int, *, does_kem: bool) -> None:
        """A new signed prekey when the old one has served its time, or is not yet one for PQXDH."""
        is_post_quantum = bool(self._newest_signed(generation)["is_post_quantum"])
        if is_post_quantum and not does_kem:
            return  # there is no place for its last resort: the old pair serves until there is
        # A clock that was set back leaves a key from the future; it is replaced a week after that future.
        is_old = self._age_of_signed(generation) >= SIGNED_PREKEY_ROTATION_SECONDS
        if is_old or (does_kem and not is_post_quantum):
            self._make_signed(generation, post_quantum=does_kem)
            self._delete_old()

    def _delete_old(self) -> None:
        kept_since = self._clock.now() - SIGNED_PREKEY_KEPT_SECONDS
        self._database.execute("DELETE FROM signed_prekeys WHERE created_at < ?", kept_since)
        self._database.execute(
            "DELETE FROM kem_prekeys WHERE is_last_resort = 1 AND created_at < ?", kept_since
        )

    def _make_signed(self, generation: int, *, post_quantum: bool = True) -> None:
        self._database.execute(
            "INSERT INTO signed_prekeys (generation, private, created_at, is_post_quantum)"
            " VALUES (?, ?, ?, ?)",
            generation,
            self._entropy(32),
            self._clock.now(),
            post_quantum,
        )
        if post_quantum:
            self._make_kem(generation, 1, is_last_resort=True)

    def _make_one_time(self, generation: int, count: int) -> None:
        self._database.execute_many(
            "INSERT INTO one_time_prekeys (generation, private) VALUES (?, ?)",
            [(generation, self._entropy(32)) for _ in range(count)],
        )

    def _make_kem(self, generation: int, count: int, *, is_last_resort: bool = False) -> None:
        now = self._clock.now()
        self._database.execute_many(
            "INSERT INTO kem_prekeys (generation, seed, is_last_resort, created_at) VALUES (?, ?, ?, ?)",
            [(generation, self._entropy(KEM_SEED_BYTES), is_last_resort, now) for _ in range(count)],
        )

    # ------------------------------------------------------------- finding

    def _signed_due(
        self, generation: int, identity: IdentityKeyPair, *, does_kem: bool
    ) -> tuple[PublicSignedPrekey | None, PublicKemPrekey | None]:
        """The newest signed prekey if the relay does not have it, with the last resort that belongs to it."""
        row = self._newest_signed(generation)
        if row["uploaded"] or (row["is_post_quantum"] and not does_kem):
            return None, None
        last_resort = self._last_resort(generation, identity) if row["is_post_quantum"] else None
        return _signed(row, identity), last_resort

    def _newest_signed(self, generation: int) -> sqlite3.Row:
        row = self._database.row(
            "SELECT * FROM signed_prekeys WHERE generation = ? ORDER BY id DESC", generation
        )
        if row is None:
            raise MessageStateError("a generation of keys without a signed prekey")
        return row

    def _age_of_signed(self, generation: int) -> float:
        newest: float = self._database.value(
            "SELECT max(created_at) FROM signed_prekeys WHERE generation = ?", generation
        )
        return self._clock.now() - newest

    def _last_resort(self, generation: int, identity: IdentityKeyPair) -> PublicKemPrekey:
        row = self._database.row(
            "SELECT * FROM kem_prekeys WHERE generation = ? AND is_last_resort = 1 ORDER BY id DESC",
            generation,
        )
        if row is None:
            raise MessageStateError("a signed prekey for PQXDH without a last resort")
        return _kem_prekey(row).signed_by(identity)

    def _one_time_not_uploaded(self, generation: int) -> tuple[PublicPrekey, ...]:
        rows = self._database.rows(
            "SELECT * FROM one_time_prekeys WHERE generation = ? AND uploaded = 0 ORDER BY id", generation
        )
        return tuple(_prekey(row).published() for row in rows)

    def _kem_not_uploaded(self, generation: int) -> list[sqlite3.Row]:
        return self._database.rows(
            "SELECT * FROM kem_prekeys WHERE generation = ? AND uploaded = 0 AND is_last_resort = 0"
            " ORDER BY id LIMIT ?",
            generation,
            MAX_KEM_PREKEYS_PER_UPLOAD,
        )

    def _mark(self, table: str, ids: Sequence[int]) -> None:
        self._database.execute_many(
            f"UPDATE {table} SET uploaded = 1 WHERE id = ?", [(prekey_id,) for prekey_id in ids]
        )

    def _find(self, table: str, generation: int, prekey_id: int) -> sqlite3.Row:
        row = self._database.row(
            f"SELECT * FROM {table} WHERE id = ? AND generation = ?", prekey_id, generation
        )
        if row is None and prekey_id > self._last_id(table):
            raise PrekeyUnknownError(f"prekey {prekey_id} of {table} was never made here")
        if row is None:
            raise PrekeyGoneError(f"prekey {prekey_id} of {table} is gone")
        return row

    def _last_id(self, table: str) -> int:
        """The highest number ever given in a table (AUTOINCREMENT keeps count)."""
        last = self._database.value("SELECT seq FROM sqlite_sequence WHERE name = ?", table)
        return int(last or 0)


def _prekey(row: sqlite3.Row) -> Prekey:
    return Prekey.from_private(row["id"], row["private"])


def _signed(row: sqlite3.Row, identity: IdentityKeyPair) -> PublicSignedPrekey:
    return _prekey(row).signed_by(identity, post_quantum=bool(row["is_post_quantum"]))


def _kem_prekey(row: sqlite3.Row) -> KemPrekey:
    return KemPrekey.from_seed(row["id"], row["seed"])
