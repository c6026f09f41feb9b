"""The outbox before encryption: plaintexts that wait for a user id, for keys, or for their turn.

Any process may queue; only the holder of the home's lock encrypts. ``encrypt`` is rule 1 of the store in one
function: ratchet states, ciphertexts and number are one transaction.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace

from actors.ports import Clock, Entropy
from client.blocks import Blocks
from client.chat_rules import ChatRulebook
from client.database import Database
from client.device_keys import DeviceKeys
from client.entry_kinds import kind_of
from client.errors import (
    BlockedError,
    CodeChangedError,
    ContentError,
    MessageStateError,
    OwnNumberError,
    TextTooLongError,
)
from client.groups.logs import GroupLogs
from client.peer_devices import proof_to_bytes
from client.peers import DEVICES_FRESH_SECONDS, Peers
from client.profiles import Profiles
from client.records import Account, EntryKind, MessageState, OutgoingSend, Part, QueuedMessage
from client.renewals import Renewals
from client.sessions import Sessions
from client.settings import Settings
from client.verifications import HELD, Trust, Verifications
from protocol.device_list import SignedDeviceList, decode_device_list
from protocol.e2e import Bundle, Content, Edit, MisuseError, Text
from protocol.e2e import content as contents
from protocol.e2e.content import decode
from protocol.e2e.retry import Service, encode_service
from protocol.e2e.siblings import Aside, encode_sibling
from protocol.ids import DeviceAddress, DeviceId, GroupId, MessageNumber, UserId
from protocol.limits import MAX_CIPHERTEXT_BYTES, MAX_DEVICES_PER_USER, MAX_LOOKUP_PHONES
from protocol.stanzas import Audience

# A user can be written to when the device list is fresh, not empty, and there is a session with each of them
# that does not wait to be made anew. A list is fresh for a day.
_READY = """
    NOT EXISTS (SELECT 1 FROM peers p WHERE p.user = m.user AND p.bundles_stale = 1)
    AND EXISTS (SELECT 1 FROM device_lists l WHERE l.user = m.user AND abs(l.checked_at - {now}) <= {fresh})
    AND EXISTS (SELECT 1 FROM peer_devices d WHERE d.user = m.user AND d.active = 1)
    AND NOT EXISTS (
        SELECT 1 FROM peer_devices d LEFT JOIN sessions s USING (user, device)
        WHERE d.user = m.user AND d.active = 1 AND s.record IS NULL)
    AND NOT EXISTS (
        SELECT 1 FROM peer_devices d JOIN session_renewals r USING (user, device)
        WHERE d.user = m.user AND d.active = 1 AND r.is_due = 1)
