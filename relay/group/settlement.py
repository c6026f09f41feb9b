"""Settles what fan-out rows bear: who has acknowledged gets a cursor that says so, who has not gets rows.

An actor because of its timer. A fan-out row is settled a second after it came: by then nearly everybody who
is online has what it bears, and a cursor and a mark make up for all messages of that second.
Talks to: the doors of mailboxes (Deliveries), within its own turn, as porters do; mailboxes that are not in
    memory it starts.
Guarantees: D2 and D6 for what is borne. A fan-out row goes when all cursors that make up for it are durable.
Restarts as: permanent; a new one finds what is there. What a killed worker has left is settled like the rest.

Rule 1: whoever cannot be settled now (a mailbox that is restarted, a full disk) keeps the fan-out row where
    it is until the next round, and nobody else waiting.
Rule 2: from asking a door to the submission is one turn. Were there a wait between, what the mailbox submits
    meanwhile would be overwritten by a cursor from before; and whoever ends the actor there would leave
    queues behind that count on rows which nobody writes.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import trio

from actors import Actor, ActorDeadError
from protocol import DeviceId, ErrorCode, GroupId, Seq, UserId
from relay.device_queue import DeviceQueue
from relay.errors import RefusalError
from relay.flight import Flight
from relay.group.unsettled import Bearer
from relay.mailboxes import Mailboxes
from relay.worker import Worker
from storage import JournalError, Op
from storage.fanouts import remove_fanout
from storage.groups import Mark
from storage.tables import only_grows
from supervisors import ChildSpec, ChildStartError

log = logging.getLogger("roost.relay")

SETTLE_SECONDS = 1.0
"""After which a fan-out row is settled, and between two looks."""

USERS_AT_ONCE = 128
"""Settled in one submission: about a millisecond, after which others have their turn."""


class LookOn:
    """The actor's note to itself: the next round."""


LOOK_ON = LookOn()

Devices = dict[DeviceId, Seq]
"""{device: up to where it is to be settled}"""


def child_spec(worker: Worker, mailboxes: Mailboxes) -> ChildSpec:
    """The one settlement of a worker."""
    return ChildSpec(id="settlement", start=lambda: Settlement(worker, mailboxes))


@dataclass(slots=True)
class _Share:
    """Some users of a round, settled together."""

    ops: list[Op] = field(default_factory=list)
    flights: list[Flight] = field(default_factory=list)
    queues: list[tuple[DeviceQueue, Seq]] = field(default_factory=list)
    told_early: list[tuple[UserId, dict[GroupId, Mark]]] = field(default_factory=list)


class _Round:
    """The submissions of one round: only when all of them are durable may fan-out rows go."""

    def __init__(self, worker: Worker, durable: Callable[[], None]) -> None:
        self._worker = worker
        self._durable = durable
        self._failed = False

    def submit(self, share: _Share, *, is_last: bool = False) -> None:
        """Make a share durable; the last one is settled behind all others."""

        def done(error: JournalError | None) -> None:
            self._settled(share, error)
            if is_last and not self._failed:
                self._durable()

        try:
            self._worker.journal.submit(share.ops, done)
        except JournalError as error:
            self._settled(share, error)

    def _settled(self, share: _Share, error: JournalError | None) -> None:
        if error is None:
            for queue, upto in share.queues:
                queue.has_own_rows(upto)
            for user, marks in share.told_early:
                self._worker.reports.note(user, marks)
        else:
            self._failed = True
        for flight in share.flights:
            flight.settled(error)


class Settlement(Actor):
    """One round after the other."""

    def __init__(self, worker: Worker, mailboxes: Mailboxes) -> None:
        self._worker = worker
        self._mailboxes = mailboxes

    async def on_start(self) -> None:
        """Begin a round soon."""
        self.send_after(SETTLE_SECONDS, LOOK_ON)

    async def handle(self, message: object) -> None:
        """One round."""
        if message is not LOOK_ON:
            self.unexpected(message)
            return
        if self._worker.unsettled:
            await self._settle(self._worker.unsettled.before(trio.current_time() - SETTLE_SECONDS))
        self.send_after(SETTLE_SECONDS, LOOK_ON)

    async def _settle(self, due: list[Bearer]) -> None:
        everybody = list(_devices_of(due).items())
        kept: dict[UserId, None] = {}  # whose fan-out rows have to stay

        def durable() -> None:
            self._let_go([bearer for bearer in due if not (kept and _concerns(bearer, kept))])

        round_ = _Round(self._worker, durable)
        for start in range(0, len(everybody), USERS_AT_ONCE):
            some = everybody[start : start + USERS_AT_ONCE]
            gone: dict[UserId, None] = {}
            for user, _ in some:
                if not await self._is_there(user):
                    gone[user] = None
            # Apart from those who need rows: a disk without room for these takes cursors all the same.
            small, growing = _Share(), _Share()
            for user, devices in some:
                if user not in gone and not self._settle_user(small, growing, user, devices):
                    kept[user] = None
            for share in (small, growing):
                if share.flights:
                    round_.submit(share)
            await trio.lowlevel.checkpoint()
        round_.submit(_Share(), is_last=True)

    async def _is_there(self, user: UserId) -> bool:
        """Have the mailbox of a user in memory if that can be; False: the account is gone, and its queues."""
        flight = self._worker.flights.get(user)
        if flight is None or not flight.is_open:
            try:
                await self._mailboxes.get(user)
            except RefusalError as refusal:
                return refusal.code is not ErrorCode.UNKNOWN_USER
            except (ActorDeadError, ChildStartError):
                pass
        return True

    def _settle_user(self, small: _Share, growing: _Share, user: UserId, devices: Devices) -> bool:
        """False: not now."""
        flight = self._worker.flights.get(user)
        if flight is None or not flight.is_open or flight.door is None:
            return False
        door, ops = flight.door, list[Op]()
        queues = [(door.settle(device, upto, ops), upto) for device, upto in devices.items()]
        share = growing if only_grows(ops) else small
        flight.join()
        share.ops += ops
        share.flights.append(flight)
        share.queues += [(queue, upto) for queue, upto in queues if queue is not None]
        told = door.take_told_early()
        if told:
            share.told_early.append((user, told))
        return True

    def _let_go(self, settled: list[Bearer]) -> None:
        """The cursors of all devices are durably beyond these."""
        worker = self._worker

        def done(error: JournalError | None) -> None:
            if error is None:
                for bearer in settled:
                    worker.unsettled.remove(bearer)
                    worker.payload_counts.put_down(bearer.payloads)

        try:
            if settled:
                worker.journal.submit([remove_fanout(bearer.fanout.key) for bearer in settled], done)
        except JournalError as error:
            log.warning("fanouts_stay", extra={"reason": type(error).__name__})


def _devices_of(due: list[Bearer]) -> dict[UserId, Devices]:
    """All devices of these, and the last seq of each.

    Batches to the same devices share one list of them, and then the last one counts.
    """
    last = {id(bearer.fanout.devices): bearer for bearer in due}
    found: dict[UserId, Devices] = {}
    for bearer in last.values():
        for user, device, seq in bearer.last_seqs():
            devices = found.setdefault(user, {})
            devices[device] = max(seq, devices.get(device, Seq(0)))
    return found


def _concerns(bearer: Bearer, users: dict[UserId, None]) -> bool:
    return any(user in users for user, _ in bearer.fanout.devices)
