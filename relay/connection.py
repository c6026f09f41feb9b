"""One device connection, from the moment it is known who is there: what the device says through its socket.

An actor because a peer may do anything: whatever goes wrong here ends this connection and
    touches nobody else.
Owns: the link, the protocol's connection object, the outgoing side, and its dealings with mailboxes.
Talks to: mailboxes, through dealings.py; registration, through requests.py.
Restarts as: temporary: a socket cannot be restarted. The device connects again and resumes.
Not here: the handshake (greeting.py), what the device is told (outgoing.py), what requests are answered with
    (requests.py), timeouts (sweeper.py), what becomes of messages (mailbox.py).

Hostile input ends in one place, `login.fault`: a named error to the peer, a counter, one log line.
"""

import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeAlias

import trio

from actors import (
    Actor,
    ActorDeadError,
    CallTimeoutError,
    Down,
    ExitReason,
)
from actors.network import Link, LinkClosed, Received
from protocol import (
    AccountDeleted,
    AccountLeft,
    Ack,
    Available,
    DeviceAddress,
    Error,
    ErrorCode,
    Event,
    Failed,
    Paused,
    Read,
    Registered,
    RelayConnection,
    RemoteProtocolError,
    Send,
    SendGroup,
    Seq,
    Subscribe,
    TestCrash,
    Typing,
    Unavailable,
    Unsubscribe,
    code_name,
)
from relay import login, requests
from relay.asker import Asker
from relay.ban_list import is_user_banned
from relay.config import (
    BACKLOG_HIGH,
    BACKLOG_PAUSE_SECONDS,
    CONNECTION_SHUTDOWN_SECONDS,
    SWEEP_SECONDS,
)
from relay.dealings import Dealings
from relay.errors import RefusalError
from relay.goodbye import HANDED_OVER, send_home
from relay.mailbox_handle import Waiting
from relay.mailboxes import Mailboxes
from relay.named_supervisor import start_child_nowait
from relay.outgoing import Outgoing
from relay.pin_guard import PinGuardHandle
from relay.rate_limits import STANZA_BYTES
from relay.worker import Worker
from storage import JournalError
from supervisors import ChildSpec, ChildStartError, Restart

log = logging.getLogger("roost.relay")

STEPS_A_TURN = 128
"""Things that a device asks for before others get their turn: some milliseconds."""

SUPERVISOR_NAME = "connections"
"""What the registry knows the supervisor of all connections as."""


class Resume:
    """A connection's note to itself: read on."""


RESUME = Resume()

Step: TypeAlias = tuple[Callable[[Any], Waiting | None], Any]
"""One thing that a device's words ask for: what to call, and with what. What it returns is to be awaited."""


class Attach:
    """A connection's note to itself: wait for the mailbox that could not be had at once."""


ATTACH = Attach()


class Behind:
    """A connection's note to itself: what the device has said right behind the proof of who it is."""

    __slots__ = ("events",)

    def __init__(self, events: list[Event]) -> None:
        self.events = events


def start(
    worker: Worker,
    mailboxes: Mailboxes,
    link: Link,
    channel: RelayConnection,
    outgoing: Outgoing,
    device: DeviceAddress | None,
) -> None:
    """Give a connection that stands at Confirmed an actor of its own; `device` is whose key was proved.

    Raises:
        ChildStartError, MaxChildrenError: it did not start; the connection is the caller's to close.
        ActorDeadError: the worker is stopping.
    """
    start_child_nowait(
        worker.system, SUPERVISOR_NAME, _SPEC, worker, mailboxes, link, channel, outgoing, device
    )


# One for all connections: their supervisor keeps thousands of children, and no spec and name for each.
_SPEC = ChildSpec(
    id="connection",
    start=lambda *arguments: Connection(*arguments),
    restart=Restart.TEMPORARY,
    shutdown=CONNECTION_SHUTDOWN_SECONDS,
)


