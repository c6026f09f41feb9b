"""The groups of a scripted relay: the honest half, which keeps the rules and knows no signature.

Everything in memory, one timeline a group. A test may also have it say what an honest relay would not
(``slip``): an entry that nobody signed, a message of somebody who is no member.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from protocol.codes import ErrorCode
from protocol.events import Event
from protocol.ids import (
    DeviceAddress,
    GroupAddress,
    GroupId,
    GroupSeq,
    MemberAddress,
    MessageNumber,
    Seq,
    UserId,
)
from protocol.membership import (
    Entry,
    GroupState,
    Refusal,
    apply,
    decode_signed_entry,
    entry_hash,
    judge,
)
from protocol.stanzas import (
    Accepted,
    AppendEntries,
    Deliver,
    Delivered,
    DismissJoins,
    EntriesAppended,
    Failed,
    FetchGroupProgress,
    FetchJoinRequests,
    FetchLog,
    GroupProgress,
    GroupTicks,
    JoinAsked,
    JoinRequest,
    JoinRequested,
    JoinRequests,
    JoinsDismissed,
    Log,
    MemberProgress,
    Paused,
    Read,
    Refused,
    RequestJoin,
    SendGroup,
    Stanza,
    Typing,
)

if TYPE_CHECKING:
    from tests.helpers.scripted_device import Device
    from tests.helpers.scripted_relay import Line, ScriptedRelay

LOG_PIECE = 3  # entries in one answer: few, so that tests fetch more than once


@dataclass(frozen=True)
class Item:
    """One place of a timeline."""

    sender: MemberAddress
    number: MessageNumber
    payload: bytes
    gseq: GroupSeq
    is_entry: bool
    audience: tuple[UserId, ...]  # who was there


@dataclass
class DeskGroup:
    """One group."""

    state: GroupState
    entries: list[bytes] = field(default_factory=list)
    timeline: list[Item] = field(default_factory=list)
    accepted: dict[DeviceAddress, int] = field(default_factory=dict)
    delivered: dict[UserId, int] = field(default_factory=dict)
    read: dict[UserId, int] = field(default_factory=dict)
    joins: dict[UserId, bytes] = field(default_factory=dict)


class GroupDesk:
    """What the scripted relay does with groups."""

    def __init__(self, relay: "ScriptedRelay") -> None:
        self.relay = relay
        self.groups: dict[GroupId, DeskGroup] = {}
        self.refusals: list[tuple[ErrorCode, int | None]] = []  # for the next messages, one each
        self._places: dict[tuple[DeviceAddress, Seq], Item] = {}

    def takes(self, line: "Line", event: Event) -> bool:
        """Deal with an event, if it is about a group."""
        device = line.device
        if device is None:
            return False
        match event:
            case SendGroup():
                self._send(line, device, event)
            case Read(GroupAddress(group), number):
                self._note(self.groups[group], "read", device.address.user, number)
            case Typing(GroupAddress(group)) | Paused(GroupAddress(group)):
                sender = MemberAddress(group, *device.address)
                for user in self.groups[group].state.members:
                    for other in self._others(user, device.address):
                        if other.line is not None:
                            other.line.say(type(event)(sender))
            case AppendEntries():
                line.say(self._append(device, event))
            case FetchLog() | FetchGroupProgress() | RequestJoin() | FetchJoinRequests() | DismissJoins():
                line.say(self._answer(device, event))
            case _:
                return False
        return True

    # ---- messages ----

    def _send(self, line: "Line", device: "Device", send: SendGroup) -> None:
        group = self.groups[send.chat.group]
        last = group.accepted.get(device.address, 0)
        refusal = self._judge(group, device.address.user, send, last)
        if refusal is not None:
            line.say(Refused(send.chat, send.number, *refusal))
            return
        if send.number == last + 1:
            group.accepted[device.address] = send.number
            sender = MemberAddress(send.chat.group, *device.address)
            self.place(group, sender, send.number, send.ciphertext, is_entry=False)
        if not self.relay.loses_accepted:
            line.say(Accepted(send.chat, MessageNumber(group.accepted[device.address])))

    def _judge(
        self, group: DeskGroup, user: UserId, send: SendGroup, last: int
    ) -> tuple[ErrorCode, int | None] | None:
        if send.number > last and self.refusals:
            return self.refusals.pop(0)
        if send.number > last + 1:
            return ErrorCode.OUT_OF_ORDER, last + 1
        if user not in group.state.members:
            return ErrorCode.NOT_A_MEMBER, None
        if not group.state.may_send(user):
            return ErrorCode.NOT_ALLOWED, None
        if send.epoch < group.state.departed_at:
            return ErrorCode.STALE_MEMBERS, group.state.epoch
        return None

    def place(
        self,
        group: DeskGroup,
        sender: MemberAddress,
        number: MessageNumber,
        payload: bytes,
        *,
        is_entry: bool,
        audience: tuple[UserId, ...] | None = None,
    ) -> None:
        """Put something into the timeline, and deliver it to all who are there."""
        users = audience or tuple(group.state.members)
        gseq = GroupSeq(len(group.timeline) + 1)
        item = Item(sender, number, payload, gseq, is_entry, users)
        group.timeline.append(item)
        for user in users:
            for device in self._others(user, None if is_entry else sender.sender):
                device.last_seq += 1
                seq = Seq(device.last_seq)
                self._places[device.address, seq] = item
                device.queue.append((seq, sender, number, payload))
                self.deliver(device, seq, sender)

    def deliver(self, device: "Device", seq: Seq, sender: MemberAddress) -> None:
        """Say to a device, if it is connected, what its queue has under a number."""
        item = self._places[device.address, seq]
        if device.line is not None:
            phone = next((d.phone for d in self.relay.devices.values() if d.address == sender.sender), None)
            device.line.wire.bind(sender, phone)
            entry = 1 if item.is_entry else None
            device.line.say(Deliver(seq, sender, item.number, item.payload, None, item.gseq, entry))

    def acknowledged(self, device: "Device", seq: Seq) -> None:
        """A device has an item on its disk."""
        item = self._places[device.address, seq]
        self._note(self.groups[item.sender.group], "delivered", device.address.user, item.gseq)

    def _note(self, group: DeskGroup, what: str, user: UserId, gseq: int) -> None:
        reached = group.delivered if what == "delivered" else group.read
        before = {each.sender.sender: self._ticks(group, each.sender.sender) for each in group.timeline}
        reached[user] = max(reached.get(user, 0), gseq)
        if what == "read":
            group.delivered[user] = max(group.delivered.get(user, 0), gseq)
        chat = GroupAddress(group.state.group)
        for sender, (delivered, read) in before.items():
            now = self._ticks(group, sender)
            for device in self.relay.devices.values():
                if device.address == sender and device.line is not None:
                    if now[0] > delivered:
                        device.line.say(Delivered(chat, MessageNumber(now[0])))
                    if now[1] > read:
                        device.line.say(Read(chat, MessageNumber(now[1])))

    def _ticks(self, group: DeskGroup, sender: DeviceAddress) -> tuple[int, int]:
        """How far the messages of a device have come with everybody who was there and is still."""
        numbers = [0, 0]
        for item in group.timeline:
            if item.sender.sender != sender or item.is_entry:
                continue
            others = [u for u in item.audience if u != sender.user and u in group.state.members]
            for which, reached in enumerate((group.delivered, group.read)):
                if all(reached.get(user, 0) >= item.gseq for user in others):
                    numbers[which] = item.number
        return numbers[0], numbers[1]

    def ticks(self, sender: DeviceAddress, group: GroupId) -> GroupTicks:
        """The answer to ``FetchProgress`` for one group."""
        known = self.groups[group]
        accepted = MessageNumber(known.accepted.get(sender, 0))
        return GroupTicks(group, accepted, *map(MessageNumber, self._ticks(known, sender)))

    # ---- the log ----

    def _append(self, device: "Device", append: AppendEntries) -> Stanza:
        group = self.groups.get(append.group)
        state = None if group is None else group.state
        steps: list[tuple[bytes, Entry, GroupState | None]] = []
        for signed in append.entries:
            entry = decode_signed_entry(signed).entry
            refused = judge(state, entry)
            if refused is not None:
                detail = state.next_index if refused.why is Refusal.LOG_MOVED and state is not None else None
                return Failed(append.request, ErrorCode[refused.why.name], detail)
            before, state = state, apply(state, entry, entry_hash(signed))
            steps.append((signed, entry, before))
        assert state is not None
        group = self.groups.setdefault(append.group, DeskGroup(state))
        for signed, entry, before in steps:
            self.slip(group, signed, before, apply(before, entry, entry_hash(signed)))
        return EntriesAppended(append.request, group.state.next_index)

    def slip(
        self, group: DeskGroup, signed: bytes, before: GroupState | None, after: GroupState | None = None
    ) -> None:
        """Put an entry into the log and tell everybody; without ``after`` the group stays as it is."""
        entry = decode_signed_entry(signed).entry
        group.entries.append(signed)
        if after is not None:
            group.state = after
        members = {} if before is None else before.members
        audience = tuple(dict.fromkeys([*members, *group.state.members]))
        sender = MemberAddress(entry.group, *entry.author)
        number = MessageNumber(entry.index + 1)
        for user in entry_newcomers(before, group.state):
            group.joins.pop(user, None)
        self.place(group, sender, number, signed, is_entry=True, audience=audience)

    def _answer(self, device: "Device", event: Event) -> Stanza:
        user = device.address.user
        match event:
            case FetchLog(request, group_id, first, invite):
                group = self.groups.get(group_id)
                if group is None:
                    return Failed(request, ErrorCode.NO_SUCH_GROUP)
                if user not in group.state.members and user not in group.delivered and invite is None:
                    return Failed(request, ErrorCode.NOT_A_MEMBER)
                return Log(request, tuple(group.entries[first : first + LOG_PIECE]), len(group.entries))
            case FetchGroupProgress(request, group_id, number):
                return self._progress(self.groups[group_id], device.address, request, number)
            case RequestJoin(request, group_id, _, proof):
                group = self.groups[group_id]
                group.joins[user] = proof
                for admin in group.state.admins:
                    for each in self._others(admin, None):
                        if each.line is not None:
                            each.line.say(JoinAsked(GroupAddress(group_id), user))
                return JoinRequested(request)
            case FetchJoinRequests(request, group_id):
                joins = self.groups[group_id].joins
                return JoinRequests(request, tuple(JoinRequest(*pair) for pair in joins.items()))
            case DismissJoins(request, group_id, users):
                for dismissed in users:
                    self.groups[group_id].joins.pop(dismissed, None)
                return JoinsDismissed(request)
        raise AssertionError(event)

    def _progress(self, group: DeskGroup, sender: DeviceAddress, request: int, number: int) -> Stanza:
        for item in group.timeline:
            if item.sender.sender == sender and item.number == number and not item.is_entry:
                rows = tuple(
                    MemberProgress(
                        user, GroupSeq(group.delivered.get(user, 0)), GroupSeq(group.read.get(user, 0))
                    )
                    for user in item.audience
                    if user != sender.user and user in group.state.members
                )
                return GroupProgress(request, item.gseq, rows)
        return Failed(request, ErrorCode.NO_SUCH_REQUEST)

    def _others(self, user: UserId, but: DeviceAddress | None) -> "list[Device]":
        return [d for d in self.relay.devices.values() if d.address.user == user and d.address != but]


def entry_newcomers(before: GroupState | None, after: GroupState) -> list[UserId]:
    """Who is in a group that was not in it before."""
    return [user for user in after.members if before is None or user not in before.members]
