"""Deliveries: opened, stored and counted in one transaction, so that they can be acknowledged.

A delivery at or below the cursor was stored before: the acknowledgement got lost, and it is acknowledged
again. It is still tried: if it opens and is new, the relay has lost count, as one restored from a backup may,
and the message must not be lost with it. One that cannot be opened is stored as an event that people see, and
acknowledged: it would never open, and everything behind it would wait for it. What cannot be read, whatever
it is, is a value here, not an exception; an exception means that the disk failed, and then nothing has
happened.
"""

from collections.abc import Sequence

from actors.ports import Clock, Entropy
from client.database import Database
from client.device_keys import DeviceKeys
from client.peers import Peers
from client.profiles import Profiles
from client.records import (
    Account,
    Duplicate,
    EntryKind,
    IncomingDelivery,
    MessageState,
    Received,
    ReceivedMessage,
    Undecryptable,
)
from client.sessions import Sessions
from protocol.e2e import Content, DuplicateMessageError, EndToEndError, Text
from protocol.e2e import content as contents
from protocol.ids import Seq


class Receiving:
    """Turns deliveries into history."""

    def __init__(
        self,
        database: Database,
        keys: DeviceKeys,
        peers: Peers,
        sessions: Sessions,
        profiles: Profiles,
        entropy: Entropy,
        clock: Clock,
    ) -> None:
        self._database = database
        self._keys = keys
        self._peers = peers
        self._sessions = sessions
        self._profiles = profiles
        self._entropy = entropy
        self._clock = clock

    def cursor(self) -> Seq:
        """The highest stored delivery."""
        return self._keys.cursor()

    def receive_all(self, deliveries: Sequence[IncomingDelivery]) -> list[Received]:
        """Store some deliveries in one transaction."""
        with self._database.transaction():
            account = self._keys.require_account()
            return [self._receive(account, delivery) for delivery in deliveries]

    def _receive(self, account: Account, delivery: IncomingDelivery) -> Received:
        repeated = delivery.seq <= self._keys.cursor()
        if not repeated:
            self._keys.set_cursor(delivery.seq)
        self._peers.remember(delivery.sender.user, delivery.phone)
        try:
            plaintext, changed = self._open(account, delivery)
        except DuplicateMessageError:
            return Duplicate(delivery.seq)
        except EndToEndError as error:
            # A repetition from an older chain of the ratchet looks like a forgery; it is the repetition.
            return Duplicate(delivery.seq) if repeated else self._store_undecryptable(delivery, error.name)
        try:
            content = contents.decode(plaintext)
        except EndToEndError as error:
            return self._store_undecryptable(delivery, error.name)
        return self._store_message(delivery, content, plaintext, changed)

    def _open(self, account: Account, delivery: IncomingDelivery) -> tuple[bytes, bool]:
        """Decrypt, and store what that changed: the session, the peer's key, the prekey that is used up."""
        sender = delivery.sender
        record = self._sessions.load(account.address, sender)
        plaintext, first = record.decrypt(
            delivery.ciphertext,
            self._keys.identity(),
            self._peers.identity_key(sender),
            self._keys.find_prekeys,
        )
        changed = False
        if first is not None:
            changed = self._peers.meet_device(sender, first.identity_key)
            self._keys.use_up(first.prekey_id)
        self._sessions.store(sender, record)
        return plaintext, changed

    def _store_message(
        self, delivery: IncomingDelivery, content: Content, plaintext: bytes, changed: bool
    ) -> Received:
        kind = EntryKind.TEXT if isinstance(content, Text) else EntryKind.UNKNOWN
        if not self._insert(delivery, content.id, kind, plaintext, None):
            return Duplicate(delivery.seq)
        if isinstance(content, Text) and content.profile_key is not None:
            self._profiles.learn_key(delivery.sender.user, content.profile_key)
        return ReceivedMessage(
            seq=delivery.seq,
            sender=delivery.sender,
            number=delivery.number,
            message_id=content.id.hex(),
            content=content,
            phone=self._peers.phone_of(delivery.sender.user),
            security_code_changed=changed,
        )

    def _store_undecryptable(self, delivery: IncomingDelivery, error_name: str) -> Undecryptable:
        event_id = self._entropy(contents.CONTENT_ID_BYTES)
        self._insert(delivery, event_id, EntryKind.UNDECRYPTABLE, None, error_name)
        return Undecryptable(delivery.seq, delivery.sender, delivery.number, event_id.hex(), error_name)

    def _insert(
        self,
        delivery: IncomingDelivery,
        message_id: bytes,
        kind: EntryKind,
        content: bytes | None,
        error_name: str | None,
    ) -> bool:
        """Add a line to the history; False if the same message from the same device is there already."""
        inserted = self._database.execute(
            "INSERT OR IGNORE INTO messages"
            " (id, kind, outgoing, user, device, number, content, stored_at, accepted_at, state, error_name)"
            " VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?)",
            message_id,
            kind.value,
            delivery.sender.user,
            delivery.sender.device,
            delivery.number,
            content,
            self._clock.now(),
            delivery.accepted_at,
            MessageState.RECEIVED,
            error_name,
        )
        return inserted.rowcount == 1