"""

Making = Callable[[bytes, int], Content]
"""Makes a content of the id and the time that the queue gives it."""

_SEALING_BYTES = 2_048
"""What a ciphertext has beside the content, at most: the keys of a first message and a device proof."""

_QUEUED = "m.outgoing = 1 AND m.state = 0 AND m.number IS NULL"


class SendQueue:
    """Messages in the state PENDING that have no number yet."""

    def __init__(
        self,
        database: Database,
        keys: DeviceKeys,
        peers: Peers,
        sessions: Sessions,
        settings: Settings,
        blocks: Blocks,
        profiles: Profiles,
        groups: GroupLogs,
        rules: ChatRulebook,
        entropy: Entropy,
        clock: Clock,
    ) -> None:
        self._database = database
        self._keys = keys
        self._peers = peers
        self._sessions = sessions
        self._settings = settings
        self._blocks = blocks
        self._profiles = profiles
        self._groups = groups
        self._rules = rules
        self._renewals = Renewals(database, clock)
        self._verifications = Verifications(database, keys, peers, clock)
        self._entropy = entropy
        self._clock = clock

    # ------------------------------------------------------------- putting in

    def queue(self, to: UserId | str, make: Making) -> Content:
        """Queue what ``make`` makes; its id and its time are fixed here."""
        now = self._clock.now()
        with self._database.transaction():
            account = self._keys.require_account()
            user, phone = self._recipient(to)
            if account.user == user or account.phone == phone:
                raise OwnNumberError(account.phone)
            if user is not None and self._blocks.is_blocked(user):
                raise BlockedError(phone or self._peers.phone_of(user) or f"{user:016x}")
            if user is not None and self._verifications.trust(user) is Trust.CHANGED:
                raise CodeChangedError(phone or self._peers.phone_of(user) or f"{user:016x}")
            content = make(self._entropy(contents.CONTENT_ID_BYTES), contents.sent_at_from_unix(now))
            content = self._rules.apply(user, content)
            generation = None
            if isinstance(content, Text) and not (user is not None and self._groups.is_group(user)):
                generation, key = self._profile_key_for(user) or (None, None)
                content = replace(content, profile_key=key)
            self._insert(content, user, phone, now, generation)
        return content

    def _profile_key_for(self, user: UserId | None) -> tuple[int, bytes] | None:
        """The profile key to send along, with its generation, if they may have it and have it not.

        Somebody who has yet to be looked up has got nothing from us, and is a contact by being written to.
        """
        audience = self._settings.privacy().profile
        if audience is Audience.NOBODY:
            return None
        if user is None:
            own = self._profiles.own()
            return (own.generation, own.key) if own is not None and own.version else None
        return self._profiles.key_for(user)

    def _recipient(self, to: UserId | str) -> tuple[UserId | None, str | None]:
        if isinstance(to, str):
            user = self._peers.user_of(to)
            if user is not None:
                self._peers.note_contact(user)
            return user, to
        if self._groups.is_group(to):
            self._groups.check_may_write(self._keys.require_account(), GroupId(to))
            return to, None
        self._peers.remember(to)
        self._peers.note_contact(to)
        return to, None

    def _insert(
        self,
        content: Content,
        user: UserId | None,
        phone: str | None,
        now: float,
        generation: int | None,
    ) -> None:
        self._database.execute(
            "INSERT INTO messages"
            " (id, kind, outgoing, user, phone, content, stored_at, state, profile_generation, life)"
            " VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?)",
            content.id,
            kind_of(content).value,
            user,
            phone,
            _encoded(content),
            now,
            MessageState.PENDING,
            generation,
            content.marks.life,
        )

    def queue_service(self, user: UserId, service: Service, life: int | None = None) -> None:
        """Queue what phones tell each other and nobody sees. Only inside a transaction.

        Args:
            user: whose phones are told.
            service: what they are told.
            life: seconds after which it has to be gone from all disks: it repeats a message that disappears.
        """
        self.queue_encoded(user, service.id, encode_service(service), life)

    def queue_encoded(self, user: UserId, service_id: bytes, encoded: bytes, life: int | None = None) -> int:
        """The same of a service of another kind; returns its row. Only inside a transaction."""
        self._database.execute("INSERT OR IGNORE INTO peers (user) VALUES (?)", user)
        row = self._database.execute(
            "INSERT INTO messages (id, kind, outgoing, user, content, stored_at, state, life)"
            " VALUES (?, ?, 1, ?, ?, ?, ?, ?)",
            service_id,
            EntryKind.SERVICE.value,
            user,
            encoded,
            self._clock.now(),
            MessageState.PENDING,
            life,
        ).lastrowid
        assert row is not None, "an INSERT has a row"
        return row

    def queue_for_device(
        self, user: UserId, service_id: bytes, encoded: bytes, device: DeviceId, life: int | None = None
    ) -> None:
        """The same for one device of the user alone: the others get word that it is not for them."""
        row = self.queue_encoded(user, service_id, encoded, life)
        self._database.execute("UPDATE messages SET for_device = ? WHERE row = ?", device, row)

    # ------------------------------------------------------------- what is missing

    def phones_to_look_up(self) -> list[str]:
        """Phones of queued messages without a user, oldest first."""
        rows = self._database.rows(
            f"SELECT m.phone FROM messages m WHERE {_QUEUED} AND m.user IS NULL"
            " GROUP BY m.phone ORDER BY min(m.row) LIMIT ?",
            MAX_LOOKUP_PHONES,
        )
        return [row["phone"] for row in rows]

    def has_unsent(self) -> bool:
        """Whether anything is not accepted yet, or waits to be sent at all."""
        return bool(self._database.value("SELECT 1 FROM messages WHERE state = 0 LIMIT 1"))

    def learn_phone(self, phone: str, user: UserId | None) -> None:
        """The answer to a look-up."""
        with self._database.transaction():
            if user is None or self._groups.is_group(user):  # a number is nobody's, or a relay lies
                self._fail("m.user IS NULL AND m.phone = ?", phone, "unknown-user")
                return
            self._peers.remember(user, phone)

    def users_needing_bundles(self) -> list[UserId]:
        """Users of queued messages whose devices or sessions are missing, oldest first."""
        rows = self._database.rows(
            f"SELECT m.user FROM messages m WHERE {_QUEUED} AND m.user IS NOT NULL AND NOT ({self._ready})"
            " AND m.user NOT IN (SELECT id FROM groups)"
            " GROUP BY m.user ORDER BY min(m.row)"
        )
        return [UserId(row["user"]) for row in rows]

    @property
    def _ready(self) -> str:
        return _READY.format(now=float(self._clock.now()), fresh=DEVICES_FRESH_SECONDS)

    def devices_needing_bundles(self, user: UserId) -> list[DeviceId] | None:
        """Of which devices of a user the keys are needed; none: only the list is. None: of all there are."""
        known = self._peers.active_devices(user)
        is_stale = self._database.value("SELECT bundles_stale FROM peers WHERE user = ?", user)
        if is_stale or not known:
            return None
        return [device for device in known if self._needs_bundle(DeviceAddress(user, device))]

    def _needs_bundle(self, peer: DeviceAddress) -> bool:
        has_session = self._database.value("SELECT 1 FROM sessions WHERE user = ? AND device = ?", *peer)
        return not has_session or self._renewals.is_due(peer)

    def learn_bundles(
        self,
        user: UserId,
        bundles: Sequence[tuple[DeviceId, Bundle]],
        signed: SignedDeviceList | None = None,
        asked: Sequence[DeviceId] | None = None,
    ) -> bool:
        """The answer to a bundle request: the user's devices, and sessions with those that have none."""
        with self._database.transaction():
            account = self._keys.require_account()
            named = [(device, bundle.identity_key) for device, bundle in bundles]
            changed = self._peers.learn_answer(account, user, named, signed, asked)
            self._verifications.hold(user)
            for device, bundle in bundles:
                if (user, device) != account.address:
                    self._initiate(account, DeviceAddress(user, device), bundle)
            # Nothing of what was asked for is there: then it is time to ask for all.
            is_stale = bool(asked) and not bundles
            self._database.execute("UPDATE peers SET bundles_stale = ? WHERE user = ?", is_stale, user)
            if (asked is None and not bundles) or not self._peers.active_devices(user):
                self._fail("m.user = ?", user, "no-devices")
            return changed

    def _initiate(self, account: Account, peer: DeviceAddress, bundle: Bundle) -> None:
        record = self._sessions.load(account.address, peer)
        # The keys of a device with which there is a session are not needed; another session would only
        # cost it a one-time prekey and both of us the ratchet's healing so far.
        if not record.can_encrypt or self._renewals.is_due(peer):
            self._sessions.begin(record, peer, self._keys.identity(), bundle)
            self._sessions.store(peer, record)
            self._renewals.made(peer)

    def fail_queued(self, user: UserId, error_name: str) -> list[str]:
        """Give up what waits for this user."""
        with self._database.transaction():
            return self._fail("m.user = ?", user, error_name)

    def _fail(self, condition: str, value: int | str, error_name: str) -> list[str]:
        rows = self._database.rows(
            f"SELECT m.row, m.id FROM messages m WHERE {_QUEUED} AND {condition} ORDER BY m.row", value
        )
        self._database.execute_many(
            "UPDATE messages SET state = ?, error_name = ? WHERE row = ?",
            [(MessageState.FAILED, error_name, row["row"]) for row in rows],
        )
        return [row["id"].hex() for row in rows]

    # ------------------------------------------------------------- taking out

    def next_to_encrypt(self) -> QueuedMessage | None:
        """The oldest queued message whose recipient can be written to."""
        row = self._database.row(
            f"SELECT m.id, m.user FROM messages m WHERE {_QUEUED} AND m.user IS NOT NULL AND {self._ready}"
            f" AND NOT {HELD} ORDER BY m.row LIMIT 1"
        )
        return None if row is None else QueuedMessage(row["id"].hex(), UserId(row["user"]))

    def fail_too_large(self) -> list[str]:
        """Give up what does not fit a frame with a ciphertext for each of the recipient's devices."""
        with self._database.transaction():
            rows = self._database.rows(
                f"SELECT m.* FROM messages m WHERE {_QUEUED} AND m.user IS NOT NULL"
                " AND length(m.content) > ? AND m.user NOT IN (SELECT id FROM groups)",
                MAX_CIPHERTEXT_BYTES // MAX_DEVICES_PER_USER - _SEALING_BYTES,
            )
            too_large = [row for row in rows if _size(row, self._peers.active_devices(row["user"])) > 0]
            self._database.execute_many(
                "UPDATE messages SET state = ?, error_name = ? WHERE row = ?",
                [(MessageState.FAILED, "message-too-large", row["row"]) for row in too_large],
            )
            return [row["id"].hex() for row in too_large]

    def encrypt(self, message_id: str) -> OutgoingSend:
        """Encrypt one message for every device of its recipient, and number it: one transaction."""
        with self._database.transaction():
            account = self._keys.require_account()
            row = self._first_queued(message_id)
            chat = UserId(row["user"])
            parts = tuple(
                self._seal(account, chat, device, _content_for(row, device)) for device in self._devices(chat)
            )
            self._database.execute_many(
                "INSERT INTO parts (message, device, ciphertext) VALUES (?, ?, ?)",
                [(row["row"], part.device, part.ciphertext) for part in parts],
            )
            # Kept when the parts are gone: only these devices may ask for the message again.
            self._database.execute_many(
                "INSERT OR IGNORE INTO recipients (message, device) VALUES (?, ?)",
                [(row["row"], part.device) for part in parts],
            )
            number = self._give_number(row["row"], chat)
            return OutgoingSend(message_id, chat, number, parts, life=row["life"])

    def _first_queued(self, message_id: str) -> sqlite3.Row:
        row = self._database.row(
            f"SELECT * FROM messages m WHERE {_QUEUED} AND m.id = ?", bytes.fromhex(message_id)
        )
        if row is None or row["user"] is None:
            raise MessageStateError(f"message {message_id} does not wait for encryption")
        earlier = self._database.value(
            f"SELECT 1 FROM messages m WHERE {_QUEUED} AND m.user = ? AND m.row < ?", row["user"], row["row"]
        )
        if earlier:
            raise MessageStateError(f"message {message_id} is not the first of its chat")
        return row

    def _devices(self, chat: UserId) -> list[DeviceId]:
        devices = self._peers.active_devices(chat)
        if not devices:
            raise MessageStateError(f"no device of {chat:016x} is known")
        return devices

    def _seal(self, account: Account, chat: UserId, device: DeviceId, content: bytes) -> Part:
        peer = DeviceAddress(chat, device)
        record = self._sessions.load(account.address, peer)
        if not record.can_encrypt:
            raise MessageStateError(f"there is no session with {peer}")
        ciphertext = record.encrypt(content, self._proof(account))
        self._sessions.store(peer, record)
        return Part(device, ciphertext)

    def _proof(self, account: Account) -> bytes | None:
        """What a companion shows to devices that may not know it; a primary needs none."""
        signed = self._peers.signed_list(account.user)
        if signed is None or decode_device_list(signed.encoded).primary.device == account.device:
            return None
        return proof_to_bytes(signed)

    def _give_number(self, row: int, chat: UserId) -> MessageNumber:
        number: int = self._database.value("SELECT next_number FROM peers WHERE user = ?", chat)
        self._database.execute("UPDATE messages SET number = ? WHERE row = ?", number, row)
        self._database.execute("UPDATE peers SET next_number = ? WHERE user = ?", number + 1, chat)
        return MessageNumber(number)


def _size(row: sqlite3.Row, devices: Sequence[DeviceId]) -> int:
    """By how many bytes, at most, a message is too large for these devices."""
    contents_ = [_content_for(row, device) for device in devices]
    return sum(len(content) + _SEALING_BYTES for content in contents_) - MAX_CIPHERTEXT_BYTES


def _content_for(row: sqlite3.Row, device: DeviceId) -> bytes:
    """What a device gets of a message."""
    content: bytes = row["content"]
    if row["for_device"] in (None, device):
        return content
    whole = decode(content)
    return encode_sibling(Aside(whole.id, whole.sent_at, DeviceId(row["for_device"])))


def _encoded(content: Content) -> bytes:
    try:
        return contents.encode(content)
    except MisuseError as error:
        is_text = isinstance(content, Text | Edit)
        raise (TextTooLongError if is_text else ContentError)(str(error)) from None
