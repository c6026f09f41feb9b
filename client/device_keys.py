"""The phone's own keys: Noise static key and identity, and whose prekeys are whose; and the account row.

Keys are made and stored before anything about them is said to the relay, so a crash at any moment leaves
keys that were never used, and never a published key whose private half is gone. Each registration makes a new
*generation* of keys; the newest one that the relay has registered is the account.
"""

import sqlite3
from functools import lru_cache

from actors.ports import Clock, Entropy
from client.database import Database
from client.errors import NoAccountError
from client.own_prekeys import TABLES as PREKEY_TABLES
from client.own_prekeys import OwnPrekeys
from client.records import Account, PrekeyUpload, RegistrationKeys
from protocol.e2e import IdentityKeyPair
from protocol.e2e.agreement import PrivatePrekeys
from protocol.ids import DeviceId, Seq, UserId


class DeviceKeys:
    """The table ``own_devices``, and what belongs to one: its prekeys."""

    def __init__(self, database: Database, entropy: Entropy, clock: Clock) -> None:
        self._database = database
        self._entropy = entropy
        self._prekeys = OwnPrekeys(database, entropy, clock)

    # ------------------------------------------------------------- the account

    def account(self) -> Account | None:
        """The account, or None before a registration was completed."""
        row = self._active_row()
        return None if row is None else _account(row)

    def require_account(self) -> Account:
        """The account. Raises NoAccountError."""
        row = self._require_row()
        return _account(row)

    def user(self) -> UserId:
        """Who this account is. Cheap, unlike the rest of it: no key is worked out. Raises NoAccountError."""
        return UserId(self._require_row()["user"])

    def identity(self) -> IdentityKeyPair:
        """The identity key pair of the account. Raises NoAccountError."""
        return _identity(self._require_row()["identity_seed"])

    def set_relay_key(self, relay_key: bytes) -> None:
        """Pin the relay's key. Raises NoAccountError."""
        with self._database.transaction():
            self._update_account("relay_key", relay_key)

    def set_phone(self, phone: str) -> None:
        """The account has another number now."""
        self._update_account("phone", phone)

    def mark_logged_out(self) -> None:
        """Another device took over. Raises NoAccountError."""
        with self._database.transaction():
            self._update_account("logged_out", 1)

    def cursor(self) -> Seq:
        """The highest stored delivery; 0 without an account."""
        row = self._active_row()
        return Seq(0 if row is None else row["cursor"])

    def set_cursor(self, seq: Seq) -> None:
        """Move the cursor. Only inside the transaction that stores what it stands for."""
        self._update_account("cursor", seq)

    # ------------------------------------------------------------- registration

    def begin_registration(self, phone: str, relay_url: str) -> RegistrationKeys:
        """Keys for a new device: those of an unfinished registration of the same phone, or new ones."""
        with self._database.transaction():
            row = self._database.row("SELECT * FROM own_devices WHERE user IS NULL")
            if row is None or (row["phone"], row["relay_url"]) != (phone, relay_url):
                self._drop_generations("user IS NULL")
                generation = self._make_generation(phone, relay_url)
                row = self._database.row("SELECT * FROM own_devices WHERE generation = ?", generation)
                assert row is not None, "it has just been inserted"
            return self._registration_keys(row)

    def complete_registration(self, user: UserId, device: DeviceId, relay_key: bytes | None) -> Account:
        """Make the pending generation the account and wipe what belonged to the one before."""
        with self._database.transaction():
            pending = self._database.value("SELECT generation FROM own_devices WHERE user IS NULL")
            if pending is None:
                raise NoAccountError("this home: no registration was begun")
            self._database.execute(
                "UPDATE own_devices SET user = ?, device = ?, relay_key = ? WHERE generation = ?",
                user,
                device,
                relay_key,
                pending,
            )
            self._prekeys.registered(pending)
            if self._database.value("SELECT count(*) FROM own_devices WHERE generation < ?", pending):
                self._forget_earlier_device(pending)
            return self.require_account()

    def _make_generation(self, phone: str, relay_url: str) -> int:
        generation = self._database.execute(
            "INSERT INTO own_devices (phone, relay_url, noise_private, identity_seed) VALUES (?, ?, ?, ?)",
            phone,
            relay_url,
            self._entropy(32),
            self._entropy(32),
        ).lastrowid
        assert generation is not None, "an INSERT has a row"
        self._prekeys.make_first(generation)
        return generation

    def _registration_keys(self, row: sqlite3.Row) -> RegistrationKeys:
        identity = _identity(row["identity_seed"])
        signed, prekeys, last_resort = self._prekeys.for_registration(row["generation"], identity)
        return RegistrationKeys(
            noise_private=row["noise_private"],
            identity_key=identity.public,
            signed_prekey=signed,
            prekeys=prekeys,
            last_resort=last_resort,
        )

    def _forget_earlier_device(self, generation: int) -> None:
        """A new device has new numbers, a new cursor and no sessions; history and peers stay.

        Its unaccepted messages become plaintexts in the queue again: the old device's numbers mean nothing.
        Should the relay have accepted one just before, the recipient knows it by its content id.
        """
        self._drop_generations(f"generation < {int(generation)}")
        self._database.execute("DELETE FROM sessions")
        self._database.execute("DELETE FROM parts")
        self._database.execute("DELETE FROM read_marks")
        # What was said to the other devices is void: this one is the only one again.
        own = self._require_row()["user"]
        self._database.execute("DELETE FROM messages WHERE outgoing = 1 AND user = ? AND state = 0", own)
        for table in ("device_lists", "peer_devices"):
            self._database.execute(f"DELETE FROM {table} WHERE user = ?", own)
        for table in ("history_transfers", "history_arrivals"):
            self._database.execute(f"DELETE FROM {table}")
        self._database.execute("UPDATE messages SET number = NULL WHERE outgoing = 1")
        # What was accepted keeps its ✓ and can get no second one: ticks go to the device that sent it.
        self._database.execute("UPDATE peers SET next_number = 1, bundles_stale = 0")

    def _drop_generations(self, which: str) -> None:
        doomed = f"SELECT generation FROM own_devices WHERE {which}"
        for table in PREKEY_TABLES:
            self._database.execute(f"DELETE FROM {table} WHERE generation IN ({doomed})")
        self._database.execute(f"DELETE FROM own_devices WHERE {which}")

    # ------------------------------------------------------------- prekeys

    def prekeys_to_upload(self, left_at_relay: int, kem_left: int | None) -> PrekeyUpload | None:
        """Make what is due, and give all that the relay has not confirmed; None if that is nothing."""
        with self._database.transaction():
            row = self._require_row()
            identity = _identity(row["identity_seed"])
            return self._prekeys.to_upload(row["generation"], identity, left_at_relay, kem_left)

    def prekeys_uploaded(self, upload: PrekeyUpload) -> None:
        """The relay has these; they are not offered again."""
        with self._database.transaction():
            self._prekeys.uploaded(upload)

    def find_prekeys(self, signed_id: int, one_time_id: int | None, kem_id: int | None) -> PrivatePrekeys:
        """The private halves of the prekeys that a first message names.

        Raises:
            PrekeyUnknownError: one of them has a number that this device has yet to give.
            PrekeyGoneError: one of them was used up or rotated away.
        """
        return self._prekeys.find(self._require_row()["generation"], signed_id, one_time_id, kem_id)

    def use_up(self, one_time_id: int | None, kem_id: int | None) -> None:
        """Delete one-time prekeys. Only inside the transaction that stores the session made with them."""
        self._prekeys.use_up(one_time_id, kem_id)

    def replace_prekeys(self) -> None:
        """Somebody was given prekeys of which nothing is known here: make new ones of all kinds.

        It means that this store was put back to a copy from before they were made. The relay hands the
        oldest prekeys out first, and replaces those whose numbers come again: the new ones end it.
        """
        self._prekeys.replace(self._require_row()["generation"])

    # ------------------------------------------------------------- rows

    def _active_row(self) -> sqlite3.Row | None:
        return self._database.row(
            "SELECT * FROM own_devices WHERE user IS NOT NULL ORDER BY generation DESC LIMIT 1"
        )

    def _require_row(self) -> sqlite3.Row:
        row = self._active_row()
        if row is None:
            raise NoAccountError("this home")
        return row

    def _update_account(self, column: str, value: int | bytes | str) -> None:
        generation = self._require_row()["generation"]
        self._database.execute(f"UPDATE own_devices SET {column} = ? WHERE generation = ?", value, generation)


@lru_cache(maxsize=4)
def _identity(seed: bytes) -> IdentityKeyPair:
    """The identity of a stored seed. Remembered, since deriving the public key is a tenth of each message."""
    return IdentityKeyPair.from_seed(seed)


def _account(row: sqlite3.Row) -> Account:
    return Account(
        user=UserId(row["user"]),
        device=DeviceId(row["device"]),
        phone=row["phone"],
        relay_url=row["relay_url"],
        relay_key=row["relay_key"],
        noise_private=row["noise_private"],
        identity_key=_identity(row["identity_seed"]).public,
        logged_out=bool(row["logged_out"]),
    )