class Connection(Actor):
    """One device's connection."""

    __slots__ = (
        "_channel",
        "_dealings",
        "_device",
        "_link",
        "_mailboxes",
        "_outgoing",
        "_static_key",
        "_worker",
    )

    def __init__(
        self,
        worker: Worker,
        mailboxes: Mailboxes,
        link: Link,
        channel: RelayConnection,
        outgoing: Outgoing,
        device: DeviceAddress | None,
    ) -> None:
        self._worker = worker
        self._mailboxes = mailboxes
        self._link = link
        self._channel = channel
        self._outgoing = outgoing
        self._static_key = channel.remote_static  # proved by the handshake
        self._device = device  # whose key that is; None for a stranger

    def on_start(self) -> None:
        """Log the device in and hear what it has said behind the proof, within this turn if nothing waits."""
        outgoing = self._outgoing
        outgoing.owner = self.ref
        self._dealings = Dealings(self, self._worker, self._mailboxes, outgoing)
        self._worker.presence.identified(outgoing)
        if outgoing.end is None and self._enter():
            self._begin()

    def _enter(self) -> bool:
        """Welcome whoever it is; False if that has to wait, or the connection has ended instead."""
        try:
            if self._device is None:
                self._outgoing.push(self._worker.welcome(None))
                return True
            resume = Seq(0)  # it has just registered
            if self._channel.confirmed is not None:
                resume = self._channel.confirmed.hello.resume_seq
            self._log_in(self._device, resume)
            if self._dealings.attach_nowait():
                return True
            self.ref.tell_nowait(ATTACH)
        except RefusalError as refusal:
            self._outgoing.close(refusal.code, refusal.detail)
        except (ChildStartError, ActorDeadError):
            self._outgoing.close(ErrorCode.INTERNAL)
        return False

    def _begin(self) -> None:
        """Hear what stands behind the proof; mostly that is nothing, or a Ping that is answered already."""
        try:
            events = self._channel.proceed()
        except RemoteProtocolError as error:
            login.fault(self._worker, self._outgoing, error)
            return
        if events:
            self.ref.tell_nowait(Behind(events))
            return
        self._read_on()  # a Pong that waits leaves with the Welcome

    def handle(self, message: object) -> Waiting | None:
        """Bytes, the end of the link, or the end of a mailbox.

        Plain, because what a device says is mostly dealt with at once. What has to wait (a mailbox that is
        full or not in memory, a request) is returned, and nothing else is handled before it is done.
        """
        if type(message) is Received:
            return self._received(message.data)
        match message:
            case LinkClosed(reason):
                self._end(reason)
                self.stop()
            case Down(_, ref, reason):
                return self._dealings.mailbox_died(ref, reason)
            case Resume():
                self._read_on()
            case Behind(events=events):
                return self._hear(events, 0)
            case Attach():
                return self._attach(message)
            case _:
                self.unexpected(message)
        return None

    def on_stop(self, reason: ExitReason) -> Waiting | None:
        """Say goodbye if the peer is still there, and leave the registers."""
        if self._outgoing.end is None:
            self._outgoing.close(ErrorCode.INTERNAL if reason.is_abnormal else ErrorCode.RESTARTING)
        worker = self._worker
        login.leave(worker, self._outgoing)
        if reason.is_abnormal:
            worker.counters.crashes += 1
        if self._outgoing.end != HANDED_OVER:  # then it is not closed, and its owner will say when it is
            login.log_end(self._outgoing, self._device)
        return self._dealings.detach()

    # ---- what comes in ----

    def _received(self, data: bytes) -> Waiting | None:
        """One read of the socket: everything in it is dealt with before more is read."""
        self._outgoing.heard()
        try:
            events = self._channel.receive_data(data)
        except RemoteProtocolError as error:
            # What came before the fault in the same read is not acted upon: the peer will send it again.
            login.fault(self._worker, self._outgoing, error)
            return None
        return self._hear(events, len(data))

    def _hear(self, events: list[Event], count: int) -> Waiting | None:
        """Do what these stanzas ask for, which came in so many bytes, and go on."""
        steps = self._steps(events)
        many = len(steps) > STEPS_A_TURN
        waiting = self._do_rest(None, iter(steps), count) if many else self._do(iter(steps), count)
        if waiting is None:
            self._heard(count)
        return waiting

    def _heard(self, count: int) -> None:
        """So many bytes were dealt with: see where the connection belongs by now, answer, and read on."""
        outgoing, worker = self._outgoing, self._worker
        if outgoing.end is not None:
            return
        if self._device is not outgoing.device:
            self._go_home()
            return
        if self._channel.has_data_to_send:  # Pongs, which the protocol answers by itself
            outgoing.plan_flush()
        # The sweeper's clock: good enough for limits a second, and looking at it costs nothing.
        now = worker.surroundings.beat * SWEEP_SECONDS
        cost = count + STANZA_BYTES * self._channel.take_heard_count()
        pause = worker.limits.bytes.charge(self._payer(), now, cost)
        if pause:
            self.send_after(pause, RESUME)
        else:
            self._read_on()

    def _steps(self, events: list[Event]) -> list[Step]:
        """What the peer's stanzas ask for, in their order, with what belongs together taken together."""
        steps: list[Step] = []
        acked = 0
        sends: list[Any] = []  # Send or SendGroup in a row, to one chat: one submission for all of them
        for event in events:
            # Those of every day first. Acknowledgements are cumulative, so the last in a row counts; but a
            # Read behind one must find it done, because only what was delivered can be read.
            if type(event) is Ack:
                acked = event.seq
            elif type(event) is Send or type(event) is SendGroup:
                if sends and sends[0].chat != event.chat:
                    steps.append((self._send_all, sends))
                    sends = []
                sends.append(event)
            else:
                if acked:
                    steps.append((self._dealings.acknowledge, acked))
                    acked = 0
                steps.append((self._act, event))
        if sends:
            steps.append((self._send_all, sends))
        if acked:
            steps.append((self._dealings.acknowledge, acked))
        self._worker.counters.received += len(events)
        return steps

    def _send_all(self, sends: list[Any]) -> Waiting | None:
        """Hand over messages to one chat."""
        dealings = self._dealings
        return dealings.send(sends) if type(sends[0]) is Send else dealings.send_group(sends)

    def _do(self, steps: Iterator[Step], count: int) -> Waiting | None:
        """Take steps until one of them ends the connection; from one that waits on, what is left to await.

        Args:
            steps: what the stanzas of one read ask for.
            count: how many bytes that read had, for when all is done.
        """
        for act, what in steps:
            waiting = act(what)
            if waiting is not None:
                return self._do_rest(waiting, steps, count)
            if self._outgoing.end is not None:
                break
        return None

    async def _do_rest(self, waiting: Waiting | None, steps: Iterator[Step], count: int) -> None:
        """Take the rest of the steps; there may be thousands, so others get their turn between them."""
        if waiting is not None:
            await waiting
        for done, (act, what) in enumerate(steps, 1):
            if self._outgoing.end is not None:
                return
            more = act(what)
            if more is not None:
                await more
            if more is not None or done % STEPS_A_TURN == 0:  # many that are awaited wait for nobody in fact
                await trio.lowlevel.checkpoint()
        self._heard(count)

    def _payer(self) -> int:
        """Whom bytes are counted for: the account, or as long as there is none this connection."""
        return self._device.user if self._device is not None else -self._outgoing.number

    def _read_on(self) -> None:
        """Read more, unless the disk is so far behind that more would only be refused."""
        if self._worker.journal.backlog < BACKLOG_HIGH:
            self._link.resume()
        else:
            self.send_after(BACKLOG_PAUSE_SECONDS, RESUME)

    def _end(self, reason: str) -> None:
        """The link has ended; if we ended it, the reason stands already."""
        self._outgoing.ended(reason)
        self._worker.counters.close(self._outgoing.end or reason)

    def _act(self, event: object) -> Waiting | None:
        """Everything but Send and Ack; with Pong and Bind the protocol has dealt."""
        act = _ACTS.get(type(event))
        return act(self, event) if act is not None else None

    async def _attempt(self, event: object, work: Awaitable[None]) -> None:
        """Do what may be refused, or fail by somebody else's fault."""
        try:
            await work
        except RefusalError as refusal:
            self._fail(event, refusal.code, refusal.detail)
        except JournalError:
            self._fail(event, ErrorCode.STORAGE_FULL, None)
        except (ChildStartError, ActorDeadError, CallTimeoutError) as error:
            # A mailbox or the registration desk has crashed, and its supervisor has reported that.
            log.info("request_failed", extra={"stanza": type(event).__name__, "reason": type(error).__name__})
            self._fail(event, ErrorCode.INTERNAL, None)

    def _fail(self, event: Any, code: ErrorCode, detail: int | None) -> None:
        """Answer a request with its refusal; what is no request has no answer but the end."""
        request = getattr(event, "request", None)
        if request is None:
            self._outgoing.close(code, detail)
        else:
            self._worker.counters.refuse(code.wire_name)
            self._outgoing.push(Failed(request, code, detail))

    # ---- where does it live? ----

    def _go_home(self) -> None:
        """A stranger has become a user of another worker. Nothing behind this point was read."""
        assert self._device is not None
        if send_home(self._worker, self._link, self._channel, self._outgoing, self._device.user):
            self.stop()

    def _log_in(self, device: DeviceAddress, resume: Seq) -> None:
        """Take the place of an older connection of the device.

        Raises:
            RefusalError: `banned`.
        """
        if is_user_banned(self._worker, device.user):
            raise RefusalError(ErrorCode.BANNED)
        self._outgoing.device = device
        self._outgoing.acked = self._outgoing.given = resume
        login.enter(self._worker, device, self._outgoing)
        PinGuardHandle(self._worker).came_by(device.user)

    async def _attach(self, message: Attach) -> None:
        await self._attempt(message, self._dealings.attach())
        if self._outgoing.end is None:
            self._begin()

    # ---- what others see ----

    def _mark_read(self, event: Read) -> Waiting | None:
        return self._dealings.mark_read(event)

    def _activity(self, event: Typing | Paused) -> None:
        self._dealings.activity(event)

    def _watch(self, event: Subscribe) -> None:
        """A chat is open: say how its partner is. One-way, so whoever asks too often is just not told."""
        assert self._device is not None
        if self._worker.limits.admits_subscription(self._device.user, trio.current_time()):
            self._worker.watching.subscribe(self._device, event.chat)

    def _unwatch(self, event: Unsubscribe) -> None:
        assert self._device is not None
        self._worker.watching.unsubscribe(self._device, event.chat)

    def _be_available(self, event: Available | Unavailable) -> None:
        """Somebody is at the device, or has left it."""
        assert self._device is not None
        route = login.route_of(self._worker, self._outgoing)
        self._worker.board.set_available(self._device, route, available=type(event) is Available)

    # ---- requests ----

    def _request(self, request: Any) -> Waiting:
        return self._attempt(request, self._answer(request))

    async def _answer(self, request: Any) -> None:
        """Answer a request; a stranger that has registered is logged in from here on."""
        asker = Asker(self._worker, self._mailboxes, self._static_key, self._device, self._link.remote)
        answer = await requests.answer(asker, request)
        self._outgoing.push(answer)
        if type(answer) in (AccountDeleted, AccountLeft):
            self._outgoing.close(ErrorCode.LOGGED_OUT)
        elif type(answer) is Registered:
            self._device = DeviceAddress(answer.user, answer.device)
            if self._worker.store.owns(answer.user):
                self._log_in(self._device, Seq(0))
                await self._dealings.attach()

    def _peer_error(self, event: Error) -> None:
        """The peer says why it leaves."""
        self._outgoing.end_with(f"peer: {code_name(event.code)}")

    def _test_crash(self, event: TestCrash) -> None:
        """Only with test hooks; otherwise the protocol does not know this stanza."""
        if event.target != "mailbox" or not self._dealings.crash():
            raise RuntimeError("crashed on purpose, by a test hook")


# {event: what is done about it}; Send and Ack are dealt with before this is looked at.
_ACTS: dict[type, Callable[[Connection, Any], Waiting | None]] = {
    Read: Connection._mark_read,
    Typing: Connection._activity,
    Paused: Connection._activity,
    Subscribe: Connection._watch,
    Unsubscribe: Connection._unwatch,
    Available: Connection._be_available,
    Unavailable: Connection._be_available,
    **dict.fromkeys(requests.ANSWERS, Connection._request),
    Error: Connection._peer_error,
    TestCrash: Connection._test_crash,
}
