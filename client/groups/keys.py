"""Sender keys: one's own for each group and who has it, and those of the others.

Rule 1: one's own key moves on in the transaction that stores the ciphertext, as a ratchet does.
Rule 2: a key is new after anybody has left, was removed or has got a new phone (``GroupState.departed_at``),
        after a device that has it was removed from its account, and after a week: who is not there any
        more can read nothing that is sent from then on.
Rule 3: nobody is given a key whom the log does not name as a member, nor a member under another identity key
        than the log has for them.
Rule 4: a message goes out when everybody's key is on the relay's disk, in front of it (``waits_for``). Who
        cannot be given it now, because their mailbox is full or their devices cannot be believed, holds
        nobody up: they ask for the message later (client/groups/healing.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from actors.ports import Clock, Entropy
from client.database import Database
from client.records import MessageState
from protocol.e2e.content import CONTENT_ID_BYTES, sent_at_from_unix
from protocol.e2e.errors import NoSessionError
from protocol.e2e.group_content import GroupKey
from protocol.e2e.group_message import decode_group_message
from protocol.e2e.sender_keys import GroupContext, MemberKey, SenderKey, SharedKey
from protocol.ids import DeviceAddress, DeviceId, GroupId, UserId
from protocol.membership import GroupState

KEY_SECONDS: Final = 7 * 86_400
"""A week, as a signed prekey: who steals a phone's keys in silence reads on for as long at most."""

TRY_AGAIN_SECONDS: Final = 3_600
"""How soon somebody who could not be given a key is tried again: perhaps they are there once more."""

KEPT_KEYS: Final = 5
"""Of one device, its newest: what was sent with an older one has come long ago, or is asked for again."""

KEPT_UNKNOWN: Final = 64
"""Of one device, for groups of which nothing has come yet: anybody can give us keys of what is no group."""


@dataclass(frozen=True, slots=True)
class OwnKey:
    """The key with which this device writes to a group now."""

    key: SenderKey
    epoch: int
    """The index of the newest entry that was known when it was made."""
    made_at: float


@dataclass(slots=True)
class Share:
    """How far somebody is with the present key."""

    devices: dict[DeviceId, None] = field(default_factory=dict)
    """Those for which it was sealed."""
    is_queued: bool = False
    """It waits to be sealed, for whatever devices they have then."""
    rests: bool = False
    """It could not be sent, and is not tried again at once."""

    def lacks(self, devices: Sequence[DeviceId]) -> bool:
        """Whether it has to be sent now to somebody with these devices; with none known it finds them out."""
        if self.is_queued or self.rests:
            return False
        return not self.devices or not all(device in self.devices for device in devices)


