"""The people this phone knows: user ids and phone numbers, their devices, and the identity of each.

A device's identity key never changes, because device numbers are never reused: another key under a known
number is an attack (or a relay gone wrong) and is refused. The identity of an **account** is its primary
device (client/peer_devices.py says whom to believe). Another one is what people should hear of: the history
gets a "security code changed" entry.
"""

from collections.abc import Sequence

from actors.ports import Clock, Entropy
from client.contacts.moving import move_name
from client.database import Database
from client.peer_devices import Believed, KnownDevices, judge_answer, judge_sender, proof_from_bytes
from client.records import Account, EntryKind, MessageState
from protocol.device_list import ListedDevice, SignedDeviceList, decode_device_list
from protocol.e2e import UntrustedDevicesError, UntrustedIdentityError, safety_number, verify_device_list
from protocol.e2e.errors import UntrustedDeviceError
from protocol.errors import BadDeviceListError
from protocol.ids import DeviceAddress, DeviceId, UserId

DEVICES_FRESH_SECONDS = 86_400.0
"""How long a user's devices are taken for what they were; then the relay is asked again."""


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
        if phone is not None and not self._is_group(user):
            before = self.phone_of(user)
            if before is not None and before != phone:
                move_name(self._database, before, phone)
            owner = self.user_of(phone)
            if owner is not None and owner != user:
                self._change_hands(owner, user)
            self._database.execute("UPDATE peers SET phone = ? WHERE user = ?", phone, user)
            waiting = self._database.execute(
                "UPDATE messages SET user = ? WHERE user IS NULL AND phone = ?", user, phone
            )
            if waiting.rowcount:
                self.note_contact(user)

    def _is_group(self, user: UserId) -> bool:
        """Whether this is a group: no number leads to one, or what is meant for a person would go there."""
        return self._database.value("SELECT 1 FROM groups WHERE id = ?", user) is not None

    def _change_hands(self, owner: UserId, user: UserId) -> None:
        """A number is somebody else's now: whoever had it before does not have it any more.

        Numbers do change hands; and a relay that lies says so to have what is meant for a number's owner. For
        the person it is the same number with another security code, so that is what is said, and a code
        that was compared holds back what goes to the new one.
        """
        self._database.execute("UPDATE peers SET phone = NULL WHERE user = ?", owner)
        if self._database.value("SELECT 1 FROM device_lists WHERE user = ?", owner) is None:
            return  # no more than a number was known of them
        self._database.execute(
            "INSERT OR IGNORE INTO verifications (user, identity_key, verified_at)"
            " SELECT ?, identity_key, verified_at FROM verifications WHERE user = ?",
            user,
            owner,
        )
        self._note_change(user)

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

    # ------------------------------------------------------------- whom to believe

    def known_devices(self, account: Account, user: UserId) -> KnownDevices:
        """What is believed so far of a user's devices."""
        is_own = user == account.user
        row = self._database.row("SELECT * FROM device_lists WHERE user = ?", user)
        highest: int | None = self._database.value(
            "SELECT max(device) FROM peer_devices WHERE user = ?", user
        )
        if row is None:
            own = ListedDevice(account.device, account.identity_key)
            return KnownDevices(own, 0, (own,), account.device, True) if is_own else KnownDevices()
        primary = ListedDevice(DeviceId(row["primary_device"]), row["primary_key"])
        devices = (primary,) if row["encoded"] is None else decode_device_list(row["encoded"]).devices
        # A primary of which our own has told was not met yet.
        highest = max(highest or 0, primary.device)
        return KnownDevices(primary, row["number"], devices, highest, is_own)

    def primary_key(self, account: Account, user: UserId) -> bytes | None:
        """The key that is the identity of an account: that of its primary. None while it is not known."""
        primary = self.known_devices(account, user).primary
        return None if primary is None else primary.identity_key

    def was_primary_key(self, user: UserId, key: bytes) -> bool:
        """Whether that is, or once was, the key of a user's primary. A companion's never is."""
        one = "SELECT 1 FROM primary_keys WHERE user = ? AND identity_key = ?"
        return self._database.value(one, user, key) is not None

    def learn_answer(
        self,
        account: Account,
        user: UserId,
        named: Sequence[tuple[DeviceId, bytes]],
        signed: SignedDeviceList | None,
        asked: Sequence[DeviceId] | None,
    ) -> bool:
        """The relay's answer to the question for a user's devices: whom to write to from now on.

        Args:
            account: who asks.
            user: whose devices they are.
            named: those for which there were keys, with their identity keys.
            signed: the list that vouches for them, if there is one.
            asked: for which of them was asked; None: for all.

        Returns:
            Whether the security code changed.

        Raises:
            UntrustedDevicesError: nobody vouches for them, or the list is none to be believed.
            UntrustedIdentityError: a known device with another key.
        """
        known = self.known_devices(account, user)
        listed = None if signed is None else verify_device_list(signed, user)
        rows = [ListedDevice(*row) for row in named]
        for device, key in rows:
            self._insist_on_key(DeviceAddress(user, device), key)
        believed = judge_answer(known, rows, listed, is_whole=asked is None)
        if believed is None:
            self._database.execute(
                "UPDATE device_lists SET checked_at = ? WHERE user = ?", self._clock.now(), user
            )
            return False
        there = [device.device for device in rows]
        before = [device.device for device in known.devices]
        # Who is listed and was not asked for stays as it was; who is new in the list is met by it.
        gone = [
            device.device
            for device in believed.devices
            if device.device not in there
            and (asked is None or device.device in asked or not self._is_active_or_new(user, device, before))
        ]
        return self._believe(account, user, believed, signed, gone)

    def meet_device(
        self, account: Account, address: DeviceAddress, identity_key: bytes, proof: bytes | None
    ) -> bool:
        """A device has opened a session with us, perhaps with a list that vouches for it.

        Returns:
            Whether the security code changed.

        Raises:
            UntrustedDeviceError: nobody vouches for it.
            UntrustedIdentityError: a known device with another key.
        """
        if self.identity_key(address) == identity_key:
            return False
        known = self.known_devices(account, address.user)
        signed = _verified(proof, address.user)
        listed = None if signed is None else decode_device_list(signed.encoded)
        believed = judge_sender(known, ListedDevice(address.device, identity_key), listed)
        if believed is None:
            self._meet_primary(address, identity_key)
            return False
        return self._believe(account, address.user, believed, signed, [])

    def _meet_primary(self, address: DeviceAddress, identity_key: bytes) -> None:
        """The primary that is known writes for the first time; its list is asked for before an answer."""
        self._learn_device(address, identity_key)
        self._database.execute(
            "UPDATE peer_devices SET active = 1 WHERE user = ? AND device = ?", address.user, address.device
        )

    def keep_list(self, account: Account, user: UserId, signed: SignedDeviceList) -> None:
        """A list that came by a way that needs no judging: from one's own primary, at linking or by itself.

        Raises:
            UntrustedDevicesError: it is not signed by whom it names first.
        """
        listed = verify_device_list(signed, user)
        believed = Believed(listed.primary, listed.number, listed.devices, is_new_identity=False)
        self._believe(account, user, believed, signed, [])

    def signed_list(self, user: UserId) -> SignedDeviceList | None:
        """The newest list of a user that is believed; None if there is none."""
        row = self._database.row("SELECT encoded, signature FROM device_lists WHERE user = ?", user)
        return None if row is None or row["encoded"] is None else SignedDeviceList(*row)

    def _believe(
        self,
        account: Account,
        user: UserId,
        believed: Believed,
        signed: SignedDeviceList | None,
        gone: Sequence[DeviceId],
    ) -> bool:
        self.remember(user)
        # One's own other devices; this one is none of those that are written to.
        others = [each for each in believed.devices if (user, each.device) != account.address]
        for device in others:
            self._learn_device(DeviceAddress(user, device.device), device.identity_key)
        self._database.execute("UPDATE peer_devices SET active = 0 WHERE user = ?", user)
        self._database.execute_many(
            "UPDATE peer_devices SET active = 1 WHERE user = ? AND device = ?",
            [(user, each.device) for each in others if each.device not in gone],
        )
        if believed.is_new_identity:
            # What the former primary has said may still come, also if only our own primary had told of it.
            self._database.execute(
                "INSERT OR IGNORE INTO peer_devices (user, device, identity_key, first_seen_at, active)"
                " SELECT user, primary_device, primary_key, ?, 0 FROM device_lists WHERE user = ?",
                self._clock.now(),
                user,
            )
        encoded, signature = signed or (None, None)
        # One that came from the account's primary at linking is noted here when another follows it.
        self._database.execute(
            "INSERT OR IGNORE INTO primary_keys SELECT user, primary_key FROM device_lists WHERE user = ?",
            user,
        )
        self._database.execute(
            "INSERT OR REPLACE INTO device_lists"
            " (user, primary_device, primary_key, number, encoded, signature, checked_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            user,
            *believed.primary,
            believed.number,
            encoded,
            signature,
            self._clock.now(),
        )
        self._database.execute(
            "INSERT OR IGNORE INTO primary_keys (user, identity_key) VALUES (?, ?)",
            user,
            believed.primary.identity_key,
        )
        # One whose proof had been taken away on the way here was taken for a primary.
        self._database.execute_many(
            "DELETE FROM primary_keys WHERE user = ? AND identity_key = ?",
            [(user, each.identity_key) for each in believed.devices if each != believed.primary],
        )
        if believed.is_new_identity:
            self._note_change(user)
        return believed.is_new_identity

    def _is_active_or_new(self, user: UserId, device: ListedDevice, before: Sequence[DeviceId]) -> bool:
        return device.device not in before or device.device in self.active_devices(user)

    def safety_number(self, account: Account, user: UserId) -> str | None:
        """The digits to compare, over the keys of the two primaries; None while theirs is not known."""
        own, theirs = self.primary_key(account, account.user), self.primary_key(account, user)
        if own is None or theirs is None:
            return None
        return safety_number((account.user, own), (user, theirs))

    def _learn_device(self, address: DeviceAddress, identity_key: bytes) -> None:
        if not self._insist_on_key(address, identity_key):
            self._database.execute(
                "INSERT INTO peer_devices (user, device, identity_key, first_seen_at, active)"
                " VALUES (?, ?, ?, ?, 0)",
                address.user,
                address.device,
                identity_key,
                self._clock.now(),
            )

    def _insist_on_key(self, address: DeviceAddress, identity_key: bytes) -> bool:
        """Whether the device is known, by this key. Raises UntrustedIdentityError: by another."""
        known = self.identity_key(address)
        if known is not None and known != identity_key:
            raise UntrustedIdentityError(f"{address} has another identity key than before")
        return known is not None

    def _note_change(self, user: UserId) -> None:
        self._database.execute(
            "INSERT INTO messages (id, kind, outgoing, user, stored_at, state) VALUES (?, ?, 0, ?, ?, ?)",
            self._entropy(8),
            EntryKind.SECURITY_CODE_CHANGED.value,
            user,
            self._clock.now(),
            MessageState.RECEIVED,
        )


def _verified(proof: bytes | None, user: UserId) -> SignedDeviceList | None:
    """The list of a proof, if one came.

    Raises:
        UntrustedDeviceError: one came, and it does not hold.
    """
    if proof is None:
        return None
    try:
        signed = proof_from_bytes(proof)
        verify_device_list(signed, user)
    except (BadDeviceListError, UntrustedDevicesError) as error:
        raise UntrustedDeviceError(str(error)) from None
    return signed
