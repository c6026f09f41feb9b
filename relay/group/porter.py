"""Brings what groups send to the members of this worker into their queues: one submission for all of them.

An actor because it waits for mailboxes that are not in memory to start. There are several: one group's items
go to one porter, in order, and another's need not wait for them.
Talks to: the doors of mailboxes (Deliveries), within its own turn and not by messages: a thousand members
    would be as many task switches, and all of them must be in one submission.
Guarantees: D3 and D4 for groups. Fan-out row, rows and `arrived` become durable together: what is sent again
    has arrived for all members here, or for none.
Restarts as: permanent; the group sends again what was in its hands.

Rule 1: what is not behind what has arrived is dropped, and answered. What would leave a gap is dropped
    without an answer: an earlier batch has failed, and the group sends both again.
Rule 2: a mailbox takes rows only while it lives and its memory holds; until then the batch waits, for a
    bounded time. A member whose account cannot be read does not hold up the others.
"""

import logging
from dataclasses import dataclass

import trio

from actors import Actor, ActorDeadError, MailboxFullError, Overflow
from protocol import DeviceId, ErrorCode, GroupId, GroupSeq, UserId
from relay.bus import messages as m
from relay.bus.peer import Peer
from relay.errors import RefusalError
from relay.flight import Flight
from relay.group.handle import running_group
from relay.group.landing import Load
from relay.group.roster import unpack_users
from relay.group.unsettled import Bearer
from relay.mailboxes import Mailboxes
from relay.worker import Worker
from storage import JournalError, payloads
from storage.fanouts import Fanout, put_fanout
from storage.mailboxes import GroupMessage
from storage.payloads import PayloadKey
from supervisors import ChildSpec, ChildStartError

log = logging.getLogger("roost.relay")

PORTERS = 8
"""Each is one group's at a time."""

PORTER_QUEUE = 256
"""Batches that wait for one porter; what finds it full is sent again by its group."""

STARTS_AT_ONCE = 32
"""Mailboxes started before others get a turn: some milliseconds."""

PATIENCE_SECONDS = 5.0
"""How long a batch waits for mailboxes whose memory is void; then the group sends it again."""

LOOK_AGAIN_SECONDS = 0.02


@dataclass(slots=True)
class Arrival:
    """Items of a group for members of this worker."""

    group: GroupId
    behind: GroupSeq
    users: bytes
    messages: list[GroupMessage]
    peer: Peer | None
    """The worker of the group; None: this one."""
    era: int


def child_specs(worker: Worker, mailboxes: Mailboxes) -> list[ChildSpec]:
    """The porters of a worker."""
    return [_child_spec(worker, mailboxes, number) for number in range(PORTERS)]


def _child_spec(worker: Worker, mailboxes: Mailboxes, number: int) -> ChildSpec:
    return ChildSpec(id=f"porter {number}", start=lambda: Porter(worker, mailboxes, number))


def bring(worker: Worker, arrival: Arrival) -> None:
    """Hand items to their porter; dropped if it has too many, for the group to send again."""
    try:
        worker.system.via(_name(arrival.group % PORTERS)).tell_nowait(arrival)
    except MailboxFullError:
        log.warning("porter_full", extra={"group": f"{arrival.group:016x}"})


def _name(number: int) -> tuple[str, int]:
    return ("porter", number)


