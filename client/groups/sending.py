"""The outbox of groups: what is queued goes out when everybody who is to read it can.

Before a message is sealed the group's log has to be here as far as the relay has spoken of it, the sender key
has to be current, and everybody has to have it (keys.py). Sealing is rule 1 of the store: ciphertext, number
and key are one transaction.
"""

import json
import sqlite3
from typing import Final

from client.database import Database
from client.device_keys import DeviceKeys
from client.errors import MessageStateError
from client.groups.keys import SenderKeys, Share
from client.groups.logs import GroupLogs
from client.groups.records import Standing
from client.peers import Peers
from client.records import Account, MessageState, OutgoingSend, Part, QueuedMessage
from client.send_queue import SendQueue
from protocol.e2e.group_content import encode_group_service
from protocol.e2e.sender_keys import GroupContext
from protocol.ids import DeviceId, GroupId, MessageNumber, UserId
from protocol.membership import GroupState

EVERY_DEVICE: Final = DeviceId(0)
"""For whom the one part of a group message is."""

_QUEUED: Final = (
    "SELECT m.row, m.id, m.user, m.content, m.life FROM messages m JOIN groups g ON g.id = m.user"
    " WHERE m.state = 0 AND m.outgoing = 1 AND m.number IS NULL"
)


class GroupSending:
    """Seals what is queued for groups."""

    def __init__(
        self,
        database: Database,
        own: DeviceKeys,
        peers: Peers,
        queue: SendQueue,
        logs: GroupLogs,
        keys: SenderKeys,
    ) -> None:
        self._database = database
        self._own = own
        self._peers = peers
        self._queue = queue
        self._logs = logs
        self._keys = keys
        self._read_again: dict[tuple[GroupId, bytes, UserId, bytes], None] = {}  # once for each new key

    def give_up_hopeless(self) -> list[str]:
        """Fail what can never be sent, because this account may not; the ids of it."""
        failed: list[str] = []
        with self._database.transaction():
            user = self._own.user()
            for row in self._database.rows(f"{_QUEUED} ORDER BY m.row"):
                reason = self.refusal(GroupId(row["user"]), user)
                if reason is not None:
                    self._database.execute(
                        "UPDATE messages SET state = ?, error_name = ? WHERE row = ?",
                        MessageState.FAILED,
                        reason,
                        row["row"],
                    )
                    failed.append(row["id"].hex())
        return failed

    def refusal(self, group: GroupId, user: UserId) -> str | None:
        """Why this account may not write to a group, as the relay's error would be called."""
        if self._logs.standing(group) in (Standing.LEFT, Standing.REMOVED):
            return "not-a-member"
        state = self._logs.state(group)
        if state is not None and user in state.members and not state.may_send(user):
            return "not-allowed"
        return None

    # ------------------------------------------------------------- who is to have the key

    def next_to_encrypt(self) -> QueuedMessage | None:
        """The oldest queued message to a group in which everybody has the key; others are being given it."""
        seen: dict[GroupId, None] = {}
        for row in self._database.rows(f"{_QUEUED} ORDER BY m.row"):
            group = GroupId(row["user"])
            if group in seen:
                continue
            seen[group] = None
            with self._database.transaction():
                if self._prepare(group):
                    return QueuedMessage(row["id"].hex(), UserId(group))
        return None

    def _prepare(self, group: GroupId) -> bool:
        """See to it that everybody is given the key; whether they have it."""
        account = self._own.require_account()
        state = self._ready(account, group)
        if state is None:
            return False
        if not self._keys.is_current(state):
            self._keys.renew(state)
        shares, devices, keys = self._keys.shares(group), self._devices(state), self._primary_keys(state)
        for user in state.members:
            share = shares.get(user, Share())
            if user == account.user:
                if user in devices and share.lacks(devices[user]):  # one's own other devices
                    self._queue_share(group, user)
            elif self._is_trusted(account, state, user, keys.get(user)):
                if share.lacks(devices.get(user, [])):
                    self._queue_share(group, user)
            elif share.is_queued:
                self._keys.withdraw(group, user)
        return not self._keys.waits_for(group)

    def _ready(self, account: Account, group: GroupId) -> GroupState | None:
        """The group's state if it can be written to now."""
        state = self._logs.state(group)
        if state is None or self._logs.problem(group) is not None or self._logs.is_behind(group):
            return None
        return state if account.user in state.members else None

    def _queue_share(self, group: GroupId, user: UserId) -> None:
        service = self._keys.sharing(group)
        row = self._queue.queue_encoded(user, service.id, encode_group_service(service))
        self._keys.note_share(group, user, row)

    def _is_trusted(self, account: Account, state: GroupState, user: UserId, known: bytes | None) -> bool:
        """Whether the key that the log has for a member is theirs, as far as is known; it may be to come."""
        if known is None or known == state.members[user].key:
            return True
        if self._database.value("SELECT bundles_stale FROM peers WHERE user = ?", user):
            return True  # their devices are asked for before anything is sealed, and then it is looked again
        mark = (state.group, state.head, user, known)
        if mark not in self._read_again:
            self._read_again[mark] = None
            self._logs.read_again(account, state.group)
        now = self._logs.state(state.group)
        return now is not None and user in now.members and now.members[user].key == known

    def _devices(self, state: GroupState) -> dict[UserId, list[DeviceId]]:
        """The devices of all members that are to be written to, as far as they are known."""
        rows = self._database.rows(
            "SELECT user, device FROM peer_devices WHERE active = 1"
            " AND user IN (SELECT value FROM json_each(?)) ORDER BY user, device",
            json.dumps(list(state.members)),
        )
        found: dict[UserId, list[DeviceId]] = {}
        for row in rows:
            found.setdefault(UserId(row["user"]), []).append(DeviceId(row["device"]))
        return found

    def _primary_keys(self, state: GroupState) -> dict[UserId, bytes]:
        """The identity keys of all members' primaries, as far as they are known."""
        rows = self._database.rows(
            "SELECT user, primary_key FROM device_lists WHERE user IN (SELECT value FROM json_each(?))",
            json.dumps(list(state.members)),
        )
        return {UserId(row["user"]): row["primary_key"] for row in rows}

    # ------------------------------------------------------------- sealing

    def encrypt(self, message_id: str) -> OutgoingSend:
        """Seal one message for everybody, and number it: one transaction.

        Raises:
            MessageStateError: it does not wait for that.
        """
        with self._database.transaction():
            account = self._own.require_account()
            row = self._database.row(f"{_QUEUED} AND m.id = ?", bytes.fromhex(message_id))
            state = None if row is None else self._ready(account, GroupId(row["user"]))
            if row is None or state is None or not self._keys.is_current(state):
                raise MessageStateError(f"message {message_id} does not wait for a group")
            context = GroupContext(state.group, state.epoch, state.head)
            sealed = self._keys.seal(context, account.address, row["content"])
            return self._number(row, state, Part(EVERY_DEVICE, sealed))

    def _number(self, row: sqlite3.Row, state: GroupState, part: Part) -> OutgoingSend:
        chat = UserId(state.group)
        number: int = self._database.value("SELECT next_number FROM peers WHERE user = ?", chat)
        self._database.execute("UPDATE peers SET next_number = ? WHERE user = ?", number + 1, chat)
        self._database.execute(
            "UPDATE messages SET number = ?, epoch = ? WHERE row = ?", number, state.epoch, row["row"]
        )
        self._database.execute(
            "INSERT INTO parts (message, device, ciphertext) VALUES (?, ?, ?)",
            row["row"],
            part.device,
            part.ciphertext,
        )
        return OutgoingSend(row["id"].hex(), chat, MessageNumber(number), (part,), state.epoch, row["life"])
