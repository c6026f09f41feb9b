"""Lets in who stands in line for a mailbox: starts it if nobody has it in memory, or waits until it has room.

An actor because it waits for mailboxes to start, which the links must not (arrivals.py). One for all users:
the mailboxes' supervisor starts one after the other anyway, and for room it does not wait but looks again.
Restarts as: permanent; the lines are kept by the worker, and a new usher begins with all of them.
"""

import logging

from actors import Actor, ActorDeadError
from protocol import DeviceAddress, ErrorCode, UserId
from relay.bus.arrivals import LET_IN, USHER_NAME
from relay.errors import RefusalError
from relay.mailbox_handle import Submission
from relay.mailboxes import Mailboxes
from relay.worker import Worker
from supervisors import ChildSpec, ChildStartError

log = logging.getLogger("roost.relay")

LOOK_AGAIN_SECONDS = 0.005
"""How soon the usher looks again at a mailbox that was full: it handles as much in a few milliseconds."""

CLOSED_SECONDS = 0.05
"""How soon it looks again when there is nobody to start mailboxes: the tree is being started, or stopped."""


def child_spec(worker: Worker) -> ChildSpec:
    """The one usher of a worker."""
    return ChildSpec(id=USHER_NAME, start=lambda: Usher(worker))


class Usher(Actor):
    """Works off the lines."""

    def __init__(self, worker: Worker) -> None:
        self._arrivals = worker.arrivals
        self._mailboxes = Mailboxes(worker)
        self._find = worker.correspondent

    async def on_start(self) -> None:
        """Be found by name, and begin with the lines that there are.

        Raises:
            NameTakenError: there is one already.
        """
        self.system.registry.register(USHER_NAME, self.ref)
        self._arrivals.usher_is_called = True
        self.ref.tell_nowait(LET_IN)

    async def handle(self, message: object) -> None:
        """One look at every line."""
        if message is not LET_IN:
            self.unexpected(message)
            return
        self._arrivals.usher_is_called = False
        pause: float | None = None
        for user in list(self._arrivals.lines):
            pause = await self._open(user) or pause
        if pause is not None and not self._arrivals.usher_is_called:
            self._arrivals.usher_is_called = True
            self.send_after(pause, LET_IN)

    async def _open(self, user: UserId) -> float | None:
        """Let in one line as far as there is room; returns when to look again, if not all are in."""
        try:
            mailbox = await self._mailboxes.get(user)
        except RefusalError as refusal:
            self._refuse(user, refusal.code)
        except ActorDeadError:
            return CLOSED_SECONDS
        except ChildStartError as error:
            log.warning("mailbox_closed", extra={"user": f"{user:016x}", "reason": type(error).__name__})
            self._send_away(user)
        else:
            if not self._arrivals.let_in(user, mailbox):
                return LOOK_AGAIN_SECONDS
        return None

    def _refuse(self, user: UserId, code: ErrorCode) -> None:
        """There is no such user: all messages are answered, one by one."""
        for arrival in self._arrivals.turn_away(user):
            if type(arrival) is Submission:
                for message in arrival.messages:
                    arrival.source.refused(user, message.number, code)
            else:
                self._close(arrival.sender)

    def _send_away(self, user: UserId) -> None:
        """A damaged store: their connections end, as those of this worker's own devices do."""
        for arrival in self._arrivals.turn_away(user):
            self._close(arrival.sender)

    def _close(self, sender: DeviceAddress) -> None:
        correspondent = self._find(sender)
        if correspondent is not None:
            correspondent.close(ErrorCode.INTERNAL)
