"""Finds the mailbox of a user by name, and starts it if nobody has it in memory.

Not an actor: the names live in the system's registry, where a mailbox enters itself and vanishes with its
end, and starting is the work of the supervisor. What is here is the wait for somebody else's start.
"""

import trio

from protocol import ErrorCode, UserId
from relay import mailbox
from relay.bus.remote_mailbox import RemoteMailbox
from relay.errors import RefusalError
from relay.mailbox_handle import MailboxHandle, running_mailbox
from relay.named_supervisor import start_child_nowait
from relay.worker import Worker
from storage import accounts
from supervisors import SupervisorHandle

SUPERVISOR_NAME = "mailboxes"
"""What the registry knows the supervisor of all mailboxes as."""


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

    async def get(self, user: UserId) -> MailboxHandle:
        """The mailbox of a user of this worker, started if need be. A checkpoint only if it has to be.

        A mailbox that is being restarted by its supervisor is waited for: the supervisor does one thing
        after the other, and finds the name taken when it comes to our request.

        Raises:
            RefusalError: `unknown-user`.
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
        flight = self._worker.flights.get(user)
        if flight is None or not flight.count:
            # The usual case: no predecessor has anything on its way, so there is nothing to wait for.
            start_child_nowait(self._worker.system, SUPERVISOR_NAME, self._spec, user)
            return
        started = self._starting[user] = trio.Event()
        try:
            await self._supervisor.start_child(self._spec, user)
        finally:
            del self._starting[user]
            started.set()

    def _check_exists(self, user: UserId) -> None:
        with self._worker.environment.read() as reader:
            if accounts.load_user(reader, user) is None:
                raise RefusalError(ErrorCode.UNKNOWN_USER)
