"""Deliveries of groups: entries go into the log, messages are opened, and who is no member is found out.

A delivery can be judged only with the log in front of it. Where that is not here yet (somebody was just
added, or the queue has dropped what was too old), it is kept, with everything of the group behind it, and
the log is fetched (sync.py); then all of it is taken as if it came now. So it can be acknowledged at once.
"""

from collections.abc import Collection, Iterator

from actors.ports import Clock
from client.database import Database
from client.groups.healing import GroupHealing
from client.groups.keys import SenderKeys
from client.groups.logs import BROKEN_LOG, TWO_HISTORIES, GroupLogs
from client.groups.welcomes import GroupWelcomes
from client.records import Account, Duplicate, GroupChanged, IncomingDelivery, Received
from protocol.e2e.errors import BadCiphertextError, EndToEndError, ForkedLogError
from protocol.e2e.group_content import GroupKey, GroupService
from protocol.e2e.group_message import decode_group_message
from protocol.e2e.sender_keys import GroupContext
from protocol.ids import DeviceAddress, DeviceId, GroupId, GroupSeq, MessageNumber, Seq, UserId
from protocol.membership import Rekey, Settings, decode_signed_entry

NOT_DELIVERED_NOW = Seq(0)
"""The number of a delivery that was acknowledged before and is taken now."""


