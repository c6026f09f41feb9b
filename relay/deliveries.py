"""What goes out to one user's devices: their queues, their connections, and what they acknowledge.

A part of the user's mailbox (mailbox.py), called within the actor's turns and from nowhere else. What may be
sent, and the numbers of each queue, are device_queue.py's; the bytes are outgoing.py's.
Guarantees: D2, D5 and D6: delivered is only what is durable, deleted only what a device acknowledged or
    what has expired, and both are told to the senders when they are durable (flight.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from protocol import (
    DeviceAddress,
    DeviceId,
    ErrorCode,
    GroupAddress,
    GroupId,
    MemberAddress,
    MessageNumber,
    Seq,
    UserId,
)
from relay.delivery import QueueState
from relay.device_queue import DeviceQueue, InFlight
from relay.expired import Notices, drop_expired, give_up_undelivered, lost_with
from relay.flight import Done, ExpirySettled, Flight, ReadSettled, TicksSettled
from relay.group import acknowledging
from relay.group.acknowledging import GroupTicksSettled
from relay.group.landing import Landing, Load
from relay.group.marks import GroupMarks
from relay.outgoing import Outgoing
from relay.senders import Senders
from relay.worker import Worker
from storage import Op, Reader, accounts, mailboxes
from storage.fanouts import messages_for
from storage.groups import Mark
from storage.mailboxes import DeviceCursor, GroupMessage, QueuedMessage


@dataclass(frozen=True, slots=True)
class Replacement:
    """What follows from devices having gone, be it because a new one takes the place of all others."""

    ops: list[Op]
    """What makes it durable; those that are gone are told after that."""
    replaced: list[Outgoing]
    """Their connections."""
    notices: Notices
    """What goes with them undelivered."""


@dataclass(frozen=True, slots=True)
class Removal:
    """What follows from the user having left."""

    connections: dict[DeviceId, Outgoing]
    """Those of the user's devices."""
    notices: Notices
    """What nobody has fetched."""


