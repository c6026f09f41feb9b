"""Bugs that are planted on purpose, to see that the simulation finds them, and how soon.

Each puts something else in the place of a name of the product (faults/substitution.py), so the product has no
switch for it. They are what one would fear: most are a line left out, or a number that is off by one.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import trio

import storage.journal
from actors.errors import StartError, SystemClosedError
from actors.exits import ExitReason
from client.keepalive import Due, Keepalive
from client.owed import Owed
from client.sessions import Sessions
from client.siblings import Siblings
from client.store import Store
from faults.substitution import substituted
from protocol.e2e import SessionRecord
from protocol.e2e.aead import MessageAead
from protocol.ids import DeviceAddress, DeviceId, MessageNumber
from relay import delivery, intake
from relay.delivery import Admission, Parts
from relay.device_queue import DeviceQueue
from relay.flight import Flight, MessagesSettled
from relay.mailbox import Mailbox
from relay.outgoing import Outgoing
from relay.presence import Presence
from storage import JournalError, Op, mailboxes
from storage.journal import Submission
from storage.tables import DeleteRange
from supervisors.base import SupervisorBase
from supervisors.child import Child

Plant = Callable[[], AbstractContextManager[None]]
"""What ``run_history`` takes as its sabotage."""

FORGETS_ONE_IN = 3


@contextmanager
def _accepts_before_commit() -> Iterator[None]:
    """✓ goes out when the message is given to the disk, instead of when it is on it."""
    submit = Flight.submit

    def tick_at_once(flight: Flight, ops: Sequence[Op], done: Any) -> JournalError | None:
        error = submit(flight, ops, done)
        if error is None and isinstance(done, MessagesSettled):
            present = flight.correspondent(done.sender)
            if present is not None:
                present.accepted(flight.user, MessageNumber(done.last))
        return error

    with substituted(Flight, "submit", tick_at_once):
        yield


@contextmanager
def _loses_the_dedupe_table() -> Iterator[None]:
    """A message that came before is taken as a new one."""

    def take_again(accepted: int, number: int) -> Admission:
        return Admission.NEXT if number <= accepted + 1 else Admission.GAP

    with substituted(intake, "admit", take_again):
        yield


@contextmanager
def _forgets_a_waiter() -> Iterator[None]:
    """Of some commits the last submitter is never told."""
    answer, turns = storage.journal._answer, itertools.count(1)

    def leave_one_out(batch: Sequence[Submission], errors: Sequence[JournalError | None]) -> None:
        kept = len(batch) - (len(batch) > 1 and next(turns) % FORGETS_ONE_IN == 0)
        answer(batch[:kept], errors[:kept])

    with substituted(storage.journal, "_answer", leave_one_out):
        yield


@contextmanager
def _resumes_one_too_far() -> Iterator[None]:
    """The first message after the resume point counts as sent already."""
    attach = DeviceQueue.attach

    def attach_too_far(queue: DeviceQueue, *, given: int) -> None:
        attach(queue, given=given + 1)

    with substituted(DeviceQueue, "attach", attach_too_far):
        yield


@contextmanager
def _restarts_twice() -> Iterator[None]:
    """A supervisor starts a child that has died two times, and knows of one."""
    launch = SupervisorBase._launch

    async def launch_twice(supervisor: SupervisorBase, child: Child) -> ExitReason | None:
        if child.last_ref is not None:
            try:
                await supervisor.system.start(child.make_actor, link_to=supervisor.ref)
            except (StartError, SystemClosedError):
                pass
        return await launch(supervisor, child)

    with substituted(SupervisorBase, "_launch", launch_twice):
        yield


@contextmanager
def _ticks_delivery_at_once() -> Iterator[None]:
    """✓✓ goes out when a message is on the relay's disk."""
    settled = MessagesSettled.__call__

    def tick_twice(done: MessagesSettled, error: JournalError | None) -> None:
        settled(done, error)
        present = done.flight.correspondent(done.sender)
        if error is None and present is not None:
            present.delivered(done.flight.user, MessageNumber(done.last))

    with substituted(MessagesSettled, "__call__", tick_twice):
        yield


@contextmanager
def _acknowledges_before_storing() -> Iterator[None]:
    """A phone has told the relay that it has what it could not store."""
    receive, turns = Store.receive_all, itertools.count(1)

    def receive_all(store: Store, deliveries: Any) -> Any:
        received = receive(store, deliveries)
        if next(turns) % 7 == 0:
            store._database.execute(
                "DELETE FROM messages WHERE row = (SELECT max(row) FROM messages WHERE outgoing = 0)"
            )
        return received

    with substituted(Store, "receive_all", receive_all):
        yield


