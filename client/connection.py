"""The line to the relay: dials, proves who it is, keeps alive, and dials again when it breaks.

Owns: the link, the protocol state of the present connection, the open questions, the back-off.
Talks to: the network; a ``ConnectionListener``, which hears all that happens, in order.
Guarantees: a session's facts reach the listener between its ``went_online`` and its ``went_offline``; what
is asked while offline is answered ``NoAnswer`` at once; the relay's key is the pinned one, or there is no
session.
Restarts as: permanent. It keeps nothing that lasts: a new one dials, and the relay resumes where the store
is.
Not here: what to send and what to do with what is heard (outbox.py, inbox.py), one link's state (line.py).
"""

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import trio

from actors import Actor, ExitReason
from actors.network import Link, LinkClosed, Network, Received
from actors.ports import Entropy
from client.access import Access
from client.backoff import Backoff
from client.connection_handle import NAME, AskPong, AskRelay, Say
from client.connection_listener import ConnectionListener
from client.errors import RelayKeyError, RelayRefusedError
from client.keepalive import Due
from client.line import Ending, Line
from client.owed import LOOK_SECONDS
from client.records import IncomingDelivery
from client.requests import (
    ANSWERS,
    REQUEST_TIMEOUT_SECONDS,
    BuildRequest,
    NoAnswer,
    OnAnswer,
)
from protocol.codes import ErrorCode, code_name, code_sentence
from protocol.connection import ClientConnection
from protocol.errors import RemoteProtocolError
from protocol.events import Alert, Connected, Event
from protocol.hello import Hello
from protocol.ids import Address, DeviceAddress, GroupAddress, MemberAddress, MessageNumber, UserId
from protocol.noise.primitives import KeyPair
from protocol.stanzas import (
    Accepted,
    Bind,
    Deliver,
    Delivered,
    Detail,
    Error,
    Expired,
    JoinAsked,
    Paused,
    Pong,
    Presence,
    Read,
    Refused,
    Stanza,
    Typing,
    Welcome,
)
from supervisors import ChildSpec

log = logging.getLogger("roost.client")

CLIENT_NAME = "roost 0.1.0"  # for the operator's statistics
DIAL_SECONDS = 10.0  # a kernel would try for two minutes; a person has given up by then
HANDSHAKE_SECONDS = 10.0  # from the open link to the relay's Welcome
STEADY_SECONDS = 5.0  # a connection that lived for so long has worked: the next failure is a first one
STOP_SECONDS = 1.0  # how long a stop may wait for a dial that is under way
# Trying again does not help after these: somebody has to do something first.
FATAL_CODES = (
    ErrorCode.REPLACED,
    ErrorCode.LOGGED_OUT,
    ErrorCode.BANNED,
    ErrorCode.UNSUPPORTED_VERSION,
)


@dataclass(frozen=True, slots=True)
class _Dial:
    """Try to connect now."""


@dataclass(frozen=True, slots=True)
class _HandshakeOverdue:
    """The relay has had its time to say welcome."""

    session: int


@dataclass(frozen=True, slots=True)
class _LookAtClock:
    """See whether a ping is due."""

    session: int


@dataclass(frozen=True, slots=True)
class _LookAtOwed:
    """See whether the relay has been silent about a message for too long."""

    session: int


@dataclass(frozen=True, slots=True)
class _RequestOverdue:
    """The relay has had its time to answer a question."""

    session: int
    request: int


class Sessions:
    """Counts the sessions of a phone, over all lives of its connection actor.

    Two of them must never have the same number: what was meant for the one would be said on the other, and a
    message that is offered there anyway would be offered twice.
    """

    __slots__ = ("newest",)

    def __init__(self) -> None:
        self.newest = 0  # 0: there was none yet

    def begin(self) -> int:
        """The number of a new session."""
        self.newest += 1
        return self.newest


def child_spec(access: Access, network: Network, entropy: Entropy, listener: ConnectionListener) -> ChildSpec:
    """The connection as a child of the phone's tree."""
    sessions = Sessions()
    return ChildSpec(
        id=NAME,
        start=lambda: Connection(access, network, entropy, listener, sessions),
        shutdown=STOP_SECONDS,
    )