class GroupReceiving:
    """Judges what comes in groups. Its methods are to be called inside a transaction."""

    def __init__(
        self,
        database: Database,
        logs: GroupLogs,
        keys: SenderKeys,
        welcomes: GroupWelcomes,
        healing: GroupHealing,
        clock: Clock,
    ) -> None:
        self._database = database
        self._logs = logs
        self._keys = keys
        self._welcomes = welcomes
        self._healing = healing
        self._clock = clock

    def serve(self, account: Account, sender: DeviceAddress, service: GroupService) -> GroupId:
        """Take in what a member tells us pairwise."""
        if isinstance(service, GroupKey):
            self._keys.learn(sender, service)
        else:
            self._welcomes.take(account, sender.user, service)
        return service.group

    def open(self, account: Account, delivery: IncomingDelivery) -> bytes | Received:
        """The content of a message, or what became of the delivery.

        Raises:
            EndToEndError: it does not open, and is not asked for again.
        """
        group = delivery.group
        assert group is not None  # or it would not be here
        if self._logs.is_person(group):
            raise PersonError("what is said to be a group is a person")
        self._logs.remember(group)
        if self._waits(group) and delivery.seq != NOT_DELIVERED_NOW:
            return self._keep(delivery, group)
        if delivery.is_entry:
            return self._take_entry(account, delivery, group)
        return self._open_message(account, delivery, group)

    # ------------------------------------------------------------- the log

    def _take_entry(self, account: Account, delivery: IncomingDelivery, group: GroupId) -> Received:
        index, before = delivery.number - 1, self._members(group)
        taken = self._logs.take(account, group, index, delivery.ciphertext)
        if taken.is_early and delivery.seq == NOT_DELIVERED_NOW:
            self._logs.distrust(group, BROKEN_LOG)  # the relay has just said that there is nothing in between
        elif taken.is_early:
            return self._keep(delivery, group)
        if not taken.is_new:
            return Duplicate(delivery.seq)
        self._react(account, group, delivery.ciphertext)
        self._after_entry(account, group, before)
        return GroupChanged(delivery.seq, group)

    def learn_log(
        self, account: Account, group: GroupId, first: int, entries: tuple[bytes, ...], end: int
    ) -> None:
        """A part of the log was fetched, which has ``end`` entries by the relay's word."""
        before = self._members(group)
        for index, signed in enumerate(entries, start=first):
            if self._logs.take(account, group, index, signed).is_new:
                self._react(account, group, signed)
        if not entries or self._logs.next_index(group) >= end:
            self._logs.ends(group)
        self._after_entry(account, group, before)

    def _react(self, account: Account, group: GroupId, signed: bytes) -> None:
        """Somebody has a new phone: ask whose keys those are, give it ours, and say what it cannot know."""
        entry, state = decode_signed_entry(signed).entry, self._logs.state(group)
        user = entry.author.user
        if not isinstance(entry.action, Rekey) or user == account.user or state is None:
            return
        self._database.execute("UPDATE peers SET bundles_stale = 1 WHERE user = ?", user)
        self._keys.forget_share(group, user)
        if state.is_admin(account.user):
            self._welcomes.send(group, [user])

    def _after_entry(self, account: Account, group: GroupId, before: Collection[UserId]) -> None:
        self._welcomes.weigh(account, group)
        state, members = self._logs.state(group), self._members(group)
        self._keys.forget_devices(group, [user for user in before if user not in members])
        if state is not None and account.user not in members:
            self._keys.forget_own(group)

    def _members(self, group: GroupId) -> Collection[UserId]:
        """Who is in the group by the log that is here."""
        state = self._logs.state(group)
        return () if state is None else state.members

    # ------------------------------------------------------------- messages

    def _open_message(self, account: Account, delivery: IncomingDelivery, group: GroupId) -> bytes | Received:
        state, sender = self._logs.state(group), delivery.sender
        try:
            epoch = decode_group_message(delivery.ciphertext).epoch
        except BadCiphertextError:
            epoch = 0  # it will not open either
        head = self._logs.hash_at(group, epoch)
        if state is None or head is None:
            if delivery.seq == NOT_DELIVERED_NOW or self._logs.problem(group) is not None:
                if not self.is_from_member(group, sender.user):
                    return self._show_intruder(delivery, group)  # what does not open would be asked for
                raise ForkedLogError("a message behind a history of the group that is not known here")
            self._logs.told(group, epoch + 1)
            return self._keep(delivery, group)
        if sender.user not in state.members:
            return self._show_intruder(delivery, group)
        if Settings.ADMINS_SEND in state.settings and not state.is_admin(sender.user):
            raise NotAdminError("only admins may write to this group")
        try:
            return self._keys.open(sender, GroupContext(group, epoch, head), delivery.ciphertext)
        except ForkedLogError:
            self._logs.distrust(group, TWO_HISTORIES)
            raise

    def is_from_member(self, group: GroupId, user: UserId) -> bool:
        """Whether the log that is here makes somebody a member."""
        return user in self._members(group)

    def _show_intruder(self, delivery: IncomingDelivery, group: GroupId) -> Received:
        self._logs.show_intruder(group, delivery.sender.user)
        return GroupChanged(delivery.seq, group)

    # ------------------------------------------------------------- what has to wait for the log

    def _waits(self, group: GroupId) -> bool:
        """Whether something of the group waits already: then all behind it does."""
        one = "SELECT 1 FROM group_waiting WHERE group_id = ? LIMIT 1"
        return self._database.value(one, group) is not None

    def _keep(self, delivery: IncomingDelivery, group: GroupId) -> Received:
        self._logs.told(group, delivery.number if delivery.is_entry else 1)
        known = self._database.value(
            "SELECT 1 FROM group_waiting WHERE group_id = ? AND gseq = ?", group, delivery.gseq or 0
        )
        if known is not None:
            return Duplicate(delivery.seq)
        self._database.execute(
            "INSERT INTO group_waiting (group_id, gseq, user, device, number, payload, is_entry, accepted_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            group,
            delivery.gseq or 0,
            *delivery.sender,
            delivery.number,
            delivery.ciphertext,
            delivery.is_entry,
            delivery.accepted_at or self._clock.now(),
        )
        return GroupChanged(delivery.seq, group)

    def take_waiting(self, group: GroupId) -> Iterator[IncomingDelivery]:
        """What waits and can be judged now, in order; each is off the list when the next is asked for."""
        while not self._logs.is_behind(group):
            row = self._database.row(
                "SELECT * FROM group_waiting WHERE group_id = ? ORDER BY row LIMIT 1", group
            )
            if row is None:
                return
            self._database.execute("DELETE FROM group_waiting WHERE row = ?", row["row"])
            yield IncomingDelivery(
                seq=NOT_DELIVERED_NOW,
                sender=DeviceAddress(UserId(row["user"]), DeviceId(row["device"])),
                number=MessageNumber(row["number"]),
                ciphertext=row["payload"],
                accepted_at=row["accepted_at"],
                group=group,
                gseq=GroupSeq(row["gseq"]),
                is_entry=bool(row["is_entry"]),
            )


class PersonError(EndToEndError):
    """A message or an entry of a group that has the id of a person: the relay, or somebody with it, lies."""

    name = "not-a-group"


class NotAdminError(EndToEndError):
    """A message to a group in which only admins write, from somebody who is none: the relay let it pass."""

    name = "not-allowed"
