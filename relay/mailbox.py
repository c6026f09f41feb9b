"""The mailbox of one user: takes messages for the user, keeps them, and delivers them to the user's devices.

An actor because it owns state: the accepted number of each sender, the queue of each device, and the order of
both. It is the only writer of the user's rows, so what it has in memory is what will be on disk.
Consists of: what comes in (intake.py), what goes out (deliveries.py), how far each sender has come
    (senders.py), and what is on its way to the disk (flight.py). Here is the actor around them: its life and
    its dialogue.
Talks to: the journal; the store, for reading; the outgoing sides of its devices' connections, and of senders.
Guarantees: D1, D3, D4, D5, D6, D10 (docs/delivery.md).
Restarts as: transient, from the store, after the flight of its predecessor has landed. Its devices'
    connections notice by their monitors and attach again.
Leaves memory when it has had no device and no work for a while; the next message to its name brings it back.
Not here: which bytes a device is sent (outgoing.py), who starts mailboxes (mailboxes.py).

How a message passes: Submission → admitted → one submission to the journal (queue rows, cursors, progress) →
durable → Committed → delivered to the devices that are connected, and ✓ to its sender.
"""

from collections.abc import Callable, Coroutine
from typing import Any

import trio

from actors import Actor, NameTakenError, Overflow, StartIgnored, TimerRef
from protocol import ChangeSettings, DeviceAddress, DeviceId, ErrorCode, UploadPrekeys, UserId
from relay import prekeys
from relay.blocklist import Blocklist, load_blocklist
from relay.bus.messages import Lost
from relay.config import MAILBOX_QUEUE, RELOAD_SECONDS
from relay.deliveries import Deliveries
from relay.devices import UserDevices
from relay.errors import RefusalError
from relay.flight import COMMITTED, EXPIRED, LANDED, refusal_of
from relay.intake import Intake
from relay.mailbox_handle import (
    Acknowledge,
    Activity,
    Attach,
    ChangeDevices,
    ChangeOwnSettings,
    Crash,
    Detach,
    Expire,
    Judge,
    Keep,
    MarkGroupRead,
    MarkRead,
    RemoveAccount,
    ReplaceDevices,
    Settle,
    StorePrekeys,
    Submission,
    TakeBundles,
    name_of,
)
from relay.outgoing import Outgoing
from relay.prekeys import PrekeyCount, PrekeyShelf
from relay.senders import Senders
from relay.settings_change import change_settings
from relay.worker import Worker
from storage import JournalError, Op, accounts, device_lists
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
        "_changes_devices",
        "_deliveries",
        "_flight",
        "_idle_check",
        "_intake",
        "_is_leaving",
        "_is_successor",
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
        self._user = user
        self._is_successor = user in worker.flights
        self._flight = worker.flight_of(user)
        self._senders = Senders(worker.environment, user)
        self._deliveries = Deliveries(worker, user, self._flight, self._senders)
        self._intake = Intake(worker, user, self._flight, self._senders, self._deliveries)
        self._shelf: PrekeyShelf | None = None  # made when somebody asks for bundles
        self._is_leaving = False  # the account is on its way out
        self._touched = False  # something came since the last check for idleness
        self._idle_check: TimerRef | None = None  # the one that is planned
        self._reload_planned = False
        self._changes_devices = False  # a change of devices is on its way to the disk

    def on_start(self) -> Coroutine[Any, Any, None] | None:
        """Take the name, so that there are never two; then wait for the predecessor's submissions to land.

        Raises:
            StartIgnored: somebody else was faster, so there is one, and all is well.
        """
        try:
            self.system.registry.register(name_of(self._user), self.ref)
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
        self._flight.mailbox = self.ref
        self._flight.door = self._deliveries
        self._load()
        self._plan_idle_check()
        if self._is_successor:  # senders here have watched the predecessor; those elsewhere are told
            self._worker.bus.tell_all(Lost(self._user))

    def handle(self, message: object) -> object:
        """One branch for each message, the frequent ones first."""
        if self._is_leaving:
            self.reply_later()  # whoever asks hears of the end, and whoever tells inquires after it
        elif type(message) is Submission:
            self._intake.submit(message.sender, message.source, message.messages)
        elif type(message) is Acknowledge:
            self._deliveries.acknowledge(message.device, message.seq)
        elif message is not COMMITTED:
            self._handle_rare(message)
        # Not only upon COMMITTED: the note may have found the mailbox full.
        self._touched = message is not CHECK_IDLE
        if self._flight.committed:
            self._deliveries.committed()
        elif self._flight.failure is not None:
            self._plan_reload()
        return None

    def _handle_rare(self, message: object) -> None:
        match message:
            case MarkRead(sender, number):
                self._deliveries.mark_read(sender, number)
            case MarkGroupRead(group, gseq):
                self._deliveries.mark_group_read(group, gseq)
            case Activity(sender, is_typing):
                if not self._intake.shuns(sender.user):
                    self._deliveries.activity(sender, is_typing=is_typing)
            case Attach(device, outgoing):
                self._attach(device, outgoing)
            case Detach(device, outgoing):
                self._deliveries.detach(device, outgoing)
                self._plan_idle_check()
            case Settle(sender, source, submitted):
                self._intake.settle(sender, source, submitted)
            case ReplaceDevices(device, ops):
                self._replace_devices(device, ops)
            case ChangeDevices(judge, spare):
                self._change_devices(judge, spare)
            case TakeBundles(devices):
                self._take_bundles(devices)
            case StorePrekeys(device, uploaded):
                self._store_prekeys(device, uploaded)
            case ChangeOwnSettings(change):
                self._change_settings(change)
            case Keep(ops):
                self._submit_and_reply(ops, None)
            case RemoveAccount(spare):
                self._remove_account(spare)
            case CheckIdle():
                self._check_idle()
            case Reload():
                self._reload()
            case Expire():
                self._deliveries.expire()
            case _ if message is EXPIRED:
                self._deliveries.expired()
            case Crash():
                raise RuntimeError("crashed on purpose, by a test hook")
            case _ if message is LANDED:
                pass  # handle() looks at the flight
            case _:
                self.unexpected(message)

    def _attach(self, device: DeviceId, outgoing: Outgoing) -> None:
        self._deliveries.attach(device, outgoing)
        if not self._deliveries.has_audience:
            self._plan_idle_check()  # it was too late for it
        elif self._idle_check is not None:
            self._idle_check.cancel()  # a timer for each of thousands of devices is memory and wakes
            self._idle_check = None

    # ---- what a mailbox is asked ----

    def _replace_devices(self, device: DeviceId, ops: list[Op]) -> None:
        """The old devices are gone: in memory now, on disk with the commit that adds the new one.

        They are told when that is durable: who hears `logged-out` never comes back. So are the senders of
        what goes with them.
        """
        replacement, flight = self._deliveries.replace_devices(device), self._flight

        def settled(error: JournalError | None) -> None:
            for outgoing in replacement.replaced:
                outgoing.close(ErrorCode.LOGGED_OUT if error is None else refusal_of(error))
            if error is None:
                flight.tell_expired(replacement.notices)

        self._submit_and_reply([*ops, *replacement.ops], None, settled)
        self._plan_idle_check()

    def _change_devices(self, judge: Judge, spare: DeviceId) -> None:
        """Devices come or go; the others keep everything, and notice it by the next stale message at most.

        One change at a time: a decision is taken on what is durable, which the one before it may not be yet.
        """
        flight, deliveries = self._flight, self._deliveries
        if flight.failure is not None or self._changes_devices:
            self.reply_later().send(flight.failure or RefusalError(ErrorCode.OVERLOADED))
            return
        try:
            with self._worker.environment.read() as reader:
                change = judge(reader)
        except RefusalError as refusal:
            self.reply_later().send(refusal)
            return
        departure = deliveries.remove_devices(change.removed)
        if change.added is not None and change.added not in deliveries.devices:
            deliveries.add_device(change.added)
        self._changes_devices = True

        def settled(error: JournalError | None) -> None:
            self._changes_devices = False
            for outgoing in departure.replaced:
                if error is not None or outgoing.device != DeviceAddress(self._user, spare):
                    outgoing.close(ErrorCode.LOGGED_OUT if error is None else refusal_of(error))
            if error is None:
                flight.tell_expired(departure.notices)

        self._submit_and_reply([*change.ops, *departure.ops], change, settled)
        self._plan_idle_check()

    def _remove_account(self, spare: DeviceId) -> None:
        """Everything of the user goes, and with it what nobody has fetched, which the senders are told.

        From here on nothing more is taken: it would be stored behind the removal. If the disk refuses, the
        successor begins from the store as it was.
        """
        removal, flight = self._deliveries.remove_all(), self._flight
        self._is_leaving = True
        flight.door = None

        def settled(error: JournalError | None) -> None:
            for device, outgoing in removal.connections.items():
                if device != spare or error is not None:
                    outgoing.close(ErrorCode.LOGGED_OUT if error is None else refusal_of(error))
            if error is None:
                flight.tell_expired(removal.notices)

        self._submit_and_reply(accounts.forget_user(self._user), None, settled, self._leave)

    def _leave(self) -> None:
        """End, so that whoever comes next finds what the store says: nobody, or the user as before."""
        self.system.registry.unregister(name_of(self._user), self.ref)
        self.stop()

    def _take_bundles(self, devices: tuple[DeviceId, ...] | None) -> None:
        """What is durable: list, devices and bundles fit one another also while a device comes or goes."""
        with self._worker.environment.read() as reader:
            present = tuple(device for device, _ in accounts.list_devices(reader, self._user))
            wanted = present if devices is None else devices
            now = trio.current_time()
            # Nobody is kept from writing; but for first messages by the dozen the last resorts have to do.
            one_time = bool(wanted) and self._worker.limits.grants_one_time(self._user, now)
            shelf = self._shelf = self._shelf or PrekeyShelf(self._user)
            bundles, ops = shelf.take(reader, wanted, one_time=one_time)
            device_list = device_lists.load_device_list(reader, self._user)
        answer = UserDevices(bundles, device_list, present)
        self._submit_and_reply(ops, answer, lambda _error: shelf.settled(bundles))

    def _store_prekeys(self, device: DeviceId, uploaded: UploadPrekeys) -> None:
        """An upload of a device that was logged out is dropped: it must not bring the device back."""
        if device not in self._deliveries.devices:
            self.reply_later().send(PrekeyCount(0, 0))
            return
        with self._worker.environment.read() as reader:
            count, ops = prekeys.upload(reader, DeviceAddress(self._user, device), uploaded)
        self._submit_and_reply(ops, count)

    def _change_settings(self, change: ChangeSettings) -> None:
        """Change them in memory now, on disk with this commit; whoever was unblocked learns what is gone."""
        flight = self._flight
        if flight.failure is not None:
            self.reply_later().send(flight.failure)  # what is in memory is void; it is read again soon
            return
        blocklist = self._intake.blocklist or Blocklist(self._user)
        try:
            with self._worker.environment.read() as reader:
                now = self._worker.clock.now()
                changed = change_settings(reader, blocklist, self._senders, self._user, change, now)
        except RefusalError as refusal:
            self.reply_later().send(refusal)
            return
        self._intake.blocklist = blocklist if len(blocklist) else None

        def settled(error: JournalError | None) -> None:
            if error is None:
                flight.tell_expired(changed.notices)

        self._submit_and_reply(changed.ops, changed.answer, settled)

    def _submit_and_reply(
        self,
        ops: list[Op],
        answer: object,
        settled: Callable[[JournalError | None], None] | None = None,
        answered_too: Callable[[], None] = lambda: None,
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
            answered_too()

        error = flight.submit(ops, done)
        if error is not None:
            answered(error)

    # ---- memory and disk ----

    def _load(self) -> dict[DeviceId, Outgoing]:
        """Take everything from the store; nothing may be on its way there. Returns who was attached."""
        self._senders.forget()
        self._flight.failure = None
        self._flight.take_committed()
        with self._worker.environment.read() as reader:
            self._intake.blocklist = load_blocklist(reader, self._user)
            return self._deliveries.load(reader)

    def _plan_reload(self) -> None:
        """A submission failed. Not at once: the disk that was full will be full for a moment longer."""
        if not self._reload_planned and not self._flight.count:
            self._reload_planned = True
            self.send_after(RELOAD_SECONDS, RELOAD)

    def _reload(self) -> None:
        self._reload_planned = False
        if self._flight.count:
            return  # given to the journal since this was planned; comes again when it has landed
        for device, outgoing in self._load().items():
            self._attach(device, outgoing)

    def _plan_idle_check(self) -> None:
        if self._idle_check is None and not self._deliveries.has_audience:
            self._touched = False
            self._idle_check = self.send_after(self._worker.config.mailbox_idle_seconds, CHECK_IDLE)

    def _check_idle(self) -> None:
        """Leave memory if there was nothing to do since the last look; nothing is lost, all of it is on disk.

        Giving up the name and looking whether anything waits happen in one turn: whoever finds the name gone
        starts a new mailbox, and whoever found it before has its message in the queue.
        """
        self._idle_check = None
        if self._is_busy:
            self._plan_idle_check()
            return
        self.system.registry.unregister(name_of(self._user), self.ref)
        self._flight.mailbox = None
        self._worker.flights.pop(self._user, None)
        self.stop()

    @property
    def _is_busy(self) -> bool:
        """Whether anybody is connected, anything came since the last look, or anything is under way."""
        statistics = self.ref.statistics()
        waiting = statistics.length if statistics is not None else 0
        deliveries, flight = self._deliveries, self._flight
        is_open = deliveries.has_audience or deliveries.is_unsettled
        return bool(is_open or self._touched or waiting or flight.count or flight.failed)
