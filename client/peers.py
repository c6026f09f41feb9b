"""The people this phone knows: user ids and phone numbers, their devices, and the identity key of each.

A device's identity key never changes, because device numbers are never reused: another key under a known
number is an attack (or a relay gone wrong) and is refused. A **new** device brings a new key, which people
should hear of: the history gets a "security code changed" entry.
"""

from collections.abc import Sequence

from actors.ports import Clock, Entropy
from client.database import Database
from client.records import Account, EntryKind, MessageState
from protocol.e2e import UntrustedIdentityError, safety_number
from protocol.ids import DeviceAddress, DeviceId, UserId


class Peers:
    """The tables ``peers`` and ``peer_devices``."""

    def __init__(self, database: Database, entropy: Entropy, clock: Clock) -> None:
        self._database = database
        self._entropy = entropy
        self._clock = clock

    def phone_of(self, user: UserId) -> str | None:
        """The user's phone number, if known."""
        phone: str | None = self._database.value("SELECT phone FROM peers WHERE user = ?", user)
        return phone

    def user_of(self, phone: str) -> UserId | None:
        """The user behind a phone number, if known."""
        user = self._database.value("SELECT user FROM peers WHERE phone = ?", phone)
        return None if user is None else UserId(user)

    def remember(self, user: UserId, phone: str | None = None) -> None:
        """Note that a user exists and, if it is given, that this phone number is theirs now.

        What waits for the number to be looked up is theirs from now on, however the number became known: the
        next message to it would find its user at once, and be numbered before those that still wait. With a
        phone number only inside a transaction.
        """
        self._database.execute("INSERT OR IGNORE INTO peers (user) VALUES (?)", user)
        if phone is not None:
            # Numbers change hands: whoever had it before does not have it any more.
            self._database.execute("UPDATE peers SET phone = NULL WHERE phone = ? AND user <> ?", phone, user)
            self._database.execute("UPDATE peers SET phone = ? WHERE user = ?", phone, user)
            waiting = self._database.execute(
                "UPDATE messages SET user = ? WHERE user IS NULL AND phone = ?", user, phone
            )
            if waiting.rowcount:
                self.note_contact(user)

    def note_contact(self, user: UserId) -> None:
        """The person writes to this user, who is a contact from now on."""
        self._database.execute("UPDATE peers SET is_contact = 1 WHERE user = ? AND is_contact = 0", user)

    def identity_key(self, address: DeviceAddress) -> bytes | None:
        """The identity key known for a device."""
        key: bytes | None = self._database.value(
            "SELECT identity_key FROM peer_devices WHERE user = ? AND device = ?",
            address.user,
            address.device,
        )
        return key

    def active_devices(self, user: UserId) -> list[DeviceId]:
        """The devices that are to be written to, oldest first."""
        rows = self._database.rows(
            "SELECT device FROM peer_devices WHERE user = ? AND active = 1 ORDER BY device", user
        )
        return [DeviceId(row["device"]) for row in rows]

    def set_devices(self, user: UserId, devices: Sequence[tuple[DeviceId, bytes]]) -> bool:
        """The relay's list of a user's devices: these are active, all others are not.

        Returns:
            Whether the security code changed.

        Raises:
            UntrustedIdentityError: a known device with another key.
        """
        self.remember(user)
        changed = [self._learn_device(DeviceAddress(user, device), key) for device, key in devices]
        self._database.execute("UPDATE peer_devices SET active = 0 WHERE user = ?", user)
        self._database.execute_many(
            "UPDATE peer_devices SET active = 1 WHERE user = ? AND device = ?",
            [(user, device) for device, _ in devices],
        )
        return any(changed)

    def meet_device(self, address: DeviceAddress, identity_key: bytes) -> bool:
        """A device has opened a session with us. If it is the newest, it takes the older ones' place.

        Returns:
            Whether the security code changed.

        Raises:
            UntrustedIdentityError: a known device with another key.
        """
        newest = self._database.value("SELECT max(device) FROM peer_devices WHERE user = ?", address.user)
        if newest is not None and address.device < newest:
            # A straggler from a device that has been replaced: it can be read, but not written to.
            self._learn_device(address, identity_key)
            return False
        return self.set_devices(address.user, [(address.device, identity_key)])

    def safety_number(self, account: Account, user: UserId) -> str | None:
        """The digits to compare, over the newest device's key; None while no key is known."""
        key = self._database.value(
            "SELECT identity_key FROM peer_devices WHERE user = ? ORDER BY device DESC", user
        )
        if key is None:
            return None
        return safety_number((account.user, account.identity_key), (user, key))

    def _learn_device(self, address: DeviceAddress, identity_key: bytes) -> bool:
        known = self.identity_key(address)
        if known is not None and known != identity_key:
            raise UntrustedIdentityError(f"{address} has another identity key than before")
        if known is not None:
            return False
        others = self._database.rows(
            "SELECT identity_key FROM peer_devices WHERE user = ? ORDER BY device DESC", address.user
        )
        self._database.execute(
            "INSERT INTO peer_devices (user, device, identity_key, first_seen_at, active)"
            " VALUES (?, ?, ?, ?, 0)",
            address.user,
            address.device,
            identity_key,
            self._clock.now(),
        )
        changed = bool(others) and others[0]["identity_key"] != identity_key
        if changed:
            self._note_change(address.user)
        return changed

    def _note_change(self, user: UserId) -> None:
        self._database.execute(
            "INSERT INTO messages (id, kind, outgoing, user, stored_at, state) VALUES (?, ?, 0, ?, ?, ?)",
            self._entropy(8),
            EntryKind.SECURITY_CODE_CHANGED.value,
            user,
            self._clock.now(),
            MessageState.RECEIVED,
        )
