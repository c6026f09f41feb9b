"""The ratchet sessions, one record for each device of a peer. Nothing is kept in memory.

A record is read, moved on and written back inside one transaction with what it produced. A copy in memory
could outlive a rollback, and then use a message key a second time; reading it again costs 0.2 ms.
"""

from actors.ports import Entropy
from client.database import Database
from client.encapsulation import system_encapsulate
from protocol.e2e import Bundle, DowngradedBundleError, Encapsulate, IdentityKeyPair, SessionRecord
from protocol.ids import DeviceAddress


class Sessions:
    """The table ``sessions``. Its methods are to be called inside a transaction."""

    def __init__(
        self, database: Database, entropy: Entropy, encapsulate: Encapsulate = system_encapsulate
    ) -> None:
        self._database = database
        self._entropy = entropy
        self._encapsulate = encapsulate

    def begin(
        self, record: SessionRecord, peer: DeviceAddress, identity: IdentityKeyPair, bundle: Bundle
    ) -> None:
        """Have a record begin a new session, which sends from now on; it is not stored yet.

        Raises:
            BadBundleError: the bundle does not verify.
            DowngradedBundleError: it lacks the KEM prekey that its signature speaks of; or it is good, and
                was, before this device did PQXDH: the relay plays an old one.
        """
        if not bundle.is_post_quantum and self._has_done_pqxdh(peer):
            raise DowngradedBundleError(f"{peer} has had KEM prekeys, and is shown without")
        record.initiate(identity, bundle, self._encapsulate)
        if bundle.is_post_quantum:
            self._database.execute(
                "UPDATE peer_devices SET is_post_quantum = 1 WHERE user = ? AND device = ?", *peer
            )

    def _has_done_pqxdh(self, peer: DeviceAddress) -> bool:
        return bool(
            self._database.value(
                "SELECT is_post_quantum FROM peer_devices WHERE user = ? AND device = ?", *peer
            )
        )

    def load(self, own: DeviceAddress, peer: DeviceAddress) -> SessionRecord:
        """The sessions with a device; an empty record if there are none."""
        record = self._database.value(
            "SELECT record FROM sessions WHERE user = ? AND device = ?", peer.user, peer.device
        )
        if record is None:
            return SessionRecord(own, peer, self._entropy)
        return SessionRecord.deserialise(record, own, peer, self._entropy)

    def store(self, peer: DeviceAddress, record: SessionRecord) -> None:
        """Replace the sessions with a device."""
        self._database.execute(
            "INSERT OR REPLACE INTO sessions (user, device, record) VALUES (?, ?, ?)",
            peer.user,
            peer.device,
            record.serialise(),
        )