@contextmanager
def _forgets_to_store_a_session() -> Iterator[None]:
    """Now and then the ratchet is not stored after it has moved on."""
    store, turns = Sessions.store, itertools.count(1)

    def store_sometimes(sessions: Sessions, peer: DeviceAddress, record: SessionRecord) -> None:
        if next(turns) % 5:
            store(sessions, peer, record)

    with substituted(Sessions, "store", store_sometimes):
        yield


@contextmanager
def _believes_in_dead_connections() -> Iterator[None]:
    """A phone never gives up a connection on which nothing comes any more."""
    keepalive_due, owed_due = Keepalive.due, Owed.due

    def wait_on(keepalive: Keepalive, now: float) -> Due:
        return _unless_given_up(keepalive_due(keepalive, now))

    def wait_for_answers(owed: Owed, now: float, last_heard: float, last_ping: float) -> Due:
        return _unless_given_up(owed_due(owed, now, last_heard, last_ping))

    with substituted(Keepalive, "due", wait_on), substituted(Owed, "due", wait_for_answers):
        yield


def _unless_given_up(due: Due) -> Due:
    return Due.NOTHING if due is Due.GIVE_UP else due


@contextmanager
def _leaks_connections() -> Iterator[None]:
    """The relay does not forget a connection that has ended."""

    def forget_nothing(_presence: Presence, _outgoing: Outgoing) -> None:
        pass

    with substituted(Presence, "closed", forget_nothing):
        yield


@contextmanager
def _tells_siblings_nothing() -> Iterator[None]:
    """Now and then a phone does not tell the other devices of its account what it has sent."""
    tell, turns = Siblings.tell_sent, itertools.count(1)

    def tell_sometimes(siblings: Siblings, message_id: str) -> None:
        if next(turns) % 4:
            tell(siblings, message_id)

    with substituted(Siblings, "tell_sent", tell_sometimes):
        yield


@contextmanager
def _deletes_one_too_many() -> Iterator[None]:
    """An acknowledgement takes the row behind it along."""
    delete_range = mailboxes.delete_range

    def delete_one_more(device: DeviceAddress, first: int, last: int) -> DeleteRange:
        return delete_range(device, first, min(last + 1, mailboxes.LAST_SEQ))

    with substituted(mailboxes, "delete_range", delete_one_more):
        yield


@contextmanager
def _leaves_out_a_device() -> Iterator[None]:
    """Of several devices the last one is not stored for."""

    def all_but_the_last(
        parts: Parts, devices: Sequence[DeviceId]
    ) -> Sequence[tuple[DeviceId, bytes]] | None:
        found = delivery.parts_by_device(parts, devices)
        return found[:-1] if found is not None and len(found) > 1 else found

    with substituted(intake, "parts_by_device", all_but_the_last):
        yield


@contextmanager
def _keeps_idle_mailboxes() -> Iterator[None]:
    """A mailbox that nobody needs stays in memory."""

    def look_never(_mailbox: Mailbox) -> None:
        pass

    with substituted(Mailbox, "_plan_idle_check", look_never):
        yield


@contextmanager
def _sends_in_clear() -> Iterator[None]:
    """Phones leave the encryption of messages out, at both ends."""

    async def leave_as_it_is(text: bytes, _key: bytes, _associated_data: bytes) -> bytes:
        return text

    with (
        substituted(MessageAead, "encrypt", staticmethod(leave_as_it_is)),
        substituted(MessageAead, "decrypt", staticmethod(leave_as_it_is)),
    ):
        yield


@contextmanager
def _leaves_a_task() -> Iterator[None]:
    """For every device that logs out something is left that waits for ever."""
    logout = Presence.logout

    def leave_one(presence: Presence, device: DeviceAddress, outgoing: Outgoing) -> bool:
        trio.lowlevel.spawn_system_task(trio.sleep_forever)
        return logout(presence, device, outgoing)

    with substituted(Presence, "logout", leave_one):
        yield


PLANTED: dict[str, Plant] = {
    "acknowledge before commit": _accepts_before_commit,
    "lose the dedupe table": _loses_the_dedupe_table,
    "forget a waiter": _forgets_a_waiter,
    "off by one at resume": _resumes_one_too_far,
    "restart twice": _restarts_twice,
    "tick delivery at once": _ticks_delivery_at_once,
    "acknowledge what was not stored": _acknowledges_before_storing,
    "forget to store a session": _forgets_to_store_a_session,
    "believe in dead connections": _believes_in_dead_connections,
    "leak connections": _leaks_connections,
    "tell siblings nothing": _tells_siblings_nothing,
    "delete one too many": _deletes_one_too_many,
    "leave out a device": _leaves_out_a_device,
    "keep idle mailboxes": _keeps_idle_mailboxes,
    "send in clear": _sends_in_clear,
    "leave a task": _leaves_a_task,
}
"""{name: how it is planted}"""
