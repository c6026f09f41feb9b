"""The mailbox of one user: takes messages for the user, keeps them, and delivers them to the user's devices.

An actor because it owns state: the accepted number of each sender, the queue of each device, and the order of
both. It is the only writer of the user's rows, so what it has in memory is what will be on disk.
Talks to: the journal; the store, for reading; the outgoing sides of its devices' connections, and of senders.
Guarantees: D1, D3, D4, D5, D6, D10 (docs/delivery.md); the decisions are in delivery.py, device_queue.py and
    senders.py.
Restarts as: transient, from the store, after the flight of its predecessor has landed (flight.py). Its
    devices' connections notice by their monitors and attach again.
Leaves memory when it has had no device and no work for a while; the next message to its name brings it back.
Not here: which bytes a device is sent (outgoing.py), who starts mailboxes (mailboxes.py).

How a message passes: Submission → admitted → one submission to the journal (queue rows, cursors, progress) →
durable → Committed → delivered to the devices that are connected, and ✓ to its sender (flight.py).
"""

from collections.abc import Callable

from actors import Actor, NameTakenError, Overflow, StartIgnored
from protocol import (
    ChangeSettings,
    DeviceAddress,
    DeviceId,
    ErrorCode,
    MessageNumber,
    Prekey,
    Send,
    Seq,
    SignedPrekey,
    UserId,
    Welcome,
)
from relay import prekeys
from relay.blocklist import Blocklist, load_blocklist
from relay.config import DAY_SECONDS, MAILBOX_QUEUE, RELOAD_SECONDS
from relay.correspondent import Source
from relay.delivery import Admission, admit, parts_by_device
from relay.device_queue import DeviceQueue
from relay.errors import RefusalError
from relay.expired import drop_expired, give_up_undelivered
from relay.flight import (
    COMMITTED,
    EXPIRED,
    FOR_NOBODY,
    LANDED,
    ExpirySettled,
    Flight,
    MessagesSettled,
    ReadSettled,
    TicksSettled,
    refusal_of,
)
from relay.mailbox_handle import (
    Acknowledge,
    Activity,
    Attach,
    ChangeOwnSettings,
    Crash,
    Detach,
    Expire,
    Keep,
    MarkRead,
    ReplaceDevices,
    Settle,
    StorePrekeys,
    Submission,
    TakeBundles,
    name_of,
)
from relay.outgoing import Outgoing
from relay.prekeys import PrekeyShelf
from relay.senders import Senders, SenderState
from relay.settings_change import change_settings
from relay.worker import Worker
from storage import JournalError, Op, accounts, mailboxes
from storage.mailboxes import DeviceCursor, Progress, QueuedMessage
from supervisors import ChildSpec, Restart


class CheckIdle:
    """A mailbox's note to itself: is anybody still interested?"""


class Reload:
    """A mailbox's note to itself: begin again from the store."""


CHECK_IDLE = CheckIdle()
RELOAD = Reload()


def child_spec(worker: Worker) -> ChildSpec:
    """The mailboxes of a worker, each to be started with its user as the argument."""
    return ChildSpec(id="mailbox", start=lambda user: Mailbox(worker, user), restart=Restart.TRANSIENT)