class SenderKeys:
    """The tables of keys. Its methods are to be called inside a transaction, but for those that only read."""

    def __init__(self, database: Database, entropy: Entropy, clock: Clock) -> None:
        self._database = database
        self._entropy = entropy
        self._clock = clock

    # ------------------------------------------------------------- one's own

    def own(self, group: GroupId) -> OwnKey | None:
        """The present key; None if there is none yet."""
        row = self._database.row("SELECT * FROM group_own_keys WHERE group_id = ?", group)
        return None if row is None else OwnKey(SenderKey.decode(row["record"]), row["epoch"], row["made_at"])

    def is_current(self, state: GroupState) -> bool:
        """Whether the present key may still be used (rule 2)."""
        own = self.own(state.group)
        if own is None:
            return False
        # A clock that was set back leaves a key from the future, which is not used for longer than others.
        age = self._clock.now() - own.made_at
        if own.epoch < state.departed_at or abs(age) >= KEY_SECONDS:
            return False
        return not self._has_removed_device(state.group)

    def _has_removed_device(self, group: GroupId) -> bool:
        """Whether a device was given the key that its account has removed since."""
        removed = self._database.value(
            "SELECT 1 FROM group_shares s JOIN recipients r ON r.message = s.message"
            " JOIN peer_devices p ON p.user = s.user AND p.device = r.device"
            " WHERE s.group_id = ? AND p.active = 0 LIMIT 1",
            group,
        )
        return removed is not None

    def renew(self, state: GroupState) -> None:
        """Make a new key, which nobody has yet; the old one and what was said of it leave the disk."""
        group = state.group
        self._database.execute(
            "UPDATE messages SET content = NULL WHERE state <> ? AND row IN"
            " (SELECT message FROM group_shares WHERE group_id = ?)",
            MessageState.PENDING,
            group,
        )
        self._database.execute(
            "DELETE FROM messages WHERE state = ? AND number IS NULL AND row IN"
            " (SELECT message FROM group_shares WHERE group_id = ?)",
            MessageState.PENDING,
            group,
        )
        self._database.execute("DELETE FROM group_shares WHERE group_id = ?", group)
        self._store_own(group, SenderKey.generate(self._entropy), state.epoch, self._clock.now())

    def forget_own(self, group: GroupId) -> None:
        """This account is no member any more."""
        self._database.execute("DELETE FROM group_own_keys WHERE group_id = ?", group)

    def _store_own(self, group: GroupId, key: SenderKey, epoch: int, made_at: float) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO group_own_keys (group_id, key_id, record, epoch, made_at)"
            " VALUES (?, ?, ?, ?, ?)",
            group,
            int.from_bytes(key.key_id, "big"),
            key.encode(),
            epoch,
            made_at,
        )

    def seal(self, context: GroupContext, sender: DeviceAddress, content: bytes) -> bytes:
        """Seal a message with the present key, which moves on (rule 1)."""
        own = self.own(context.group)
        assert own is not None  # the caller has made sure that it is current
        sealed = own.key.encrypt(content, sender, context)
        self._store_own(context.group, own.key, own.epoch, own.made_at)
        return sealed

    def sharing(self, group: GroupId) -> GroupKey:
        """What somebody is told who is to read from the next message on."""
        own = self.own(group)
        assert own is not None  # as above
        now = sent_at_from_unix(self._clock.now())
        return GroupKey(self._entropy(CONTENT_ID_BYTES), now, group, own.key.share())

    # ------------------------------------------------------------- who has it

    def note_share(self, group: GroupId, user: UserId, message: int) -> None:
        """The message in this row of the outbox gives somebody the present key."""
        own = self._database.value("SELECT key_id FROM group_own_keys WHERE group_id = ?", group)
        self._database.execute(
            "INSERT OR REPLACE INTO group_shares (group_id, user, message, key_id) VALUES (?, ?, ?, ?)",
            group,
            user,
            message,
            own,
        )

    def shares(self, group: GroupId) -> dict[UserId, Share]:
        """Who is being given the present key, or has it."""
        rows = self._database.rows(
            "SELECT s.user, m.state, m.number, m.stored_at, r.device FROM group_shares s"
            " JOIN messages m ON m.row = s.message LEFT JOIN recipients r ON r.message = s.message"
            " WHERE s.group_id = ? ORDER BY s.user, s.message, r.device",
            group,
        )
        found: dict[UserId, Share] = {}
        for row in rows:
            share = found.setdefault(UserId(row["user"]), Share())
            if row["device"] is not None:
                share.devices[DeviceId(row["device"])] = None
            is_sealed = row["number"] is not None
            share.is_queued = row["state"] == MessageState.PENDING and not is_sealed
            has_failed = row["state"] == MessageState.FAILED
            share.rests = has_failed and 0 <= self._clock.now() - row["stored_at"] < TRY_AGAIN_SECONDS
        return found

    def forget_share(self, group: GroupId, user: UserId) -> None:
        """What somebody was given is of no use to them: the next message gives it to them anew."""
        self._database.execute("DELETE FROM group_shares WHERE group_id = ? AND user = ?", group, user)

    def withdraw(self, group: GroupId, user: UserId) -> None:
        """Take back what has not been sealed yet: its reader is not who the log says, or is gone."""
        self._database.execute(
            "DELETE FROM messages WHERE state = ? AND number IS NULL AND row IN"
            " (SELECT message FROM group_shares WHERE group_id = ? AND user = ?)",
            MessageState.PENDING,
            group,
            user,
        )

    def waits_for(self, group: GroupId) -> list[UserId]:
        """Who has to be given the key before the next message may go out (rule 4)."""
        rows = self._database.rows(
            "SELECT DISTINCT s.user FROM group_shares s JOIN messages m ON m.row = s.message"
            " WHERE s.group_id = ? AND m.state = ? AND m.error_name IS NOT 'mailbox-full' ORDER BY s.user",
            group,
            MessageState.PENDING,
        )
        return [UserId(row["user"]) for row in rows]

    # ------------------------------------------------------------- the others'

    def learn(self, sender: DeviceAddress, shared: GroupKey) -> None:
        """A device says with which key it writes. One that is known already is further on here: it stays."""
        key = MemberKey.from_shared(shared.key)
        self._database.execute(
            "INSERT OR IGNORE INTO group_peer_keys (group_id, user, device, key_id, record, learned_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            shared.group,
            *sender,
            _number(shared.key),
            key.encode(),
            self._clock.now(),
        )
        self._database.execute(
            "DELETE FROM group_peer_keys WHERE group_id = ?1 AND user = ?2 AND device = ?3 AND key_id NOT IN"
            " (SELECT key_id FROM group_peer_keys WHERE group_id = ?1 AND user = ?2 AND device = ?3"
            "  ORDER BY learned_at DESC, key_id LIMIT ?4)",
            shared.group,
            *sender,
            KEPT_KEYS,
        )
        self._database.execute(
            "DELETE FROM group_peer_keys WHERE user = ?1 AND device = ?2 AND (group_id, key_id) IN"
            " (SELECT group_id, key_id FROM group_peer_keys WHERE user = ?1 AND device = ?2"
            "  AND group_id NOT IN (SELECT id FROM groups)"
            "  ORDER BY learned_at DESC, group_id, key_id LIMIT -1 OFFSET ?3)",
            *sender,
            KEPT_UNKNOWN,
        )

    def open(self, sender: DeviceAddress, context: GroupContext, ciphertext: bytes) -> bytes:
        """Open a message of a device; its key moves on.

        Raises:
            NoSessionError: it is sealed with a key that this phone was not given.
            EndToEndError: it does not open.
        """
        key_id = int.from_bytes(decode_group_message(ciphertext).key_id, "big")
        stored = self._database.value(
            "SELECT record FROM group_peer_keys"
            " WHERE group_id = ? AND user = ? AND device = ? AND key_id = ?",
            context.group,
            *sender,
            key_id,
        )
        if stored is None:
            raise NoSessionError("a group message with a key that was not given to this phone")
        key = MemberKey.decode(stored)
        content = key.decrypt(ciphertext, sender, context)
        self._database.execute(
            "UPDATE group_peer_keys SET record = ?"
            " WHERE group_id = ? AND user = ? AND device = ? AND key_id = ?",
            key.encode(),
            context.group,
            *sender,
            key_id,
        )
        return content

    def forget_devices(self, group: GroupId, users: Sequence[UserId]) -> None:
        """Who has left writes nothing any more that would be shown: their keys leave the disk."""
        self._database.execute_many(
            "DELETE FROM group_peer_keys WHERE group_id = ? AND user = ?", [(group, user) for user in users]
        )


def _number(shared: SharedKey) -> int:
    return int.from_bytes(shared.key_id, "big")
