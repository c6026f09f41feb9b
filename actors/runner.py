"""Runs the handlers of all plain actors, one after the other, in one task.

A plain handler cannot wait, so nothing of a trio task is of use to it but its turn; and a turn of a task
costs 5 µs, as much as many a message. So a plain actor that has something to handle stands in one line with
the others, and whoever is at its head handles a slice of its mailbox, here. Here it also ends.

It has no task of its own, which would weigh as much as everything else that the runtime needs of it. One is
made for what cannot be done here, and goes when that is done: the coroutine that `on_start`, a handler or
`on_stop` has returned because it turned out that it must wait.

Owns: the line. Each living plain actor is in exactly one place: parked (`Mailbox.sleeper` names it), in the
line, being run, or in a task of its own. Whoever moves it on takes it from where it was.
Guarantees: first come, first served; nobody handles more than a slice before the others have had their turn;
    other tasks of the loop run after TURN_MESSAGES at the latest. A handler that raises ends its own actor.
Not here: what is done for a message (`loop.drain`), async handlers (`loop.drain_async`).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from trio.lowlevel import (
    Abort,
    Task,
    cancel_shielded_checkpoint,
    current_task,
    reschedule,
    wait_task_rescheduled,
)

from actors.loop import begin_stop, bury, drain, leave, live

if TYPE_CHECKING:
    from trio.lowlevel import RaiseCancelT

    from actors.ref import ActorRef

TURN_MESSAGES = 256
"""After how many messages the loop's other tasks get their turn; a few milliseconds of ordinary ones."""


class Runner:
    """The line of the plain actors of one system that have something to handle."""

    __slots__ = ("_line", "_parked", "is_over", "running")

    def __init__(self) -> None:
        self._line: deque[ActorRef] = deque()  # bounded by the living plain actors, each once
        self._parked: Task | None = None  # the task in run(), while the line is empty
        self.running: ActorRef | None = None  # whose handler is on the stack, or who is being ended
        self.is_over = False

    def add(self, ref: ActorRef) -> None:
        """Put an actor at the end of the line. Only whoever has just taken it from where it was may."""
        self._line.append(ref)
        if self.is_over:
            if self.running is None:
                self._end_line()
        elif self._parked is not None:
            parked, self._parked = self._parked, None
            reschedule(parked)

    async def run(self) -> None:
        """Run whoever is in the line; for as long as the system lives."""
        try:
            while True:
                if not self._line:
                    await self._park()
                self._turn()
                if self._line:
                    # Not to be cancelled between two turns: those in the line are for us alone to move on.
                    await cancel_shielded_checkpoint()
        finally:
            self._end()

    def _turn(self) -> None:
        line, budget = self._line, TURN_MESSAGES
        while line and budget > 0:
            ref = self.running = line.popleft()
            budget -= self._run_slice(ref) + 1
        self.running = None

    def _run_slice(self, ref: ActorRef) -> int:
        """Run one actor, and put it where it belongs then. Returns how many messages it has handled."""
        mailbox, actor = ref._mailbox, ref._actor
        assert mailbox is not None  # it is alive: who buries a plain actor has taken it from here
        assert actor is not None
        handled = drain(ref, actor, mailbox) if ref._exit is None else 0
        if mailbox.unfinished is not None:
            ref.system._give_task(actor, live, ref, actor, mailbox, None, None)
        elif ref._exit is not None:
            stopping = begin_stop(ref, actor)
            if stopping is None:
                bury(ref)
            else:
                ref.system._give_task(actor, leave, ref, stopping)
        elif mailbox.items or mailbox.signals:
            self._line.append(ref)
        else:
            mailbox.items = mailbox.signals = None
            mailbox.sleeper = ref
        return handled

    async def _park(self) -> None:
        def unpark(_: RaiseCancelT) -> Abort:
            self._parked = None
            return Abort.SUCCEEDED

        self._parked = current_task()
        await wait_task_rescheduled(unpark)

    def _end(self) -> None:
        """The system is over, or something came up that no actor may keep to itself (Ctrl-C)."""
        self.is_over = True
        if self.running is not None:
            self._line.appendleft(self.running)
            self.running.system._abandon()
        self._end_line()

    def _end_line(self) -> None:
        """End whoever is in the line, one after the other.

        The death of one is that of those who are linked to it: they come to the end of the line meanwhile and
        are not ended from within its burial, for there may be more of them than the stack is deep.
        """
        try:
            while self._line:
                self.running = self._line.popleft()
                _end_without_a_word(self.running)
        finally:
            self.running = None


def _end_without_a_word(ref: ActorRef) -> None:
    """Nobody runs handlers any more. Who is not to end yet is parked, and comes here again when it is."""
    mailbox = ref._mailbox
    if mailbox is None:
        return
    if mailbox.unfinished is not None:
        mailbox.unfinished[1].close()
        mailbox.unfinished = None
    if ref._exit is not None:
        bury(ref)
    else:
        mailbox.sleeper = ref