class Connection(Actor):
    """An actor of its own: it owns the link, waits for the network, and may fail with it."""

    mailbox_limit = 4096  # a window of sends, their answers and the questions, several times over

    def __init__(
        self,
        access: Access,
        network: Network,
        entropy: Entropy,
        listener: ConnectionListener,
        sessions: Sessions,
    ) -> None:
        self._access = access
        self._network = network
        self._entropy = entropy
        self._listener = listener
        self._backoff = Backoff(entropy)
        self._line: Line | None = None  # from the open link to its LinkClosed
        self._sessions = sessions
        # Whether the relay has to show its key (XX): at first contact, and to find out why IK failed.
        self._must_show_key = access.is_stranger

    async def on_start(self) -> None:
        """Take the name, and dial. If there was another before, whatever it had promised is void."""
        self.system.registry.register(NAME, self.ref)
        if self._sessions.newest:
            self._listener.went_offline("the connection had to be started anew", 0.0, None)
        self.ref.tell_nowait(_Dial())

    async def on_stop(self, reason: ExitReason) -> None:
        """Say goodbye in good order; the network sends what is still unsent."""
        if self._line is not None:
            self._line.end(Ending("stopped"))
            self._line.bury("the phone is closing")

    async def handle(self, message: object) -> None:
        """Whatever the link, the clock or the others of the phone have to say."""
        match message:
            case Received(data):
                self._received(data)
            case Say(session, stanza):
                self._say(session, stanza)
            case AskRelay(build, on_answer):
                self._ask(build, on_answer)
            case AskPong(on_pong):
                self._ping(on_pong)
            case _LookAtClock(session):
                self._look_at_clock(session)
            case _LookAtOwed(session):
                self._look_at_owed(session)
            case _RequestOverdue(session, request):
                self._request_overdue(session, request)
            case _HandshakeOverdue(session):
                self._handshake_overdue(session)
            case LinkClosed(reason):
                self._link_closed(reason)
            case _Dial():
                await self._dial()
            case _:
                self.unexpected(message)

    # ---- from nothing to a link ----

    async def _dial(self) -> None:
        if self._line is not None:
            return
        self._listener.connecting()
        relay = self._access.relay
        try:
            with trio.fail_after(DIAL_SECONDS):
                link = await self._network.connect(relay.host, relay.port)
        except trio.TooSlowError:
            self._offline(Ending("no answer"))
        except OSError as error:
            self._offline(Ending(_socket_reason(error)))
        else:
            self._open_line(link)

    def _open_line(self, link: Link) -> None:
        session = self._sessions.begin()
        access = self._access
        wire = ClientConnection(
            KeyPair.from_private_bytes(access.noise_private),
            None if self._must_show_key else access.relay.key,
            Hello(resume_seq=access.resume_seq(), client_name=CLIENT_NAME),
            self._entropy,
        )
        self._line = Line(session, link, wire, self._network, self._must_show_key)
        link.activate(self.ref)
        self._line.flush()
        self.send_after(HANDSHAKE_SECONDS, _HandshakeOverdue(session))

    # ---- hearing ----

    def _received(self, data: bytes) -> None:
        line = self._line
        if line is None or line.ending is not None:
            return
        try:
            events: Sequence[Event] = line.hear(data)
        except RemoteProtocolError as error:
            self._broken(line, error)
            return
        self._hear_all(line, events)
        if line.ending is None:
            line.listen_on()

    def _hear_all(self, line: Line, events: Sequence[Event]) -> None:
        """Deal with what one piece of data said; deliveries that came together stay together (one fsync)."""
        deliveries: list[IncomingDelivery] = []
        for event in events:
            if isinstance(event, Deliver):
                deliveries.append(_incoming(event, line.phones.pop(_device(event.chat), None)))
            else:
                self._hear(line, event)
        if deliveries:
            self._listener.delivered_here(line.session, deliveries)

    def _hear(self, line: Line, event: Event) -> None:
        match event:
            case Accepted(chat, number):
                line.owed.accepted(_user(chat), number, trio.current_time())
                self._listener.accepted(_user(chat), number)
            case Delivered(chat, number):
                self._listener.delivered(_user(chat), number)
            case Read(chat, number):
                self._listener.read(_user(chat), MessageNumber(number))
            case Expired(chat, first, last):
                self._listener.expired(_user(chat), first, last)
            case Refused(chat, number, code, detail):
                line.owed.refused(_user(chat), number, trio.current_time())
                self._listener.refused(_user(chat), number, code, detail)
            case Typing(chat) | Paused(chat):
                group = chat.group if isinstance(chat, MemberAddress) else None
                self._listener.typing(_user(chat), isinstance(event, Typing), group)
            case JoinAsked(chat, user):
                self._listener.join_asked(chat.group, user)
            case Presence(chat, online, last_seen):
                self._listener.presence(chat, bool(online), None if last_seen is None else float(last_seen))
            case Bind(address=DeviceAddress() | MemberAddress() as address, phone=str(phone)):
                line.phones[_device(address)] = phone
            case Pong():
                line.pong_heard()
            case Connected(relay_key):
                self._check_key(line, relay_key)
            case Welcome():
                self._welcome(line, event)
            case Alert(code):
                self._alerted(line, code)
            case Error(code, detail):
                self._dismissed(line, code, detail)
            case _ if isinstance(event, ANSWERS):
                line.requests.answer(event.request, event)
            case _:
                pass  # nothing that concerns a phone

    def _check_key(self, line: Line, relay_key: bytes) -> None:
        """The handshake is done; the relay has proved to hold ``relay_key``."""
        if relay_key != self._access.relay.key:
            line.end(Ending("wrong key", error=RelayKeyError(self._access.relay.place)))
        line.connected()

    def _welcome(self, line: Line, welcome: Welcome) -> None:
        self._must_show_key = self._access.is_stranger
        if not welcome.user and not self._access.is_stranger:
            # It knew this device once, and knows it no more: it was logged out while it was off.
            line.end(Ending("logged out", error=_refusal(ErrorCode.LOGGED_OUT)))
            return
        log.info("connected", extra={"session": line.session, "queued": welcome.queued})
        line.is_welcome = True
        line.welcome_at = trio.current_time()
        line.keepalive.interval_s = float(welcome.keepalive_s)
        self.send_after(line.keepalive.check_s, _LookAtClock(line.session))
        self._listener.went_online(line.session, welcome)

    def _alerted(self, line: Line, code: int) -> None:
        """A refusal in clear: anybody could have sent it, so it is a hint and never the last word."""
        if code == ErrorCode.HANDSHAKE_FAILED and not line.is_first_contact:
            # The relay could not read what was encrypted to the pinned key. Which key does it hold? In XX it
            # has to show and prove it; then we know whether it is another relay or a moment's trouble.
            self._must_show_key = True
        line.end(Ending(code_name(code)))

    def _dismissed(self, line: Line, code: int, detail: Detail) -> None:
        """The relay ends the connection and says why."""
        hint = float(detail) if isinstance(detail, int) else None
        line.end(Ending(code_name(code), hint, _refusal(code) if code in FATAL_CODES else None))

    def _broken(self, line: Line, error: RemoteProtocolError) -> None:
        """What came is not the protocol: say so, and try again later."""
        log.warning("protocol_broken", extra={"session": line.session, "code": error.code.wire_name})
        line.end(Ending(error.code.wire_name))

    # ---- speaking ----

    def _say(self, session: int | None, stanza: Stanza) -> None:
        line = self._online()
        if line is not None and session in (None, line.session):
            line.send(stanza)
            line.owed.said(stanza, trio.current_time())
            self._watch(line)

    def _ask(self, build: BuildRequest, on_answer: OnAnswer) -> None:
        line = self._online()
        if line is None:
            on_answer(NoAnswer("there is no connection"))
            return
        request = line.requests.put(on_answer)
        if request is not None:
            line.send(build(request))
            self.send_after(REQUEST_TIMEOUT_SECONDS, _RequestOverdue(line.session, request))

    def _ping(self, on_pong: Callable[[bool], None]) -> None:
        line = self._online()
        if line is None:
            on_pong(False)
        else:
            line.ping(on_pong)

    def _online(self) -> Line | None:
        line = self._line
        return line if line is not None and line.is_welcome and line.ending is None else None

    # ---- the clock ----

    def _look_at_clock(self, session: int) -> None:
        line = self._online()
        if line is None or line.session != session:
            return
        match line.keepalive.due(trio.current_time()):
            case Due.GIVE_UP:
                line.abandon(Ending("no sign of life"))
                return
            case Due.PING:
                line.ping()
            case Due.NOTHING:
                pass
        self.send_after(line.keepalive.check_s, _LookAtClock(session))

    def _look_at_owed(self, session: int) -> None:
        line = self._online()
        if line is None or line.session != session:
            return
        line.is_watched = False
        keepalive = line.keepalive
        match line.owed.due(trio.current_time(), keepalive.last_heard, keepalive.last_ping):
            case Due.GIVE_UP:
                line.abandon(Ending("no answer"))
                return
            case Due.PING:
                line.ping()
            case Due.NOTHING:
                pass
        self._watch(line)

    def _watch(self, line: Line) -> None:
        """Look at what is owed as long as anything is."""
        if line.owed and not line.is_watched:
            line.is_watched = True
            self.send_after(LOOK_SECONDS, _LookAtOwed(line.session))

    def _request_overdue(self, session: int, request: int) -> None:
        line = self._line
        if line is not None and line.session == session and line.requests.is_open(request):
            line.owed.doubt(trio.current_time())
            self._watch(line)
            line.requests.answer(request, NoAnswer("the time was up"))

    def _handshake_overdue(self, session: int) -> None:
        line = self._line
        if line is not None and line.session == session and not line.is_welcome:
            line.abandon(Ending("no answer"))

    # ---- from a link to nothing ----

    def _link_closed(self, reason: str) -> None:
        line, self._line = self._line, None
        if line is None:
            return
        ending = line.ending or Ending(_CLOSED_REASONS.get(reason, reason))
        line.bury(ending.reason)
        if line.is_welcome and trio.current_time() - line.welcome_at >= STEADY_SECONDS:
            self._backoff.reset()
        self._offline(ending)

    def _offline(self, ending: Ending) -> None:
        """No connection: plan the next try, or none."""
        log.info("disconnected", extra={"reason": ending.reason, "is_final": ending.error is not None})
        if ending.error is not None:
            self._listener.went_offline(str(ending.error), None, ending.error)
            return
        is_crowded = ending.reason == ErrorCode.OVERLOADED.wire_name
        wait = self._backoff.next_wait(ending.wait_hint, is_crowded=is_crowded)
        self._listener.went_offline(ending.reason, wait, None)
        self.send_after(wait, _Dial())