class Deliveries:
    """The outgoing side of one user's mailbox."""

    __slots__ = ("_flight", "_marks", "_outgoing", "_queues", "_senders", "_user", "_worker", "devices")

    def __init__(self, worker: Worker, user: UserId, flight: Flight, senders: Senders) -> None:
        self.devices: list[DeviceId] = []
        self._worker = worker
        self._user = user
        self._flight = flight
        self._senders = senders
        self._marks = GroupMarks(worker.environment, user)
        self._queues: dict[DeviceId, DeviceQueue] = {}  # one for each of `devices`
        self._outgoing: dict[DeviceId, Outgoing] = {}  # of those that are connected

    @property
    def has_audience(self) -> bool:
        """Whether any device is connected."""
        return bool(self._outgoing)

    @property
    def is_unsettled(self) -> bool:
        """Whether fan-out rows bear something of the user's, or did until it was acknowledged."""
        return any(queue.is_unsettled for queue in self._queues.values())

    @property
    def are_full(self) -> bool:
        """Whether a device has so much waiting that it must fetch some before there is more."""
        limit = self._worker.config.max_queued_messages
        return any(queue.cursor.messages >= limit for queue in self._queues.values())

    # ---- memory and disk ----

    def load(self, reader: Reader) -> dict[DeviceId, Outgoing]:
        """Take devices and queues from the store; nothing may be on its way there.

        Returns the connections that there were, for `attach`: to the new queues none is attached.
        """
        self._marks.forget()
        self.devices = [device for device, _ in accounts.list_devices(reader, self._user)]
        self._queues = {device: self._load_queue(reader, device) for device in self.devices}
        attached, self._outgoing = self._outgoing, {}
        return attached

    def _load_queue(self, reader: Reader, device: DeviceId) -> DeviceQueue:
        address = DeviceAddress(self._user, device)
        queue = self._new_queue(device, mailboxes.load_device_queue_state(reader, address))
        if self._worker.unsettled:
            queue.bear_again(self._worker.unsettled.borne_for(address))
            # A predecessor may have counted some of them off already.
            self._worker.payload_counts.uncount(
                (message.sender.group, message.number) for _, message in queue.borne
            )
        return queue

    def _new_queue(self, device: DeviceId, cursor: DeviceCursor) -> DeviceQueue:
        config = self._worker.config
        return DeviceQueue(
            DeviceAddress(self._user, device),
            cursor,
            window_messages=config.window_messages,
            window_bytes=config.window_bytes,
        )

    def audience(self, sender: DeviceAddress) -> list[DeviceId]:
        """The devices for which messages of `sender` are: all, and in the chat with oneself all others."""
        if sender.user != self._user:
            return self.devices
        return [device for device in self.devices if device != sender.device]

    def queues_of(self, devices: Sequence[DeviceId]) -> list[DeviceQueue]:
        """The queues of these devices, to be counted when something in them is durable."""
        return [self._queues[device] for device in devices]

    def append(self, device: DeviceId, message: QueuedMessage) -> Op:
        """Put a message into the queue of a device.

        Returns what makes it durable, together with `put_cursor` of the queue, once for a submission. When
        that is durable, `Flight.messages_settled` has to hear of it.
        """
        return self._queues[device].append(message)

    def put_cursor(self, queue: DeviceQueue) -> list[Op]:
        """What makes durable how far a queue has come, and all that is to be durable with it."""
        return [*self._marks.write_passed(), *queue.put_cursor()]

    def take_in(self, load: Load) -> None:
        """Put a group's items into all queues, in the turn of a porter (group/porter.py).

        A device that has so much waiting that senders would be refused gets none: its user sees the gap. One
        that keeps up gets them without rows of its own.
        """
        limit = self._worker.config.max_queued_messages
        user = self._user
        queues: list[tuple[DeviceQueue, int]] = []
        for device, queue in self._queues.items():
            if queue.cursor.messages >= limit:
                continue
            messages = messages_for(load.messages, user, device) if user in load.senders else load.messages
            count = len(messages)
            if not count:
                continue
            if load.may_bear and queue.bears(count):
                load.bear(user, device, queue.bear(messages))
            else:
                load.ops += [queue.append(message) for message in messages]
                load.ops += self.put_cursor(queue)
                load.write(messages)
            queues.append((queue, count))
        if queues:
            load.landings.append(Landing(self, queues))

    def settle(self, device: DeviceId, upto: Seq, ops: list[Op]) -> DeviceQueue | None:
        """Have rows of its own, and a cursor, make up for what fan-out rows bear for a device up to a seq.

        Returns the queue, to be told when `ops` are durable; None: there is nothing to be told.
        """
        queue = self._queues.get(device)
        if queue is None:
            return None  # the device was removed
        if queue.accounted < upto:
            ops += self._marks.write_passed()
            ops += queue.put_cursor(upto)
        return queue

    def take_told_early(self) -> dict[GroupId, Mark]:
        """How far groups were told that the user is before it was durable; to be told again when it is."""
        return self._marks.take_told_early()

    def land(self, landed: Sequence[tuple[DeviceQueue, int]]) -> None:
        """Messages are durable: deliver them, without waking the mailbox if all goes from memory.

        In the journal's callback, where nothing may raise.

        Args:
            landed: the queues, and how many of the messages each has got.
        """
        is_left = False
        for queue, count in landed:
            queue.landed += count
            device = queue.address.device
            outgoing = self._outgoing.get(device)
            if outgoing is None or self._queues.get(device) is not queue:
                self._flight.committed = True  # it is enough that the mailbox finds it when it is next awake
                continue
            if queue.state is QueueState.ONLINE and queue.fresh:
                queue.take_landed()
                is_left = self._pump_fresh(queue, outgoing) or is_left
            else:
                is_left = True
        if is_left:
            self._flight.wake()

    def _pump_fresh(self, queue: DeviceQueue, outgoing: Outgoing) -> bool:
        """Send what is in memory; whether something is left that is on disk only."""
        self._launch_fresh(queue, outgoing)
        if queue.wants_delivery:
            return True
        queue.settle()
        return False

    def _launch_fresh(self, queue: DeviceQueue, outgoing: Outgoing) -> None:
        launched = queue.launch_fresh()
        self._worker.counters.pushed += len(launched)
        for seq, message in launched:
            outgoing.deliver(seq, message, waited=False)

    def connections(self) -> list[Outgoing]:
        """The connections of the user's devices."""
        return list(self._outgoing.values())

    # ---- messages go out ----

    def committed(self) -> None:
        """Messages have become durable: deliver them to the devices that are connected."""
        self._flight.take_committed()
        for device, queue in self._queues.items():
            # What `land` has counted already, and found on the disk only, is still to be sent.
            if queue.landed or queue.wants_delivery:
                queue.take_landed()
                outgoing = self._outgoing.get(device)
                if outgoing is not None:
                    self._pump(queue, outgoing)

    def _pump(self, queue: DeviceQueue, outgoing: Outgoing) -> None:
        """Send what is durable, as far as the window has room: from memory if it is there, else from disk."""
        while queue.wants_delivery:
            if queue.is_next_fresh:
                self._launch_fresh(queue, outgoing)
            elif not self._pump_from_disk(queue, outgoing):
                break
        queue.settle()

    def _pump_from_disk(self, queue: DeviceQueue, outgoing: Outgoing) -> bool:
        """False: what comes next has expired. EXPIRED will say that it is gone, and delivery goes on."""
        limit, size = queue.room
        now = self._worker.clock.now()
        with self._worker.environment.read() as reader:
            rows = mailboxes.read_range(reader, queue.address, queue.sent, limit, size)
        waiting = queue.with_borne(rows)
        for seq, message in waiting:
            if seq > queue.durable:
                break  # on disk already, but its Committed is still on the way here
            if queue.skip_dropped(seq):
                continue
            if queue.has_expired(seq, message, now):
                if not queue.is_borne(seq):
                    queue.look_from_head()
                    self.expire()
                    return False
                if isinstance(message, GroupMessage) and queue.drop_borne(seq, message):
                    self._worker.payload_counts.release([(message.sender.group, message.number)])
                    continue
            if not queue.wants_delivery:
                break
            if queue.launch(seq, message):
                self._worker.counters.pushed += 1
                outgoing.deliver(seq, message, waited=True)
        if not waiting or waiting[0][0] > queue.durable:
            queue.nothing_left()
        return True

    def expire(self) -> None:
        """Drop what nobody has fetched in time, a step at a time: the next one when this one is durable."""
        flight = self._flight
        if flight.expiring or flight.failed:
            return
        with self._worker.environment.read() as reader:
            drop = drop_expired(reader, self._queues, self._senders, self._worker.clock.now())
        if drop is not None:
            self._worker.payload_counts.uncount(drop.referred)
            flight.expiring = True
            ops = [*self._marks.write_passed(), *drop.ops]
            if flight.submit(ops, ExpirySettled(flight, drop.notices, drop.count)) is not None:
                flight.expiring = False

    def expired(self) -> None:
        """A step is durable: take the next, and go on with what stood behind it."""
        self.expire()
        for device, outgoing in self._outgoing.items():
            self._pump(self._queues[device], outgoing)

    def activity(self, sender: DeviceAddress | MemberAddress, *, is_typing: bool) -> None:
        """Somebody types to the user, or in a group, or has paused; not for the device that it comes from."""
        for device, outgoing in self._outgoing.items():
            if (sender.user, sender.device) != (self._user, device):
                outgoing.activity(sender, is_typing=is_typing)

    # ---- devices answer ----

    def acknowledge(self, device: DeviceId, seq: int) -> None:
        """Delete what the device has, and tick ✓✓ when that is durable."""
        queue = self._queues.get(device)
        if queue is None or self._flight.failed:
            return  # a failed flight comes back to it: the connection knows what was acknowledged
        done, ops = queue.acknowledge(seq)
        if not done:
            return
        self._worker.counters.delivered += len(done)
        if not ops and len(self._queues) == 1:
            self._acknowledged_in_passing(done)
        else:
            self._submit_acknowledged(device, done, [*self._marks.write_passed(), *ops] if ops else [])
        outgoing = self._outgoing.get(device)
        if outgoing is not None:
            self._pump(queue, outgoing)

    def passes(self, device: DeviceId) -> bool:
        """Whether what a device acknowledges now has no rows: then nothing needs the mailbox's own turn."""
        queue = self._queues.get(device)
        return queue is not None and queue.is_in_passing and len(self._queues) == 1

    def _acknowledged_in_passing(self, done: Sequence[InFlight]) -> None:
        """What was acknowledged has no row, so nothing is to be deleted: the groups are told now.

        It becomes durable when the fan-out rows go (group/settlement.py). After a crash before that the
        device says again that it has it, by its resume point.
        """
        worker, progress = self._worker, dict[GroupId, Mark]()
        for group, gseq in acknowledging.newest_of(done).items():
            mark = self._marks.passed(group, gseq)
            if mark is not None:
                progress[group] = mark
        worker.payload_counts.release(acknowledging.keys_of(done))
        if progress:
            worker.reports.note(self._user, progress)

    def _submit_acknowledged(self, device: DeviceId, done: list[InFlight], ops: list[Op]) -> None:
        """Make an acknowledgement durable, and what it means for senders and groups; then tell them."""
        ticks, progress_ops = self._senders.delivered(done, is_only_device=len(self.devices) == 1)
        settled: Done = TicksSettled(self._flight, ticks)
        of_groups = acknowledging.of_groups(done)
        if of_groups:
            progress, marked = self._marks.delivered(of_groups, self._waits_besides(device))
            progress_ops = [*progress_ops, *marked]
            keys = acknowledging.keys_of(of_groups)
            settled = GroupTicksSettled(settled, self._worker, self._user, progress, keys)
        self._flight.submit([*ops, *progress_ops], settled)

    def _waits_besides(self, device: DeviceId) -> Callable[[GroupId, int, int], bool] | None:
        """Whether something of a group waits for the user's other devices only; None if there is no other."""
        if len(self._queues) == 1:
            return None
        others = [queue for other, queue in self._queues.items() if other != device]

        def waits(group: GroupId, after: int, before: int) -> bool:
            with self._worker.environment.read() as reader:
                return acknowledging.waits_in(reader, others, group, after, before)

        return waits

    def mark_group_read(self, group: GroupId, gseq: int) -> None:
        """Remember up to where the user has read a group, if they show that to everybody."""
        if self._flight.failed or not self._worker.visibility.receipts_to_groups(self._user):
            return
        if self._marks.are_many and not self._flight.count:
            self._marks.forget()
        progress, ops = self._marks.read(group, gseq)
        if ops:
            settled = GroupTicksSettled(self._flight.settled, self._worker, self._user, progress, [])
            self._flight.submit(ops, settled)

    def mark_read(self, sender: DeviceAddress, number: MessageNumber) -> None:
        """Remember a reading and tell its sender, if both of them want that."""
        if self._flight.failed or not self._worker.visibility.receipts(self._user, sender.user):
            return
        number, ops = self._senders.read(sender, number)
        if ops:
            self._flight.submit(ops, ReadSettled(self._flight, sender, number))

    # ---- devices come and go ----

    def attach(self, device: DeviceId, outgoing: Outgoing) -> None:
        """A device is connected: welcome it if nobody has, and deliver."""
        if outgoing.end is not None:
            return  # over already; perhaps replaced by one that was faster here, which must keep its place
        queue = self._queues.get(device)
        if queue is None:
            # Who hears `logged-out` never comes back, so it is said when it is certain.
            certain = not (self._flight.count or self._flight.failed)
            outgoing.close(ErrorCode.LOGGED_OUT if certain else ErrorCode.OVERLOADED)
            return
        if outgoing.device is not None:
            queue.address = outgoing.device  # the same, and one object less for each device that is connected
        if not self._flight.failed and (lifted := queue.count_on_from(outgoing.acked)):
            self._flight.submit([*self._marks.write_passed(), *lifted], self._flight.settled)
        self._outgoing[device] = outgoing
        self._welcome(queue, outgoing)
        queue.attach(given=max(outgoing.acked, outgoing.given))
        self._pump(queue, outgoing)
        # What the device has stored beyond our cursor counts as an acknowledgement. It was in flight when the
        # last connection or mailbox ended, so it fits a window; more than that takes several rounds.
        while queue.in_flight and queue.in_flight[0].seq <= outgoing.acked and not self._flight.failed:
            self.acknowledge(device, outgoing.acked)
        for chat, number in (outgoing.readings or {}).items():
            if isinstance(chat, GroupAddress):
                self.mark_group_read(chat.group, number)
            else:
                self.mark_read(chat, MessageNumber(number))

    def _welcome(self, queue: DeviceQueue, outgoing: Outgoing) -> None:
        if outgoing.welcomed:
            return  # the connection lives, it is this mailbox that is new
        outgoing.welcomed = True
        cursor = queue.cursor
        known = max(0, min(outgoing.acked, queue.durable) - cursor.acked_seq)
        outgoing.push(self._worker.welcome(queue.address, queued=max(0, cursor.messages - known)))

    def detach(self, device: DeviceId, outgoing: Outgoing) -> None:
        """That connection has ended; one that has been replaced here changes nothing."""
        if self._outgoing.get(device) is outgoing:
            del self._outgoing[device]
            self._queues[device].detach()

    def remove_all(self) -> Removal:
        """Let there be no device from now on; whoever calls it sees to the rows."""
        self._worker.payload_counts.uncount_all()
        notices, _ = give_up_undelivered(self._senders, on_disk=self._flight.failed)
        connections, self._outgoing = self._outgoing, {}
        self.devices, self._queues = [], {}
        return Removal(connections, notices)

    def add_device(self, device: DeviceId) -> None:
        """Let there be one more, which gets what is accepted from now on; whoever calls sees to its rows."""
        self.devices.append(device)
        self._queues[device] = self._new_queue(device, DeviceCursor())

    def remove_devices(self, devices: Sequence[DeviceId]) -> Replacement:
        """Let these be gone, and others stay: in memory now, on disk with what this returns.

        What only they would have got is lost to everybody, and its senders are to hear of it.
        """
        if devices:
            self._worker.payload_counts.uncount_all()
        gone = [self._queues.pop(device) for device in devices if device in self._queues]
        self.devices = [device for device in self.devices if device in self._queues]
        with self._worker.environment.read() as reader:
            lost = lost_with(reader, gone, list(self._queues.values()), self._senders)
        removed = [self._outgoing.pop(queue.address.device, None) for queue in gone]
        ops = [op for queue in gone for op in mailboxes.remove_queue(queue.address)]
        connections = [outgoing for outgoing in removed if outgoing is not None]
        return Replacement([*ops, *lost.ops], connections, lost.notices)

    def replace_devices(self, device: DeviceId) -> Replacement:
        """Let `device` be the only one from now on: in memory now, on disk with what this returns."""
        self._worker.payload_counts.uncount_all()
        notices, ops = give_up_undelivered(self._senders, on_disk=self._flight.failed)
        for queue in self._queues.values():
            ops += mailboxes.remove_queue(queue.address)
        replaced, self._outgoing = list(self._outgoing.values()), {}
        self.devices = [device]
        self._queues = {device: self._new_queue(device, DeviceCursor())}
        return Replacement(ops, replaced, notices)
