"""The devices of one's own account, as this phone's store knows them: list, names, a link's grant.

The primary signs the list; a companion keeps what it was given.
Not here: what the devices are called (device_names.py), what others' devices are (peers.py), bringing a list
to the relay (devices_sync.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from actors.ports import Clock
from client.database import Database
from client.device_keys import DeviceKeys
from client.device_names import DeviceNames
from client.peers import Peers
from client.records import Account
from protocol.device_list import DeviceList, ListedDevice, SignedDeviceList, decode_device_list
from protocol.e2e import sign_device_list
from protocol.e2e.linking import Grant, GrantedProfile, KnownPeer, grant_from_bytes, grant_to_bytes
from protocol.ids import DeviceAddress, DeviceId
from protocol.limits import MAX_UINT63

AGED_SECONDS = 7 * 86_400.0
"""A list that is older is signed anew, so that one which has not been renewed for long says that the primary
has not been there, or that somebody withholds the newer ones."""

MAX_PEERS_GRANTED = 400
"""People whom a new device is told of; there is room for about 450."""


@dataclass(frozen=True, slots=True)
class OwnDevice:
    """One device of the account, for people."""

    device: DeviceId
    name: str | None
    is_primary: bool
    is_this: bool
    linked_at: float | None
    """Unix seconds, by the clock of the primary; None if that has not told, or if it is the primary."""


class OwnDevices:
    """The tables ``link_grants`` and ``signed_lists``, and our row of ``device_lists``."""

    def __init__(
        self, database: Database, keys: DeviceKeys, peers: Peers, names: DeviceNames, clock: Clock
    ) -> None:
        self._database = database
        self._keys = keys
        self._peers = peers
        self._names = names
        self._clock = clock

    @property
    def address(self) -> DeviceAddress:
        """This device."""
        return self._keys.require_account().address

    @property
    def identity_key(self) -> bytes:
        """Of this device."""
        return self._keys.require_account().identity_key

    # ------------------------------------------------------------- the list

    def signed_list(self) -> SignedDeviceList | None:
        """The newest list of this account that this phone knows."""
        return self._peers.signed_list(self._keys.require_account().user)

    def listed(self) -> DeviceList | None:
        """The same, read. None if it is that of an earlier registration: this device is not in it."""
        signed = self.signed_list()
        listed = None if signed is None else decode_device_list(signed.encoded)
        account = self._keys.require_account()
        is_ours = listed is not None and listed.key_of(account.device) == account.identity_key
        return listed if is_ours else None

    def is_primary(self) -> bool:
        """Whether this device signs for the account; whoever has no list is the first."""
        listed = self.listed()
        return listed is None or listed.primary.device == self._keys.require_account().device

    def is_aged(self) -> bool:
        """Whether the list should be signed anew, although nothing has changed."""
        listed = self.listed()
        # A clock that was set back leaves a list from the future; a week after that future is soon enough.
        return listed is None or self._clock.now() - listed.issued_at >= AGED_SECONDS

    def sign(self, companions: Sequence[ListedDevice]) -> SignedDeviceList:
        """A new list: this device, then these. It is kept when the relay has it.

        Its number is above that of every list ever signed here, also of those that came to nothing: no two
        lists of this key have the same.

        Raises:
            BadDeviceListError: too many devices, or one twice.
        """
        account, known = self._keys.require_account(), self.listed()
        own = ListedDevice(account.device, account.identity_key)
        number = max(self._newest_number(), 0 if known is None else known.number) + 1
        device_list = DeviceList(account.user, number, int(self._clock.now()), (own, *companions))
        signed = sign_device_list(self._keys.identity(), device_list)
        self._database.execute(
            "INSERT OR REPLACE INTO signed_lists (id, identity_key, number) VALUES (1, ?, ?)",
            account.identity_key,
            number,
        )
        return signed

    def has_unused(self) -> bool:
        """Whether a list was signed here that is newer than the one that counts: it came to nothing."""
        known = self.listed()
        return known is not None and self._newest_number() > known.number

    def _newest_number(self) -> int:
        """Of the lists that this identity has signed."""
        number = self._database.value(
            "SELECT number FROM signed_lists WHERE identity_key = ?", self.identity_key
        )
        return int(number or 0)

    def keep(self, signed: SignedDeviceList) -> None:
        """This is the list of the account now: the relay has it.

        Raises:
            UntrustedDevicesError: it is not signed by whom it names first.
        """
        with self._database.transaction():
            account = self._keys.require_account()
            self._peers.keep_list(account, account.user, signed)

    # ------------------------------------------------------------- people's view

    def all(self) -> list[OwnDevice]:
        """The devices of the account, the primary first."""
        account, listed = self._keys.require_account(), self.listed()
        devices = (ListedDevice(account.device, account.identity_key),) if listed is None else listed.devices
        return [self._own_device(account, each.device, place == 0) for place, each in enumerate(devices)]

    def _own_device(self, account: Account, device: DeviceId, is_primary: bool) -> OwnDevice:
        name, linked_at = self._names.of(device)
        return OwnDevice(device, name, is_primary, device == account.device, linked_at)

    def rename(self, device: DeviceId, name: str) -> str | None:
        """Call a device something; returns the id of the word to the others, None if there are none."""
        return self._names.rename(device, name)

    def are_told(self, message_id: str) -> bool:
        """Whether the word of ``rename`` is at the relay."""
        return self._names.are_told(message_id)

    def linked(self, device: DeviceId, name: str) -> None:
        """A device was linked just now, and calls itself this: all devices are told."""
        self._names.linked(device, name)

    # ------------------------------------------------------------- linking

    def grant(self, device: DeviceId, signed: SignedDeviceList) -> Grant:
        """What a new device is given, with the list that names it."""
        account = self._keys.require_account()
        assert account.relay_key is not None  # pinned at registration
        return Grant(
            account.user,
            device,
            account.phone,
            account.relay_key,
            signed,
            self._profile(),
            tuple(self._known_peers(account)),
        )

    def _profile(self) -> GrantedProfile | None:
        row = self._database.row(
            "SELECT key, generation, version, name, about FROM own_profile WHERE version > 0"
        )
        return None if row is None else GrantedProfile(*row)

    def _known_peers(self, account: Account) -> Sequence[KnownPeer]:
        """Those to whom there was something to say last come first: if any, the others are left out."""
        rows = self._database.rows(
            "SELECT p.user, p.phone, l.primary_device, l.primary_key, l.number FROM peers p"
            " LEFT JOIN device_lists l USING (user) WHERE p.user <> ?"
            " ORDER BY (SELECT max(row) FROM messages m WHERE m.user = p.user) DESC NULLS LAST LIMIT ?",
            account.user,
            MAX_PEERS_GRANTED,
        )
        return [
            KnownPeer(
                row["user"],
                row["phone"],
                DeviceId(row["primary_device"] or 0),
                row["primary_key"],
                row["number"] or 0,
            )
            for row in rows
        ]

    def keep_grant(self, grant: Grant) -> None:
        """Note what the primary has given, before the relay is asked to make this its device.

        So if the answer is lost, or this process is killed, the next start knows whose device it is.
        """
        self._database.execute(
            "INSERT OR REPLACE INTO link_grants (id, encoded) VALUES (1, ?)", grant_to_bytes(grant)
        )

    def kept_grant(self) -> Grant | None:
        """The grant of a link that was not completed as far as this phone knows."""
        encoded = self._database.value("SELECT encoded FROM link_grants")
        return None if encoded is None else grant_from_bytes(encoded)

    def adopt(self, grant: Grant) -> Account:
        """The relay has made this a device of the account: so it is, in one transaction.

        Raises:
            NoAccountError: no keys were made for it.
        """
        with self._database.transaction():
            self._keys.complete_registration(grant.user, grant.device, grant.relay_key)
            self._database.execute(
                "UPDATE own_devices SET phone = ? WHERE user = ? AND device = ?",
                grant.phone,
                grant.user,
                grant.device,
            )
            account = self._keys.require_account()
            self._peers.keep_list(account, grant.user, grant.device_list)
            for peer in grant.peers:
                self._meet(peer)
            if grant.profile is not None:
                self._take_profile(grant.profile)
            self._database.execute("DELETE FROM link_grants")
            return account

    def _meet(self, peer: KnownPeer) -> None:
        self._peers.remember(peer.user, peer.phone)
        if peer.primary_device and peer.primary_key is not None:
            self._database.execute(
                "INSERT OR IGNORE INTO device_lists"
                " (user, primary_device, primary_key, number, encoded, signature, checked_at)"
                " VALUES (?, ?, ?, ?, NULL, NULL, 0)",
                peer.user,
                peer.primary_device,
                peer.primary_key,
                peer.list_number,
            )

    def _take_profile(self, profile: GrantedProfile) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO own_profile (id, name, about, picture, key, generation, version, is_due)"
            " VALUES (1, ?, ?, NULL, ?, ?, ?, 0)",
            profile.name,
            profile.about,
            profile.key,
            profile.generation,
            # Not the relay's: so all of it is fetched, the picture too, with the first connection.
            profile.version % MAX_UINT63 + 1,
        )
