"""What the devices of one's own account are called: the same on all of them.

A name is given on any device and told to the others in the chat with oneself. Should two be given at the
same moment the primary decides: it tells again what it has heard if that changed anything there, and as what
it says comes everywhere in the same order, its last word is everybody's.
"""

from actors.ports import Clock, Entropy
from client.database import Database
from client.device_keys import DeviceKeys
from client.peers import Peers
from client.records import Account, IncomingDelivery, Received, Served
from client.send_queue import SendQueue
from protocol.e2e import content as contents
from protocol.e2e.siblings import DeviceName, Names, encode_sibling
from protocol.ids import DeviceId


class DeviceNames:
    """The table ``device_names``."""

    def __init__(
        self,
        database: Database,
        keys: DeviceKeys,
        peers: Peers,
        queue: SendQueue,
        entropy: Entropy,
        clock: Clock,
    ) -> None:
        self._database = database
        self._keys = keys
        self._peers = peers
        self._queue = queue
        self._entropy = entropy
        self._clock = clock

    def of(self, device: DeviceId) -> tuple[str | None, float | None]:
        """What a device is called, and when it was linked; None for what is not known."""
        row = self._database.row("SELECT name, linked_at FROM device_names WHERE device = ?", device)
        return (None, None) if row is None else (row["name"], row["linked_at"])

    def rename(self, device: DeviceId, name: str) -> str | None:
        """Call a device something, here and on the other devices.

        Returns:
            The id of the message that tells them; None if there are none.
        """
        with self._database.transaction():
            self._note(DeviceName(device, name, None))
            return self._tell()

    def are_told(self, message_id: str) -> bool:
        """Whether the message of ``rename`` is at the relay, where the other devices find it."""
        waits = "SELECT 1 FROM messages WHERE id = ? AND outgoing = 1 AND state = 0"
        return self._database.value(waits, bytes.fromhex(message_id)) is None

    def linked(self, device: DeviceId, name: str) -> None:
        """This primary has linked a device just now, which calls itself this. All names are told."""
        with self._database.transaction():
            self._note(DeviceName(device, name, int(self._clock.now())))
            self._tell()

    def take(self, account: Account, delivery: IncomingDelivery, told: Names) -> Received:
        """Another device of this account says what they are called."""
        changed = [self._note(name) for name in told.names]
        primary = self._peers.known_devices(account, account.user).primary
        if any(changed) and primary is not None and primary.device == account.device:
            self._tell()
        return Served(delivery.seq)

    def _note(self, name: DeviceName) -> bool:
        """Whether that is another name than the one so far."""
        before, _ = self.of(name.device)
        self._database.execute(
            "INSERT INTO device_names (device, name, linked_at) VALUES (?, ?, ?)"
            " ON CONFLICT (device) DO UPDATE SET name = excluded.name,"
            " linked_at = coalesce(excluded.linked_at, linked_at)",
            *name,
        )
        return before != name.name

    def _tell(self) -> str | None:
        """Tell all names to all other devices: whoever has missed some hears them too."""
        own = self._keys.user()
        others = self._peers.active_devices(own)
        if not others:
            return None
        account = self._keys.require_account()
        present = [account.device, *others]
        rows = [(device, *self.of(device)) for device in present]
        names = tuple(
            DeviceName(device, name, None if linked_at is None else int(linked_at))
            for device, name, linked_at in rows
            if name
        )
        id_, sent_at = self._entropy(contents.CONTENT_ID_BYTES), contents.sent_at_from_unix(self._clock.now())
        self._queue.queue_encoded(own, id_, encode_sibling(Names(id_, sent_at, names)))
        return id_.hex()
