"""Finds the mailbox of a user by name, and starts it if nobody has it in memory.

Not an actor: the names live in the system's registry, where a mailbox enters itself and vanishes with its
end, and starting is the work of the supervisor. What is here is the wait for somebody else's start.
"""

import logging

import trio

from actors import ActorRef
from protocol import ErrorCode, UserId
from relay import mailbox
from relay.bus.remote_mailbox import RemoteMailbox
from relay.errors import RefusalError
from relay.mailbox_handle import MailboxHandle, running_mailbox
from relay.named_supervisor import NamedSupervisor, start_child_nowait
from relay.worker import Worker
from storage import CorruptRecordError, accounts
from supervisors import SupervisorHandle

log = logging.getLogger("roost.relay")

SUPERVISOR_NAME = "mailboxes"
"""What the registry knows the supervisor of all mailboxes as."""


class MailboxSupervisor(NamedSupervisor):
    """The supervisor of all mailboxes of a worker.

    One mailbox that crashes concerns one user: one_for_one, as always in a dynamic supervisor. The intensity
    counts the crashes of all mailboxes together, so it is far above OTP's 1 in 5 s.
    """

    def __init__(self, worker: Worker) -> None:
        super().__init__(intensity=100, period=10.0, name=SUPERVISOR_NAME)
        self._worker = worker

    async def on_start(self) -> None:
        """Have other workers find out what died with the mailboxes of a predecessor.

        Nobody starts these again before somebody has to do with their users, so they cannot say so one by
        one. Senders of this worker have lost their connections as well.

        Raises:
            NameTakenError: there is one already.
        """
        await super().on_start()
        if self._worker.flights:
            for peer in self._worker.bus.peers.values():
                peer.reset("mailboxes-died")


class Mailboxes:
    """All mailboxes of a worker, by user."""

    __slots__ = ("_spec", "_starting", "_supervisor", "_worker")

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._spec = mailbox.child_spec(worker)
        self._supervisor = SupervisorHandle(worker.system.via(SUPERVISOR_NAME))
        self._starting: dict[UserId, trio.Event] = {}  # bounded by the connections, which wait one at a time

    def running(self, user: UserId) -> MailboxHandle | None:
        """The mailbox of a user if it is in memory."""
        return running_mailbox(self._worker.system, user)

    def reachable(self, user: UserId) -> MailboxHandle | RemoteMailbox | None:
        """As `running`; if another worker owns the user, the way there."""
        found = self.running(user)
        if found is None and (peer := self._worker.bus.peer_of(user)) is not None:
            return RemoteMailbox(self._worker.abroad, peer, user)
        return found

    async def recipient(self, user: UserId) -> MailboxHandle | RemoteMailbox:
        """Where messages for a user go, wherever that is. Raises as `get`."""
        return self.reachable(user) or await self.get(user)

    def get_nowait(self, user: UserId) -> MailboxHandle | None:
        """As `get`, for those who cannot wait; None if it would have to."""
        found = self.running(user)
        if found is None and user not in self._starting and not self._has_predecessor(user):
            self._check_exists(user)
            found = MailboxHandle(self._start_at_once(user))
        return found

    async def get(self, user: UserId) -> MailboxHandle:
        """The mailbox of a user of this worker, started if need be. A checkpoint only if it has to be.

        A mailbox that is being restarted by its supervisor is waited for: the supervisor does one thing
        after the other, and finds the name taken when it comes to our request.

        Raises:
            RefusalError: `unknown-user`; `internal` if the account's row is damaged.
            ChildStartError: it does not start (a damaged store).
            ActorDeadError: the node is stopping.
        """
        while (found := self.running(user)) is None:
            await self._start(user)
        return found

    async def _start(self, user: UserId) -> None:
        started = self._starting.get(user)
        if started is not None:
            await started.wait()
            return
        self._check_exists(user)
        if not self._has_predecessor(user):
            self._start_at_once(user)
            return
        started = self._starting[user] = trio.Event()
        try:
            await self._supervisor.start_child(self._spec, user)
        finally:
            del self._starting[user]
            started.set()

    def _has_predecessor(self, user: UserId) -> bool:
        """Whether a predecessor has died, or has something on its way: then starting is the supervisor's."""
        flight = self._worker.flights.get(user)
        return flight is not None and (flight.mailbox is not None or bool(flight.count))

    def _start_at_once(self, user: UserId) -> ActorRef:
        return start_child_nowait(self._worker.system, SUPERVISOR_NAME, self._spec, user)

    def _check_exists(self, user: UserId) -> None:
        try:
            with self._worker.environment.read() as reader:
                user_is_known = accounts.load_user(reader, user) is not None
        except CorruptRecordError as error:
            # Whoever asks must live: one damaged row would crash all who serve others, again and again.
            log.error("account_unreadable", extra={"user": f"{user:016x}", "reason": str(error)})
            raise RefusalError(ErrorCode.INTERNAL) from error
        if not user_is_known:
            raise RefusalError(ErrorCode.UNKNOWN_USER)