_CLOSED_REASONS = {
    "eof": "the relay has closed the connection",
    "reset": "the connection was reset",
    "timeout": "the network gave up",
}


def _incoming(deliver: Deliver, phone: str | None) -> IncomingDelivery:
    chat = deliver.chat
    return IncomingDelivery(
        seq=deliver.seq,
        sender=_device(chat),
        number=deliver.number,
        ciphertext=deliver.ciphertext,
        accepted_at=None if deliver.accepted_at is None else float(deliver.accepted_at),
        phone=phone,
        group=chat.group if isinstance(chat, MemberAddress) else None,
        gseq=deliver.gseq,
        is_entry=bool(deliver.is_entry),
    )


def _socket_reason(error: OSError) -> str:
    """What the system calls it (``connection refused``); the place is said by whoever shows it."""
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno).lower()
    return (error.strerror or str(error)).lower()  # a name that cannot be looked up has a text of its own


def _device(sender: DeviceAddress | MemberAddress) -> DeviceAddress:
    return sender.sender if isinstance(sender, MemberAddress) else sender


def _user(address: Address) -> UserId:
    """Whose chat it is; users and groups share one space of ids, and one column of the phone."""
    match address:
        case DeviceAddress(user) | MemberAddress(_, user):
            return user
        case GroupAddress(group):
            return UserId(group)
    return address


def _refusal(code: int) -> RelayRefusedError:
    return RelayRefusedError(code_name(code), code_sentence(code))
