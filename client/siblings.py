"""The other devices of one's own account: they are told what was sent and what was seen here.

What is told travels in the chat with oneself, through the ordinary outbox, and is queued in the transaction
that makes it true; so the others hear of it however often this process is killed, and once.

- **Sent**: a copy is queued when the message is encrypted, and goes out right behind it: so it is there
  before any answer. The others show it with ✓, for its ticks go to the device that sent it. (Should the relay
  refuse it for good they do not hear of that.) In a group no copy is needed: what one device says there the
  relay gives to the others as well.
- **Seen**: what was seen on one is seen on all; the others neither notify nor send receipts of their own. A
  phone that was off finds it in its queue, behind the messages that it is about.

Not here: the history for a new device (history_transfer.py), who is a device of one's own (peers.py).
"""

from collections.abc import Sequence

from actors.ports import Clock, Entropy
from client.changes import Changes, Said
from client.chat_rules import ChatRulebook
from client.database import Database
from client.device_keys import DeviceKeys
from client.entry_kinds import kind_of
from client.peers import Peers
from client.records import (
    Account,
    Duplicate,
    EntryKind,
    HistoryEntry,
    IncomingDelivery,
    MessageState,
    Received,
    SeenElsewhere,
    SentElsewhere,
    Served,
)
from client.send_queue import SendQueue
from protocol.e2e import BadContentError, Change, Content, MessageRef, Rule
from protocol.e2e import content as contents
from protocol.e2e.siblings import Seen, SeenMark, Sent, encode_sibling
from protocol.ids import DeviceId, UserId

OF_GROUP = 0
"""The device of a mark in a group: there it counts places of the timeline, whoever wrote."""


class Siblings:
    """What this device tells the others, and what it makes of what they tell."""

    def __init__(
        self,
        database: Database,
        keys: DeviceKeys,
        peers: Peers,
        queue: SendQueue,
        changes: Changes,
        entropy: Entropy,
        clock: Clock,
    ) -> None:
        self._database = database
        self._keys = keys
        self._peers = peers
        self._queue = queue
        self._changes = changes
        self._rules = ChatRulebook(database)
        self._entropy = entropy
        self._clock = clock

    def others(self) -> list[DeviceId]:
        """The other devices of this account that are written to."""
        return self._peers.active_devices(self._keys.user())

    # ------------------------------------------------------------- telling

    def tell_sent(self, message_id: str) -> None:
        """This message goes out. Only inside the transaction that encrypts it."""
        own = self._keys.user()
        if not self._peers.active_devices(own):
            return
        message = self._database.row(
            "SELECT m.*, p.phone AS known_phone FROM messages m LEFT JOIN peers p USING (user)"
            " WHERE id = ? AND outgoing = 1 AND kind <> ? AND user NOT IN (SELECT id FROM groups)",
            bytes.fromhex(message_id),
            EntryKind.SERVICE.value,
        )
        if message is not None:
            id_, sent_at = self._new_id()
            chat, content, phone = UserId(message["user"]), message["content"], message["known_phone"]
            copy = Sent(id_, sent_at, chat, False, content, phone)
            self._queue.queue_encoded(own, id_, encode_sibling(copy), message["life"])

    def tell_seen(self, seen: Sequence[HistoryEntry]) -> None:
        """These were seen here. Only inside the transaction that notes it."""
        if not seen or not self.others():
            return
        newest: dict[tuple[UserId, int], int] = {}
        for entry in seen:
            device = OF_GROUP if entry.group is not None else entry.sender_device
            number = entry.gseq if entry.group is not None else entry.number
            if entry.user is not None and device is not None and number is not None:
                mark = (entry.user, int(device))
                newest[mark] = max(newest.get(mark, 0), number)
        if newest:
            id_, sent_at = self._new_id()
            marks = tuple(SeenMark(chat, device, number) for (chat, device), number in newest.items())
            self._queue.queue_encoded(self._keys.user(), id_, encode_sibling(Seen(id_, sent_at, marks)))

    def _new_id(self) -> tuple[bytes, int]:
        return self._entropy(contents.CONTENT_ID_BYTES), contents.sent_at_from_unix(self._clock.now())

    # ------------------------------------------------------------- hearing

    def take_sent(
        self, account: Account, delivery: IncomingDelivery, sent: Sent, place: int | None = None
    ) -> Received:
        """Another device of this account has sent something: it stands here as ours, in its place."""
        try:
            content = contents.decode(sent.content)
        except BadContentError:
            return Served(delivery.seq)
        if not sent.is_group:
            self._peers.remember(sent.chat, sent.phone)
            self._peers.note_contact(sent.chat)
        arrived_at = delivery.accepted_at or self._clock.now()
        if isinstance(content, Change):
            self._changes.note(Said(sent.chat, account.user, content, arrived_at))
        elif not self._insert(sent, content, arrived_at, place):
            return Duplicate(delivery.seq)
        elif isinstance(content, Rule):
            self._rules.note(sent.chat, content)
        else:
            self._changes.meet(sent.chat, MessageRef(account.user, content.id))
        return SentElsewhere(
            seq=delivery.seq,
            chat=sent.chat,
            message_id=content.id.hex(),
            content=content,
            phone=self._peers.phone_of(sent.chat),
            is_group=sent.is_group,
        )

    def _insert(self, sent: Sent, content: Content, arrived_at: float, place: int | None) -> bool:
        """Add our line to the history; False if it is there already."""
        known = self._database.value(
            "SELECT 1 FROM messages WHERE id = ? AND user = ? AND outgoing = 1", content.id, sent.chat
        )
        if known:
            return False
        self._database.execute(
            "INSERT INTO messages"
            " (row, id, kind, outgoing, user, content, stored_at, accepted_at, state, life)"
            " VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?)",
            place,
            content.id,
            kind_of(content).value,
            sent.chat,
            sent.content,
            self._clock.now(),
            arrived_at,
            MessageState.ACCEPTED,
            content.marks.life,
        )
        return True

    def take_seen(self, delivery: IncomingDelivery, seen: Seen) -> Received:
        """Another device of this account has shown these."""
        for mark in seen.marks:
            where = "gseq <= ?" if mark.device == OF_GROUP else "number <= ? AND device = ?"
            values = (mark.number,) if mark.device == OF_GROUP else (mark.number, mark.device)
            self._database.execute(
                f"UPDATE messages SET state = ? WHERE state = 16 AND user = ? AND {where}",
                MessageState.SEEN,
                mark.chat,
                *values,
            )
            # Reported, because the other device has told the sender, or has kept it to itself.
            self._database.execute(
                "INSERT INTO read_marks (user, device, read, reported) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (user, device) DO UPDATE SET read = max(read, excluded.read),"
                " reported = max(reported, excluded.reported)",
                mark.chat,
                mark.device,
                mark.number,
                mark.number,
            )
        return SeenElsewhere(delivery.seq, tuple(dict.fromkeys(mark.chat for mark in seen.marks)))