class Porter(Actor):
    """Brings one batch after the other."""

    mailbox_limit = PORTER_QUEUE
    overflow = Overflow.REFUSE

    def __init__(self, worker: Worker, mailboxes: Mailboxes, number: int) -> None:
        self._worker = worker
        self._mailboxes = mailboxes
        self._number = number
        self._packed = b""  # the members of the latest batch, most of the time those of the next as well
        self._users: tuple[UserId, ...] = ()
        self._devices: list[tuple[UserId, DeviceId]] = []  # those of the latest fan-out row, likewise

    async def on_start(self) -> None:
        """Be found by name.

        Raises:
            NameTakenError: there is one already.
        """
        self.system.registry.register(_name(self._number), self.ref)

    async def handle(self, message: object) -> None:
        """One batch."""
        if type(message) is not Arrival:
            self.unexpected(message)
            return
        new = self._new_of(message)
        doors: list[Flight] | None = None
        gone: list[UserId] = []
        if new:
            if message.users != self._packed:
                self._packed, self._users = message.users, unpack_users(message.users)
            doors = self._open_doors(self._users)
            if doors is None:
                doors, gone = await self._wait_for_doors(self._users)
                # What was on its way to the disk when this came may have failed since: then there is a gap.
                new = self._new_of(message)
        if new and doors is not None:
            self._bring_in(message, new, doors, gone)
        elif new is not None and not new:
            self._answer_when_durable(message)

    def _new_of(self, arrival: Arrival) -> list[GroupMessage] | None:
        """What has not arrived yet; None if there is a gap before it (Rule 1)."""
        arrived = self._worker.arrived.get(arrival.group)
        if arrived is None:
            with self._worker.environment.read() as reader:
                arrived = payloads.load_arrived(reader, arrival.group)
        if arrived < arrival.behind:
            return None
        if arrival.messages[0].number > arrived:
            return arrival.messages
        return [message for message in arrival.messages if message.number > arrived]

    # ---- whose doors are open ----

    def _open_doors(self, users: tuple[UserId, ...]) -> list[Flight] | None:
        """The flights of these users, if all their doors are open."""
        flights = self._worker.flights
        found: list[Flight] = []
        for user in users:
            flight = flights.get(user)
            if flight is None or not flight.is_open:
                return None
            found.append(flight)
        return found

    async def _wait_for_doors(self, users: tuple[UserId, ...]) -> tuple[list[Flight] | None, list[UserId]]:
        """Start what is not in memory, and wait for it; None if it takes too long (Rule 2)."""
        deadline = trio.current_time() + PATIENCE_SECONDS
        gone: dict[UserId, None] = {}
        unreadable: dict[UserId, None] = {}
        while True:
            await self._start_missing(users, gone, unreadable)
            here = tuple(user for user in users if user not in gone and user not in unreadable)
            found = self._open_doors(here)
            if found is not None:
                return found, list(gone)
            if trio.current_time() > deadline:
                log.warning("group_waits_for_mailboxes", extra={"porter": self._number})
                return None, []
            await trio.sleep(LOOK_AGAIN_SECONDS)

    async def _start_missing(
        self, users: tuple[UserId, ...], gone: dict[UserId, None], unreadable: dict[UserId, None]
    ) -> None:
        started = 0
        for user in users:
            if self._mailboxes.running(user) is not None or user in gone or user in unreadable:
                continue
            started += 1
            if started % STARTS_AT_ONCE == 0:
                await trio.lowlevel.checkpoint()
            try:
                await self._mailboxes.get(user)
            except RefusalError as refusal:
                (gone if refusal.code is ErrorCode.UNKNOWN_USER else unreadable)[user] = None
            except ActorDeadError:
                return  # all mailboxes are begun anew, or the node stops: nobody is left out for that
            except ChildStartError as error:
                log.error("member_left_out", extra={"user": f"{user:016x}", "reason": type(error).__name__})
                unreadable[user] = None

    # ---- into the queues ----

    def _bring_in(
        self, arrival: Arrival, new: list[GroupMessage], flights: list[Flight], gone: list[UserId]
    ) -> None:
        """Give everything to the journal at once."""
        worker, group = self._worker, arrival.group
        load = Load(new, may_bear=worker.unsettled.has_room)
        for flight in flights:
            door = flight.door
            assert door is not None  # they are all open, and this is one turn
            door.take_in(load)
        bearer = self._bearer_of(load)
        last = new[-1].number
        ops = load.ops
        held: list[PayloadKey] = []
        for message in new:
            held += self._hold(message, load, bearer)
        if bearer is not None:
            ops.append(put_fanout(bearer.fanout))
            worker.unsettled.add(bearer)
        ops.append(payloads.put_arrived(group, last))
        worker.arrived[group] = last
        for flight in flights:
            flight.join()

        def done(error: JournalError | None) -> None:
            if error is not None:
                worker.arrived.pop(group, None)
                worker.payload_counts.uncount(held)
                worker.payload_counts.put_down(held)
                if bearer is not None:
                    worker.unsettled.remove(bearer)
            else:
                if bearer is not None:
                    bearer.is_durable = True
                for landing in load.landings:
                    landing.land()
            for flight in flights:
                flight.settled(error)
            if error is None:
                self._answer(arrival, gone)

        try:
            worker.journal.submit(ops, done)
        except JournalError as error:
            done(error)

    def _bearer_of(self, load: Load) -> Bearer | None:
        """The fan-out row for all devices that get none of their own."""
        if not load.devices:
            return None
        if load.devices == self._devices:
            devices = self._devices  # one object for all batches, so that settling looks at each device once
        else:
            devices = self._devices = load.devices
        return Bearer(Fanout(load.messages, devices, load.firsts), trio.current_time())

    def _hold(self, message: GroupMessage, load: Load, bearer: Bearer | None) -> list[PayloadKey]:
        """Count for how many devices a payload waits, and keep it if one has a row; what is counted."""
        key = (message.sender.group, message.number)
        rows = load.written.get(key, 0)
        if rows:
            load.ops.append(payloads.put_payload(*key, message.ciphertext))
        borne = 0 if bearer is None else bearer.count_of(message)
        if not rows + borne:
            return []
        self._worker.payload_counts.hold(key, rows + borne, is_borne=borne > 0)
        return [key]

    def _answer_when_durable(self, arrival: Arrival) -> None:
        """All of it is here, or on its way to the disk: say so when what is on its way is there."""
        worker, last = self._worker, arrival.messages[-1].number

        def done(error: JournalError | None) -> None:
            if error is None and worker.arrived.get(arrival.group, last) >= last:
                self._answer(arrival, [])

        try:
            worker.journal.submit([], done)
        except JournalError:
            pass  # the group sends it again

    def _answer(self, arrival: Arrival, gone: list[UserId]) -> None:
        """Tell the group that everything up to here is durable, as long as it can be sure what that means."""
        last = arrival.messages[-1].number
        if arrival.peer is None:
            group = running_group(self._worker.system, arrival.group)
            if group is not None:
                group.arrived(self._worker.store.worker, last, gone)
        elif arrival.era == arrival.peer.era:
            arrival.peer.tell(m.GroupArrived(arrival.group, self._worker.store.worker, last, gone))
