"""Messages of a group that did not open, and the answer to those who could not open ours.

As with chats of two (client/lost_messages.py, client/resending.py), but the repetition goes pairwise, to the
one who asks, and brings the sender key with it. The place in the history is kept meanwhile.

Rule 1: who asks is answered only if they were a member when the message was sealed and are one still, under
        the identity key that the log has for them.
Rule 2: a message is asked for at most ``MAX_ASKED`` times, an hour or more apart; one person is answered at
        most ``MAX_ANSWERS_AN_HOUR`` times.
"""

import sqlite3
from itertools import groupby
from typing import Final

from actors.ports import Clock, Entropy
from client.database import Database
from client.groups.keys import SenderKeys
from client.groups.logs import GroupLogs
from client.lost_messages import ASK_AGAIN_SECONDS, GIVE_UP_SECONDS, MAX_ASKED, NEVER_CAME
from client.peers import Peers
from client.records import Account, EntryKind, MessageState
from client.resending import KEPT_MESSAGES
from client.send_queue import SendQueue
from protocol.e2e import content as contents
from protocol.e2e.group_content import encode_group_service
from protocol.e2e.retry import MAX_REQUESTED_NUMBERS, Resent, RetryRequest
from protocol.ids import DeviceAddress, DeviceId, GroupId, GroupSeq, MessageNumber, UserId

MAX_ANSWERS_AN_HOUR: Final = 256
"""Repetitions to one person, for all groups together."""