class Mailbox(Actor):
    """One user's mailbox."""

    __slots__ = (
        "_blocklist",
        "_devices",
        "_flight",
        "_idle_check_planned",
        "_journal",
        "_outgoing",
        "_queues",
        "_reload_planned",
        "_senders",
        "_shelf",
        "_touched",
        "_user",
        "_worker",
    )

    mailbox_limit = MAILBOX_QUEUE
    overflow = Overflow.WAIT

    def __init__(self, worker: Worker, user: UserId) -> None:
        self._worker = worker
        self._journal = worker.journal
        self._user = user
        self._flight = _flight_of(worker, user)
        self._devices: list[DeviceId] = []
        self._queues: dict[DeviceId, DeviceQueue] = {}  # one for each of _devices
        self._outgoing: dict[DeviceId, Outgoing] = {}  # of those that are connected
        self._senders = Senders(worker.environment, user)
        self._shelf = PrekeyShelf(user)
        self._blocklist: Blocklist | None = None  # None: the user blocks nobody
        self._touched = False  # something came since the last check for idleness
        self._idle_check_planned = False
        self._reload_planned = False

    async def on_start(self) -> None:
        """Take the name, so that there are never two; then wait for the predecessor's submissions to land.

        Raises:
            StartIgnored: somebody else was faster, so there is one, and all is well.
        """
        try:
            self.system.registry.register(name_of(self._user), self.ref)
        except NameTakenError:
            raise StartIgnored from None
        await self._flight.landed()
        self._flight.mailbox = self.ref
        self._load()
        self._plan_idle_check()

    def handle(self, message: object) -> object:
        """One branch for each message, the frequent ones first."""
        if type(message) is Submission:
            self._submit(message)
        elif type(message) is Acknowledge:
            self._acknowledge(message.device, message.seq)
        elif message is not COMMITTED:
            self._handle_rare(message)
        # Not only upon COMMITTED: the note may have found the mailbox full.
        self._touched = message is not CHECK_IDLE
        if self._flight.committed:
            self._deliver_committed()
        elif self._flight.failure is not None:
            self._plan_reload()
        return None

    def _handle_rare(self, message: object) -> None:
        match message:
            case MarkRead(sender, number):
                self._mark_read(sender, number)
            case Activity(sender, is_typing):
                self._tell_activity(sender, is_typing)
            case Attach(device, outgoing):
                self._attach(device, outgoing)
            case Detach(device, outgoing):
                self._detach(device, outgoing)
            case Settle(sender, source, submitted):
                self._settle(sender, source, submitted)
            case ReplaceDevices(device, ops):
                self._replace_devices(device, ops)
            case TakeBundles():
                self._take_bundles()
            case StorePrekeys(device, signed, one_time):
                self._store_prekeys(device, signed, one_time)
            case ChangeOwnSettings(change):
                self._change_settings(change)
            case Keep(ops):
                self._submit_and_reply(ops, None)
            case CheckIdle():
                self._check_idle()
            case Reload():
                self._reload()
            case Expire():
                self._expire()
            case _ if message is EXPIRED:
                self._expire()
                self._pump_all()
            case Crash():
                raise RuntimeError("crashed on purpose, by a test hook")
            case _ if message is LANDED:
                pass  # handle() looks at the flight
            case _:
                self.unexpected(message)

    # ---- messages come in ----

    def _submit(self, submission: Submission) -> None:
        """Judge messages one by one, and give those that are next to the journal, together.

        ✓ comes from there (flight.py). After one that is refused all that follow are gaps.
        What came on a connection that the device has replaced since is dropped: it sends it again on the new
        one, and may by then have given the number of one that was refused to another message.
        """
        if self._is_replaced(submission.sender, submission.source):
            return
        if self._senders.are_many and not self._flight.count:
            self._senders.forget()
        sender, source, state = submission.sender, submission.source, self._senders.of(submission.sender)
        before = state.progress.accepted
        ops: list[Op] = []
        for message in submission.messages:
            ops += self._judge(sender, source, state, message)
        if not ops:
            return
        ops += [queue.put_cursor() for queue in self._queues.values()]
        ops.append(self._senders.put(sender, state))
        first, last = before + 1, state.progress.accepted
        settled = MessagesSettled(self._flight, sender, source, first, last, state)
        if self._shuns(sender):
            settled.era = FOR_NOBODY
        error = self._give_to_journal(ops, settled)
        if error is not None:
            source.voided(self._user, MessageNumber(first), last, refusal_of(error))

    def _is_replaced(self, sender: DeviceAddress, source: Source) -> bool:
        """Whether the device has a newer connection than this one. One that is only gone still counts."""
        present = self._worker.correspondent(sender)
        return present is not None and present.replaces(source)

    def _judge(self, sender: DeviceAddress, source: Source, state: SenderState, message: Send) -> list[Op]:
        """What stores a message that is the next one; nothing for any other, whose sender is told why."""
        if self._flight.failure is not None:
            source.refused(self._user, message.number, refusal_of(self._flight.failure))
            return []
        verdict = admit(state.progress.accepted, message.number)
        if verdict is Admission.NEXT:
            return self._admit(sender, source, state, message)
        if verdict is Admission.GAP:
            source.refused(self._user, message.number, ErrorCode.OUT_OF_ORDER, state.progress.accepted + 1)
        else:
            self._worker.counters.duplicates += 1
            # One that is not durable yet is ticked when it is.
            self._tick_accepted(sender, state)
        return []

    def _admit(self, sender: DeviceAddress, source: Source, state: SenderState, message: Send) -> list[Op]:
        parts = parts_by_device(message.parts, self._devices)
        if parts is None:
            source.refused(self._user, message.number, ErrorCode.STALE_DEVICES, tuple(self._devices))
            return []
        limit = self._worker.config.max_queued_messages
        if any(queue.cursor.messages >= limit for queue in self._queues.values()):
            source.refused(self._user, message.number, ErrorCode.MAILBOX_FULL)
            return []
        now = int(self._worker.clock.now())
        expires_at = now + self._worker.config.message_life_days * DAY_SECONDS
        progress = state.progress
        state.progress = Progress(message.number, progress.delivered, progress.read, progress.expired)
        if self._blocklist is not None and sender.user in self._blocklist:
            return self._blocklist.shun(sender, message.number)
        return [
            self._queues[device].append(QueuedMessage(sender, message.number, now, expires_at, ciphertext))
            for device, ciphertext in parts
        ]

    def _give_to_journal(
        self, ops: list[Op], done: Callable[[JournalError | None], None]
    ) -> JournalError | None:
        """Submit; None if it was taken. If it was not, memory is ahead of the disk: read it again soon."""
        try:
            self._journal.submit(ops, done)
        except JournalError as error:
            self._flight.fail(error)
            return error
        self._flight.count += 1
        return None

    def _tick_accepted(self, sender: DeviceAddress, state: SenderState) -> None:
        correspondent = self._worker.correspondent(sender)
        if correspondent is not None and state.durable:
            correspondent.accepted(self._user, MessageNumber(state.durable))

    def _settle(self, sender: DeviceAddress, source: Source, submitted: MessageNumber) -> None:
        """Tell a sender what it would wait for: ✓ up to where it is durable, and what to send again."""
        state = self._senders.of(sender)
        self._tick_accepted(sender, state)
        accepted = state.progress.accepted
        if accepted < submitted:
            source.refused(self._user, submitted, ErrorCode.OUT_OF_ORDER, accepted + 1)

    # ---- messages go out ----

    def _deliver_committed(self) -> None:
        """Every message has one seq in each queue, so each queue is durable by as many more."""
        count = self._flight.take_committed()
        for device, queue in self._queues.items():
            queue.committed(queue.durable + count)
            outgoing = self._outgoing.get(device)
            if outgoing is not None:
                self._pump(queue, outgoing)

    def _pump(self, queue: DeviceQueue, outgoing: Outgoing) -> None:
        """Send what is durable, as far as the window has room: from memory if it is there, else from disk."""
        while queue.wants_delivery:
            message = queue.next_fresh()
            if message is None:
                if not self._pump_from_disk(queue, outgoing):
                    break
            elif queue.launch(Seq(queue.sent + 1), message):
                self._worker.counters.pushed += 1
                outgoing.deliver(Seq(queue.sent), message, waited=False)
        queue.settle()

    def _pump_all(self) -> None:
        for device, outgoing in self._outgoing.items():
            self._pump(self._queues[device], outgoing)

    def _pump_from_disk(self, queue: DeviceQueue, outgoing: Outgoing) -> bool:
        """False: what comes next has expired. EXPIRED will say that it is gone, and delivery goes on."""
        limit, size = queue.room
        now = self._worker.clock.now()
        with self._worker.environment.read() as reader:
            waiting = mailboxes.read_range(reader, queue.address, queue.sent, limit, size)
        for seq, message in waiting:
            if seq > queue.durable:
                break  # on disk already, but its Committed is still on the way here
            if queue.has_expired(seq, message, now):
                self._expire()
                return False
            if queue.launch(seq, message):
                self._worker.counters.pushed += 1
                outgoing.deliver(seq, message, waited=True)
        if not waiting or waiting[0][0] > queue.durable:
            queue.nothing_left()
        return True

    def _expire(self) -> None:
        """Drop what nobody has fetched in time, a step at a time: the next one when this one is durable."""
        flight = self._flight
        if flight.expiring or flight.failed:
            return
        with self._worker.environment.read() as reader:
            drop = drop_expired(reader, self._queues, self._senders, self._worker.clock.now())
        if drop is not None:
            flight.expiring = True
            if self._give_to_journal(drop.ops, ExpirySettled(flight, drop.notices, drop.count)) is not None:
                flight.expiring = False

    def _acknowledge(self, device: DeviceId, seq: int) -> None:
        """Delete what the device has, and tick ✓✓ when that is durable."""
        queue = self._queues.get(device)
        if queue is None or self._flight.failed:
            return  # a failed flight comes back to it: the connection knows what was acknowledged
        done, ops = queue.acknowledge(seq)
        if not done:
            return
        self._worker.counters.delivered += len(done)
        ticks, progress_ops = self._senders.delivered(done)
        self._give_to_journal([*ops, *progress_ops], TicksSettled(self._flight, ticks))
        outgoing = self._outgoing.get(device)
        if outgoing is not None:
            self._pump(queue, outgoing)

    def _mark_read(self, sender: DeviceAddress, number: MessageNumber) -> None:
        """Remember a reading and tell its sender, if both of them want that."""
        if self._flight.failed or not self._worker.visibility.receipts(self._user, sender.user):
            return
        number, ops = self._senders.read(sender, number)
        if ops:
            self._give_to_journal(ops, ReadSettled(self._flight, sender, number))

    def _tell_activity(self, sender: DeviceAddress, is_typing: bool) -> None:
        if not self._shuns(sender):
            for outgoing in self._outgoing.values():
                outgoing.activity(sender, is_typing=is_typing)

    # ---- what the user has chosen ----

    def _shuns(self, sender: DeviceAddress) -> bool:
        return self._blocklist is not None and sender.user in self._blocklist

    def _change_settings(self, change: ChangeSettings) -> None:
        """Change them in memory now, on disk with this commit; whoever was unblocked learns what is gone."""
        flight = self._flight
        if flight.failure is not None:
            self.reply_later().send(flight.failure)  # what is in memory is void; it is read again soon
            return
        blocklist = self._blocklist or Blocklist(self._user)
        try:
            with self._worker.environment.read() as reader:
                now = self._worker.clock.now()
                changed = change_settings(reader, blocklist, self._senders, self._user, change, now)
        except RefusalError as refusal:
            self.reply_later().send(refusal)
            return
        self._blocklist = blocklist if len(blocklist) else None

        def settled(error: JournalError | None) -> None:
            if error is None:
                flight.tell_expired(changed.notices)

        self._submit_and_reply(changed.ops, changed.answer, settled)

    # ---- devices come and go ----

    def _attach(self, device: DeviceId, outgoing: Outgoing) -> None:
        if outgoing.end is not None:
            # Over already; perhaps replaced by one that was faster here, which must keep its place.
            self._plan_idle_check()
            return
        queue = self._queues.get(device)
        if queue is None:
            # Who hears `logged-out` never comes back, so it is said when it is certain.
            certain = not (self._flight.count or self._flight.failed)
            outgoing.close(ErrorCode.LOGGED_OUT if certain else ErrorCode.OVERLOADED)
            return
        if not self._flight.failed and (lifted := queue.count_on_from(outgoing.acked)):
            self._give_to_journal(lifted, self._flight.settled)
        self._outgoing[device] = outgoing
        self._welcome(queue, outgoing)
        queue.attach(given=max(outgoing.acked, outgoing.given))
        self._pump(queue, outgoing)
        # What the device has stored beyond our cursor counts as an acknowledgement. It was in flight when the
        # last connection or mailbox ended, so it fits a window; more than that takes several rounds.
        while queue.in_flight and queue.in_flight[0].seq <= outgoing.acked and not self._flight.failed:
            self._acknowledge(device, outgoing.acked)
        for sender, number in outgoing.readings.items():
            self._mark_read(sender, number)

    def _welcome(self, queue: DeviceQueue, outgoing: Outgoing) -> None:
        if outgoing.welcomed:
            return  # the connection lives, it is this mailbox that is new
        outgoing.welcomed = True
        config, cursor = self._worker.config, queue.cursor
        known = min(outgoing.acked, queue.durable)
        outgoing.push(
            Welcome(
                user=queue.address.user,
                device=queue.address.device,
                server_time=int(self._worker.clock.now() * 1000),
                keepalive_s=config.keepalive_seconds,
                window=config.window_messages,
                queued=max(0, cursor.messages - max(0, known - cursor.acked_seq)),
            )
        )

    def _detach(self, device: DeviceId, outgoing: Outgoing) -> None:
        if self._outgoing.get(device) is not outgoing:
            return
        del self._outgoing[device]
        self._queues[device].detach()
        self._plan_idle_check()

    def _replace_devices(self, device: DeviceId, ops: list[Op]) -> None:
        """The old devices are gone: in memory now, on disk with the commit that adds the new one.

        They are told when that is durable: who hears `logged-out` never comes back. So are the senders of
        what goes with them.
        """
        notices, progress_ops = give_up_undelivered(self._senders, on_disk=self._flight.failed)
        ops += progress_ops
        replaced, self._outgoing = list(self._outgoing.values()), {}
        for queue in self._queues.values():
            ops += mailboxes.remove_queue(queue.address)
        self._devices = [device]
        self._queues = {device: self._new_queue(device, DeviceCursor())}
        flight = self._flight
        flight.forget_messages()

        def settled(error: JournalError | None) -> None:
            for outgoing in replaced:
                outgoing.close(ErrorCode.LOGGED_OUT if error is None else refusal_of(error))
            if error is None:
                flight.tell_expired(notices)

        self._submit_and_reply(ops, None, settled)
        self._plan_idle_check()

    def _take_bundles(self) -> None:
        with self._worker.environment.read() as reader:
            bundles, ops = self._shelf.take(reader)
        shelf = self._shelf
        self._submit_and_reply(ops, bundles, lambda _error: shelf.settled(bundles))

    def _store_prekeys(
        self, device: DeviceId, signed: SignedPrekey | None, one_time: tuple[Prekey, ...]
    ) -> None:
        """An upload of a device that was logged out is dropped: it must not bring the device back."""
        if device not in self._queues:
            self.reply_later().send(0)
            return
        with self._worker.environment.read() as reader:
            count, ops = prekeys.upload(reader, DeviceAddress(self._user, device), signed, one_time)
        self._submit_and_reply(ops, count)

    def _submit_and_reply(
        self,
        ops: list[Op],
        answer: object,
        settled: Callable[[JournalError | None], None] | None = None,
    ) -> None:
        """Answer the present question when `ops` are durable, or with the JournalError if they are not."""
        reply, flight = self.reply_later(), self._flight

        def done(error: JournalError | None) -> None:
            flight.settled(error)
            answered(error)

        def answered(error: JournalError | None) -> None:
            if settled is not None:
                settled(error)
            reply.send(error if error is not None else answer)

        error = self._give_to_journal(ops, done)
        if error is not None:
            answered(error)

    # ---- memory and disk ----

    def _load(self) -> None:
        """Take everything from the store; nothing may be on its way there."""
        self._senders.forget()
        self._flight.failure = None
        self._flight.forget_messages()
        with self._worker.environment.read() as reader:
            devices = [device for device, _ in accounts.list_devices(reader, self._user)]
            cursors = [
                mailboxes.load_device_queue_state(reader, DeviceAddress(self._user, device))
                for device in devices
            ]
            self._blocklist = load_blocklist(reader, self._user)
        self._devices = devices
        self._queues = {
            device: self._new_queue(device, cursor) for device, cursor in zip(devices, cursors, strict=True)
        }

    def _new_queue(self, device: DeviceId, cursor: DeviceCursor) -> DeviceQueue:
        config = self._worker.config
        return DeviceQueue(
            DeviceAddress(self._user, device),
            cursor,
            window_messages=config.window_messages,
            window_bytes=config.window_bytes,
        )

    def _plan_reload(self) -> None:
        """A submission failed. Not at once: the disk that was full will be full for a moment longer."""
        if not self._reload_planned and not self._flight.count:
            self._reload_planned = True
            self.send_after(RELOAD_SECONDS, RELOAD)

    def _reload(self) -> None:
        self._reload_planned = False
        if self._flight.count:
            return  # given to the journal since this was planned; comes again when it has landed
        self._load()
        attached, self._outgoing = self._outgoing, {}
        for device, outgoing in attached.items():
            self._attach(device, outgoing)

    def _plan_idle_check(self) -> None:
        if not self._idle_check_planned and not self._outgoing:
            self._idle_check_planned = True
            self._touched = False
            self.send_after(self._worker.config.mailbox_idle_seconds, CHECK_IDLE)

    def _check_idle(self) -> None:
        """Leave memory if there was nothing to do since the last look; nothing is lost, all of it is on disk.

        Giving up the name and looking whether anything waits happen in one turn: whoever finds the name gone
        starts a new mailbox, and whoever found it before has its message in the queue.
        """
        self._idle_check_planned = False
        statistics = self.ref.statistics()
        waiting = statistics.length if statistics is not None else 0
        if self._outgoing or self._touched or waiting or self._flight.count or self._flight.failed:
            self._plan_idle_check()
            return
        self.system.registry.unregister(name_of(self._user), self.ref)
        self._flight.mailbox = None
        self._worker.flights.pop(self._user, None)
        self.stop()


def _flight_of(worker: Worker, user: UserId) -> Flight:
    """The flight of the mailbox's predecessor, if it died; otherwise a new one."""
    flight = worker.flights.get(user)
    if flight is None:
        flight = worker.flights[user] = Flight(user, worker.correspondent, worker.counters)
    return flight
