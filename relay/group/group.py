"""One group: takes what its members say, keeps its log, and sees to it that every member gets all of it.

An actor because it owns state: the log's newest state, the timeline's next number, the accepted number of
each sender, and what is on its way to the members' workers. It is the only writer of the group's rows.
Consists of: what comes in (intake.py, admission.py), whom it is for (roster.py), what is on its way
    (fanout.py), how far everybody is (ticks.py). Here is the actor around them: its life and its dialogue.
Talks to: the journal; the porters of all workers (porter.py); the outgoing sides of senders' connections.
Guarantees: D1, D3, D4, D5 and D8 for groups (docs/delivery.md).
Restarts as: transient, from the store, after the flight of its predecessor has landed; what had not arrived
    everywhere is sent again, and workers that have it drop it.
Leaves memory when nothing has come for a while and nothing is on its way.
"""

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from actors import Actor, NameTakenError, Overflow, StartIgnored, TimerRef
from protocol import DeviceAddress, ErrorCode, GroupAddress, GroupId, GroupSeq, MessageNumber, UserId
from protocol.limits import MAX_JOIN_REQUESTS
from protocol.membership import GroupState, decode_state
from relay.config import DAY_SECONDS, RELOAD_SECONDS, SWEEP_SECONDS
from relay.errors import RefusalError
from relay.flight import COMMITTED, LANDED
from relay.group import delivering
from relay.group.admission import Refused, Step, judge_entries, judge_join_request, newcomers
from relay.group.fanout import Fanout
from relay.group.handle import (
    Append,
    Arrived,
    AskToJoin,
    Dismiss,
    GroupCrash,
    GroupSubmission,
    Reached,
    Resend,
    name_of,
)
from relay.group.intake import GroupIntake
from relay.group.roster import Roster
from relay.group.ticks import Ticks, Waiting
from relay.mailbox_handle import Activity, Settle
from relay.senders import Senders
from relay.worker import Worker
from storage import JournalError, Op, Reader, accounts, groups
from storage.groups import GroupItem, JoinAsk
from storage.progress import Progress, list_senders
from supervisors import ChildSpec, Restart

log = logging.getLogger("roost.relay")

GROUP_QUEUE = 256
"""Messages to a group's actor; whoever is faster waits, and nobody else."""

MAX_PENDING = 512
"""Messages on their way from a group to its members' workers: some MiB. Beyond it senders have to wait."""

RESEND_SECONDS = 5.0
"""After which what a worker has not answered for is sent again; over a new link, at once."""

TYPING_SECONDS = 1.0
"""How often one device's typing goes to all members."""


class CheckIdle:
    """A group's note to itself: is anybody still interested?"""


class Reload:
    """A group's note to itself: begin again from the store."""


class SendAgain:
    """A group's note to itself: has everything arrived?"""


CHECK_IDLE = CheckIdle()
RELOAD = Reload()
SEND_AGAIN = SendAgain()


def child_spec(worker: Worker) -> ChildSpec:
    """The groups of a worker, each to be started with its id as the argument."""
    return ChildSpec(id="group", start=lambda group: Group(worker, group), restart=Restart.TRANSIENT)


