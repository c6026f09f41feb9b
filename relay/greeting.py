"""Shakes hands with a new peer, and starts an actor for whoever has proved to be somebody.

No actor: until then there is nothing to isolate but the handshake, whose state is one object that only this
link's bytes reach, and nothing waits. So a peer that never says who it is costs no task, no mailbox and no
place under a supervisor; and a login is one step of the reactor for each read instead of three tasks' steps.
The end of it stands in `Greeter.hear`: a peer's fault is told to the peer; a fault of ours is logged and
ends this link and nothing else, as a crash of its actor would.

Owns: the handshake of one connection, from its link to `Confirmed`.
Not here: how many handshakes there may be (listener.py), how long one may take (sweeper.py), what comes after
    it (connection.py), what a link's owner has to be (doorman.py).
"""

import logging

import trio

from actors import ActorDeadError
from actors.network import Link, LinkClosed, Received
from protocol import (
    Confirmed,
    DeviceAddress,
    ErrorCode,
    HandshakeDone,
    RelayConnection,
    RemoteProtocolError,
    UserId,
)
from relay import connection, login
from relay.doorman import Doorman
from relay.errors import RefusalError
from relay.goodbye import send_home
from relay.mailboxes import Mailboxes
from relay.outgoing import Outgoing
from relay.sweeper import handshake_ends
from relay.worker import Worker
from storage import accounts
from supervisors import ChildStartError, MaxChildrenError

log = logging.getLogger("roost.relay")


def greet(worker: Worker, mailboxes: Mailboxes, link: Link) -> None:
    """Begin to read from a new link; the rest follows from what its peer says."""
    worker.counters.connections_opened += 1
    greeter = Greeter(worker, mailboxes, link)
    worker.presence.opened(greeter.outgoing, handshake_ends(worker.surroundings.beat))
    link.activate(Doorman(worker, greeter.outgoing, greeter))


class Greeter:
    """One handshake."""

    __slots__ = ("_channel", "_device", "_link", "_mailboxes", "_worker", "outgoing")

    def __init__(self, worker: Worker, mailboxes: Mailboxes, link: Link) -> None:
        self._worker = worker
        self._mailboxes = mailboxes
        self._link = link
        self._channel = RelayConnection(
            worker.static, worker.entropy, knows=self._look_up, test_hooks=worker.config.test_hooks
        )
        self._device: DeviceAddress | None = None  # whose key was proved; None for a stranger
        self.outgoing = Outgoing(
            worker.next_connection_number(), None, link, self._channel, worker.surroundings
        )

    def hear(self, message: object) -> None:
        """Take what the link tells. Never raises: it is called by the network, which serves everybody."""
        if type(message) is LinkClosed:
            login.leave_unknown(self._worker, self.outgoing, message.reason)
        elif type(message) is Received and self.outgoing.end is None:
            try:
                self._received(message.data)
            except Exception:  # of ours: there is no actor here that could crash in our place
                log.exception("greeting_failed", extra={"connection": self.outgoing.number})
                self._worker.counters.crashes += 1
                self.outgoing.close(ErrorCode.INTERNAL)

    def _received(self, data: bytes) -> None:
        outgoing = self.outgoing
        outgoing.heard()
        try:
            events = self._channel.receive_data(data)
        except RemoteProtocolError as error:
            login.fault(self._worker, outgoing, error)
            return
        self._worker.counters.received += len(events)
        for event in events:
            if type(event) is HandshakeDone:
                self._worker.counters.handshakes += 1
            elif type(event) is Confirmed:
                self._let_in()
                return
        if self._channel.has_data_to_send:
            outgoing.flush()
        # Nobody has to pay for these bytes: a handshake is two frames, and a third ends it.
        self._link.resume()

    def _let_in(self) -> None:
        """It is known who this is: they get an actor here, or at the worker that owns their user."""
        worker, outgoing, device = self._worker, self.outgoing, self._device
        if device is not None:
            now = trio.current_time()
            try:
                worker.limits.check_login(device.user, now)
            except RefusalError as refusal:
                outgoing.close(refusal.code, refusal.detail)
                return
            worker.limits.has_account(self._link.remote, now)
            if not worker.store.owns(device.user):
                self._send_home(device.user)
                return
        try:
            connection.start(worker, self._mailboxes, self._link, self._channel, outgoing, device)
        except ActorDeadError:  # the supervisor of all connections is stopping
            outgoing.close(ErrorCode.RESTARTING)
        except (ChildStartError, MaxChildrenError) as error:
            log.warning("connection_not_started", extra={"reason": type(error).__name__})
            outgoing.close(ErrorCode.INTERNAL)

    def _send_home(self, user: UserId) -> None:
        self._worker.presence.identified(self.outgoing)
        if send_home(self._worker, self._link, self._channel, self.outgoing, user):
            login.leave(self._worker, self.outgoing)

    def _look_up(self, static_key: bytes) -> bool:
        """Whether an account has this key; remembers whose it is. Asked by the protocol, once."""
        with self._worker.store.read_directory() as reader:
            self._device = accounts.find_device_by_static_key(reader, static_key)
        return self._device is not None