class GroupHealing:
    """The table ``group_lost``. Its methods are to be called inside a transaction."""

    def __init__(
        self,
        database: Database,
        peers: Peers,
        queue: SendQueue,
        logs: GroupLogs,
        keys: SenderKeys,
        entropy: Entropy,
        clock: Clock,
    ) -> None:
        self._database = database
        self._peers = peers
        self._queue = queue
        self._logs = logs
        self._keys = keys
        self._entropy = entropy
        self._clock = clock

    # ------------------------------------------------------------- asking

    def add(self, group: GroupId, sender: DeviceAddress, number: MessageNumber, place: int) -> None:
        """This message did not open; ``place`` is the row of the history that stands for it."""
        self._database.execute(
            "INSERT OR REPLACE INTO group_lost (group_id, user, device, number, place, lost_at)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            group,
            *sender,
            number,
            place,
            self._clock.now(),
        )

    def ask(self, account: Account) -> bool:
        """Queue the requests that are due, and give up what is hopeless; whether there are requests."""
        now = self._clock.now()
        self._give_up_hopeless(now)
        due = self._database.rows(
            "SELECT * FROM group_lost WHERE asked < ? AND (asked_at IS NULL OR asked_at <= ?)"
            " ORDER BY group_id, user, device, number DESC",
            MAX_ASKED,
            now - ASK_AGAIN_SECONDS,
        )
        for (group, user, device), rows in groupby(due, lambda r: (r["group_id"], r["user"], r["device"])):
            wanted = sorted([row["number"] for row in rows][:MAX_REQUESTED_NUMBERS])
            self._ask_for(GroupId(group), DeviceAddress(UserId(user), DeviceId(device)), wanted, now)
        return bool(due)

    def _ask_for(self, group: GroupId, sender: DeviceAddress, numbers: list[int], now: float) -> None:
        wanted = tuple(MessageNumber(number) for number in numbers)
        content_id, sent_at = self._entropy(contents.CONTENT_ID_BYTES), contents.sent_at_from_unix(now)
        self._queue.queue_service(
            sender.user, RetryRequest(content_id, sent_at, sender.device, wanted, group)
        )
        self._database.execute_many(
            "UPDATE group_lost SET asked = asked + 1, asked_at = ?"
            " WHERE group_id = ? AND user = ? AND device = ? AND number = ?",
            [(now, group, *sender, number) for number in wanted],
        )

    def _give_up_hopeless(self, now: float) -> None:
        rows = self._database.rows(
            "SELECT place FROM group_lost WHERE lost_at <= ? OR (asked >= ? AND asked_at <= ?)",
            now - GIVE_UP_SECONDS,
            MAX_ASKED,
            now - ASK_AGAIN_SECONDS,
        )
        self._give_up([row["place"] for row in rows])

    def _give_up(self, places: list[int]) -> None:
        self._database.execute_many("DELETE FROM group_lost WHERE place = ?", [(place,) for place in places])
        self._database.execute_many(
            "UPDATE messages SET error_name = ?, state = ? WHERE row = ?",
            [(NEVER_CAME, MessageState.RECEIVED, place) for place in places],
        )

    def found(
        self, group: GroupId, sender: DeviceAddress, numbers: tuple[MessageNumber, ...]
    ) -> tuple[int, GroupSeq] | None:
        """An answer: the row and the place in the timeline of what was waited for; None if nothing was."""
        for number in numbers:
            row = self._row(group, sender, number)
            if row is not None:
                # `group_lost` goes with its place (ON DELETE CASCADE).
                self._database.execute("DELETE FROM messages WHERE row = ?", row["place"])
                return row["place"], GroupSeq(row["gseq"])
        return None

    def gone(self, group: GroupId, sender: DeviceAddress, numbers: tuple[MessageNumber, ...]) -> None:
        """The sender has it no more."""
        rows = [self._row(group, sender, number) for number in numbers]
        self._give_up([row["place"] for row in rows if row is not None])

    def _row(self, group: GroupId, sender: DeviceAddress, number: MessageNumber) -> sqlite3.Row | None:
        return self._database.row(
            "SELECT l.place, m.gseq FROM group_lost l JOIN messages m ON m.row = l.place"
            " WHERE l.group_id = ? AND l.user = ? AND l.device = ? AND l.number = ?",
            group,
            *sender,
            number,
        )

    # ------------------------------------------------------------- answering

    def answer(self, account: Account, asker: DeviceAddress, request: RetryRequest, group: GroupId) -> None:
        """Queue what was asked for, as far as the asker may have it, and the sender key with it."""
        state = self._logs.state(group)
        if request.device != account.device or state is None or asker.user not in state.members:
            return
        if self._logs.problem(group) is not None:
            return  # who has been removed meanwhile cannot be known here
        member = state.members[asker.user]
        if self._peers.primary_key(account, asker.user) != member.key or not self._may_answer(asker.user):
            return
        for number in dict.fromkeys(request.numbers):
            row = self._kept(group, number)
            if row is None:
                self._send(asker.user, number, None, group)
            elif row["epoch"] >= member.joined:
                self._send(asker.user, number, row["content"], group, row["life"])
        if self._keys.is_current(state):
            service = self._keys.sharing(group)
            sent = self._queue.queue_encoded(asker.user, service.id, encode_group_service(service))
            self._keys.note_share(group, asker.user, sent)

    def _kept(self, group: GroupId, number: MessageNumber) -> sqlite3.Row | None:
        oldest = self._database.value(
            "SELECT row FROM messages WHERE user = ? AND outgoing = 1 ORDER BY row DESC LIMIT 1 OFFSET ?",
            group,
            KEPT_MESSAGES - 1,
        )
        return self._database.row(
            "SELECT content, epoch, life FROM messages"
            " WHERE outgoing = 1 AND user = ? AND number = ? AND row >= ? AND epoch NOTNULL",
            group,
            number,
            oldest or 0,
        )

    def _may_answer(self, user: UserId) -> bool:
        answered = self._database.value(
            "SELECT count(*) FROM messages WHERE user = ? AND outgoing = 1 AND kind = ? AND stored_at > ?",
            user,
            EntryKind.SERVICE.value,
            self._clock.now() - ASK_AGAIN_SECONDS,
        )
        return int(answered) < MAX_ANSWERS_AN_HOUR

    def _send(
        self,
        user: UserId,
        number: MessageNumber,
        content: bytes | None,
        group: GroupId,
        life: int | None = None,
    ) -> None:
        content_id = self._entropy(contents.CONTENT_ID_BYTES)
        sent_at = contents.sent_at_from_unix(self._clock.now())
        self._queue.queue_service(user, Resent(content_id, sent_at, (number,), content, group), life)