class Group(Actor):
    """One group's actor."""

    __slots__ = (
        "_chat",
        "_fanout",
        "_flight",
        "_group",
        "_idle_check",
        "_intake",
        "_next_gseq",
        "_reload_planned",
        "_resend_planned",
        "_roster",
        "_senders",
        "_state",
        "_ticks",
        "_touched",
        "_typed_at",
        "_worker",
    )

    mailbox_limit = GROUP_QUEUE
    overflow = Overflow.WAIT

    def __init__(self, worker: Worker, group: GroupId) -> None:
        self._worker = worker
        self._group = group
        self._chat = GroupAddress(group)
        self._flight = worker.group_flight_of(group)
        self._senders = Senders(worker.environment, UserId(group))
        self._intake = GroupIntake(worker, group, self._flight, self._senders)
        # From here on as `_load` finds it in the store.
        self._state: GroupState | None = None
        self._next_gseq = groups.FIRST_GSEQ  # what the next item gets
        self._roster = Roster({}, worker.bus.owner)
        self._fanout = Fanout(self._roster, ())
        self._ticks = Ticks()
        self._touched = False  # something came since the last check for idleness
        self._idle_check: TimerRef | None = None
        self._reload_planned = False
        self._resend_planned = False
        self._typed_at: dict[DeviceAddress, float] = {}  # bounded by the members' devices

    def on_start(self) -> Coroutine[Any, Any, None] | None:
        """Take the name, so that there are never two; then wait for the predecessor's submissions to land.

        Raises:
            StartIgnored: somebody else was faster, so there is one, and all is well.
        """
        try:
            self.system.registry.register(name_of(self._group), self.ref)
        except NameTakenError:
            raise StartIgnored from None
        if self._flight.count:
            return self._begin_when_landed()
        self._begin()
        return None

    async def _begin_when_landed(self) -> None:
        await self._flight.landed()
        self._begin()

    def _begin(self) -> None:
        is_successor = self._flight.mailbox is not None
        self._flight.mailbox = self.ref
        self._load()
        self._plan_idle_check()
        self._push()
        if is_successor:  # senders elsewhere cannot have watched the predecessor
            delivering.tell_lost(self._worker, self._chat)

    def handle(self, message: object) -> None:
        """One branch for each message, the frequent ones first."""
        if type(message) is GroupSubmission:
            self._submit(message)
        elif type(message) is Arrived:
            self._arrived(message)
        elif type(message) is Reached:
            self._reached(message)
        elif message is not COMMITTED:
            self._handle_rare(message)
        self._touched = self._touched or message is not CHECK_IDLE
        if self._flight.committed:
            self._flight.take_committed()
            self._push()
        elif self._flight.failure is not None:
            self._plan_reload()

    def _handle_rare(self, message: object) -> None:
        match message:
            case Activity(sender, is_typing):
                self._activity(sender, is_typing=is_typing)
            case Settle(sender, source, submitted):
                self._intake.settle(sender, source, submitted)
            case Append(author, entries):
                self._append(author, entries)
            case AskToJoin(user, invite, proof):
                self._ask_to_join(user, JoinAsk(invite, proof, int(self._worker.clock.now())))
            case Dismiss(admin, users):
                self._dismiss(admin, users)
            case Resend(worker):
                self._fanout.resend(worker)
                self._push()
                self._read_marks(worker)
            case SendAgain():
                self._send_again()
            case CheckIdle():
                self._check_idle()
            case Reload():
                self._reload()
            case GroupCrash():
                raise RuntimeError("crashed on purpose, by a test hook")
            case _ if message is LANDED:
                pass  # handle() looks at the flight
            case _:
                self.unexpected(message)

    # ---- what comes in ----

    def _submit(self, submission: GroupSubmission) -> None:
        room = MAX_PENDING - len(self._fanout.pending)
        accepting = self._intake.judge(submission, self._state, self._next_gseq, room)
        if accepting is None:
            return
        items = accepting.items
        for item in items:
            self._ticks.sent(item.sender, item.number, item.gseq)

        def done(error: JournalError | None) -> None:
            self._items_settled(items[-1].gseq, error)
            self._intake.settled(submission, items, error)

        refused = self._send_out(items, accepting.ops, done)
        if refused is not None:
            self._intake.settled(submission, items, refused)

    def _send_out(
        self, items: list[GroupItem], ops: list[Op], done: Callable[[JournalError | None], None]
    ) -> JournalError | None:
        """Have items on their way as soon as they are durable; None, or why they were not taken."""
        for item in items:
            self._fanout.add(item)
        self._next_gseq = GroupSeq(items[-1].gseq + 1)
        ops.append(groups.put_next_gseq(self._group, self._next_gseq))
        return self._flight.submit(ops, done)

    def _items_settled(self, last: GroupSeq, error: JournalError | None) -> None:
        """The journal's word on items; outside the actor, so it is only told."""
        if error is None:
            self._fanout.durable = max(self._fanout.durable, last)
            self._flight.wake()
        self._flight.settled(error)

    # ---- the log ----

    def _append(self, author: DeviceAddress, entries: tuple[bytes, ...]) -> None:
        reply, flight = self.reply_later(), self._flight
        if flight.failure is not None:
            reply.send(flight.failure)
            return
        steps = judge_entries(self._state, self._group, author, entries)
        refused = steps if isinstance(steps, Refused) else self._judge_people(steps)
        if refused is not None or isinstance(steps, Refused):
            assert refused is not None
            reply.send(RefusalError(refused.code, refused.detail))
            return
        items, ops = self._take_in(author, steps)
        next_index = steps[-1].state.next_index

        def done(error: JournalError | None) -> None:
            self._items_settled(items[-1].gseq, error)
            reply.send(error if error is not None else next_index)

        error = self._send_out(items, ops, done)
        if error is not None:
            reply.send(error)

    def _judge_people(self, steps: list[Step]) -> Refused | None:
        """Whoever comes in must be there; and no group may have the id of a user."""
        if self._state is None and self._is_user(UserId(self._group)):
            return Refused(ErrorCode.ALREADY_THERE)
        if not all(self._is_user(user) for step in steps for user in newcomers(step)):
            return Refused(ErrorCode.UNKNOWN_USER)
        return None

    def _is_user(self, user: UserId) -> bool:
        with self._worker.reader_of(user) as reader:
            return accounts.load_user(reader, user) is not None

    def _take_in(self, author: DeviceAddress, steps: list[Step]) -> tuple[list[GroupItem], list[Op]]:
        """Let entries hold from now on: in memory here, on disk with what this returns."""
        now = int(self._worker.clock.now())
        expires_at = now + self._worker.config.message_life_days * DAY_SECONDS
        items: list[GroupItem] = []
        ops: list[Op] = []
        for step in steps:
            gseq, index = GroupSeq(self._next_gseq + len(items)), step.entry.index
            number = MessageNumber(index + 1)
            items.append(GroupItem(gseq, author, number, now, expires_at, True, step.signed))
            ops.append(groups.put_entry(self._group, index, step.signed))
            ops.append(groups.put_item(self._group, items[-1]))
            ops += self._change_members(step.state, gseq)
        ops.append(groups.put_group(self._group, steps[-1].state.encode()))
        return items, ops

    def _change_members(self, after: GroupState, gseq: GroupSeq) -> list[Op]:
        before = {} if self._state is None else self._state.members
        self._state = after
        ops: list[Op] = []
        for user in after.members:
            if user not in before:
                ops.append(groups.put_member(self._group, user, self._roster.join(user, gseq)))
                ops.append(groups.remove_join(self._group, user))
                self._ticks.join(user, gseq, self._mark_of(user))
        for user in before:
            if user not in after.members:
                ops.append(groups.put_member(self._group, user, self._roster.leave(user, gseq)))
                self._ticks.leave(user)
        self._tell_ticks()  # whoever has gone holds nobody up any more
        return ops

    def _mark_of(self, user: UserId) -> groups.Mark:
        with self._worker.reader_of(user) as reader:
            return groups.load_mark(reader, user, self._group)

    # ---- who asks to be let in ----

    def _ask_to_join(self, user: UserId, ask: JoinAsk) -> None:
        with self._worker.environment.read() as reader:
            waiting = len(groups.list_joins(reader, self._group))
        refused = judge_join_request(self._state, user, ask.invite, waiting, MAX_JOIN_REQUESTS)
        if refused is not None:
            self.reply_later().send(RefusalError(refused.code))
            return
        assert self._state is not None
        admins = self._state.admins
        self._submit_and_reply(
            [groups.put_join(self._group, user, ask)],
            lambda: delivering.tell_join_asked(self._worker, admins, self._group, user),
        )

    def _dismiss(self, admin: UserId, users: tuple[UserId, ...]) -> None:
        if self._state is None or not self._state.is_admin(admin):
            self.reply_later().send(RefusalError(ErrorCode.NOT_ALLOWED))
            return
        self._submit_and_reply([groups.remove_join(self._group, user) for user in users], lambda: None)

    def _submit_and_reply(self, ops: list[Op], durable: Callable[[], None]) -> None:
        reply = self.reply_later()

        def done(error: JournalError | None) -> None:
            self._flight.settled(error)
            reply.send(error)
            if error is None:
                durable()

        error = self._flight.submit(ops, done)
        if error is not None:
            reply.send(error)

    # ---- what is on its way ----

    def _push(self) -> None:
        """Send what is durable to every worker that has not been sent it."""
        for batch in self._fanout.next_batches():
            delivering.carry(self._worker, self._group, batch)
        if not self._fanout.is_done and not self._resend_planned:
            self._resend_planned = True
            self.send_after(RESEND_SECONDS, SEND_AGAIN)
        self._take_done()

    def _send_again(self) -> None:
        """What has not been answered for since the last look may be lost."""
        self._resend_planned = False
        for worker in self._fanout.waits_for():
            self._fanout.resend(worker)
        self._push()

    def _arrived(self, message: Arrived) -> None:
        self._fanout.has_arrived(message.worker, message.gseq)
        for user in message.gone:
            self._ticks.leave(user)
        if message.gone:
            self._tell_ticks()
        self._take_done()

    def _take_done(self) -> None:
        """What every worker has leaves the disk; nobody waits for that."""
        done = self._fanout.take_done()
        if done and not self._flight.failed:
            gone = self._roster.forget_gone(done)
            ops: list[Op] = [groups.remove_items(self._group, done)]
            ops += [groups.remove_member(self._group, user) for user in gone]
            self._flight.submit(ops, self._flight.settled)

    # ---- ticks ----

    def _reached(self, message: Reached) -> None:
        news = [self._ticks.reached(*mark) for mark in message.marks]
        if any(news):
            self._tell_ticks()

    def _read_marks(self, worker: int) -> None:
        """What a worker has reported may be lost with the link: how far its members are is on its disk."""
        if not self._ticks.waiting:
            return
        here = [
            user
            for user, member in self._roster.members.items()
            if not member.left and self._worker.bus.owner(user) == worker
        ]
        marks = [(user, self._mark_of(user)) for user in here]
        self._reached(Reached([(user, mark.delivered, mark.read) for user, mark in marks]))

    def _tell_ticks(self) -> None:
        """Remember how far everybody is, and tell the senders when that is durable."""
        if self._flight.failed:
            return
        ops: list[Op] = []
        told: list[tuple[DeviceAddress, MessageNumber, MessageNumber]] = []
        for sender, delivered, read in self._ticks.risen():
            known = self._senders.of(sender)
            before = known.progress
            up = Progress(
                before.accepted, max(before.delivered, delivered), max(before.read, read), before.expired
            )
            if up.delivered > before.delivered or up.read > before.read:
                known.progress = up
                ops.append(self._senders.put(sender, known))
                told.append((sender, up.delivered, up.read))
            self._ticks.all_read(sender, up.read)
        if told:
            delivering.submit_ticks(self._flight, self._chat, ops, told)

    def _activity(self, sender: DeviceAddress, *, is_typing: bool) -> None:
        """Somebody types: to all who are online, and not too often."""
        now = self._worker.surroundings.beat * SWEEP_SECONDS
        if self._state is None or not self._state.may_send(sender.user):
            return
        if is_typing and now - self._typed_at.get(sender, -TYPING_SECONDS) < TYPING_SECONDS:
            return
        self._typed_at[sender] = now
        for worker, users in self._roster.audience(self._next_gseq).items():
            delivering.carry_activity(self._worker, worker, self._group, sender, users, is_typing=is_typing)

    # ---- memory and disk ----

    def _load(self) -> None:
        """Take everything from the store; nothing may be on its way there."""
        self._senders.forget()
        self._flight.failure = None
        self._flight.take_committed()
        with self._worker.environment.read() as reader:
            stored = groups.load_group(reader, self._group)
            self._state = None if stored is None else decode_state(stored)
            self._next_gseq = groups.load_next_gseq(reader, self._group)
            self._roster = Roster(groups.load_members(reader, self._group), self._worker.bus.owner)
            pending = groups.read_items(reader, self._group, 0, 2**31)
            self._fanout = Fanout(self._roster, pending)
            self._ticks = Ticks()
            self._load_waiting(reader)
        for user, member in self._roster.members.items():
            if not member.left:
                self._ticks.join(user, member.joined, self._mark_of(user))
        self._tell_ticks()  # what was reported to nobody

    def _load_waiting(self, reader: Reader) -> None:
        for sender, progress in list_senders(reader, UserId(self._group)):
            if progress.read < progress.accepted:
                numbers = groups.read_numbers(reader, self._group, sender, progress.read)
                if numbers:
                    self._ticks.waiting[sender] = Waiting(numbers)

    def _plan_reload(self) -> None:
        """A submission failed. Not at once: the disk that was full will be full for a moment longer."""
        if not self._reload_planned and not self._flight.count:
            self._reload_planned = True
            self.send_after(RELOAD_SECONDS, RELOAD)

    def _reload(self) -> None:
        self._reload_planned = False
        if not self._flight.count:  # else it comes again when it has landed
            self._load()
            self._push()

    def _plan_idle_check(self) -> None:
        if self._idle_check is None:
            self._touched = False
            self._idle_check = self.send_after(self._worker.config.mailbox_idle_seconds, CHECK_IDLE)

    def _check_idle(self) -> None:
        """Leave memory if there was nothing to do since the last look; see Mailbox._check_idle."""
        self._idle_check = None
        statistics = self.ref.statistics()
        waiting = statistics.length if statistics is not None else 0
        is_busy = self._touched or waiting or self._flight.count or self._flight.failed
        if is_busy or not self._fanout.is_done:
            self._plan_idle_check()
            return
        self.system.registry.unregister(name_of(self._group), self.ref)
        self._flight.mailbox = None
        self._worker.group_flights.pop(self._group, None)
        self.stop()
