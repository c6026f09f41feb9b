"""ActorRef: the only handle on an actor that others hold; OTP's pid.

It is also the actor's control block: what the runtime must know of each of a million actors is kept in its
slots, in one object, because a second one would cost a hundred bytes for each. The underscore attributes are
for the modules of this package only.

A ref stays valid for good. When its actor has ended, the ref keeps nothing alive but itself and the reason.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import trio
from trio.lowlevel import Task, checkpoint, current_task

from actors import few, links
from actors.bonds import Bonds
from actors.envelope import Call, Reply
from actors.errors import ActorDeadError, ActorError, CallingSelfError, MailboxFullError
from actors.exits import KILL, KILLED, NOPROC, NORMAL, ExitReason, Stop
from actors.mailbox import Mailbox, MailboxStatistics, Overflow, WaitingTell
from actors.rates import Rates

if TYPE_CHECKING:
    from collections.abc import Coroutine, Hashable

    from actors.actor import Actor
    from actors.system import ActorSystem

DEFAULT_CALL_TIMEOUT_SECONDS = 5.0
"""How long an ask waits unless told otherwise: OTP's default, and for the same reason: a caller that waits
for good is a hang that nobody sees."""


class _Stopped:
    """What one asks for who waits for an actor to be dead; its name is in the timeout's text."""


class ActorRef:
    """The address of one actor: tell it, ask it, stop it. Equal only to itself.

    A name that finds whoever is registered at the moment is a `Via` (registry.py); it has the same methods.
    """

    __slots__ = (
        "_actor",
        "_bonds",
        "_call",
        "_exit",
        "_kind",
        "_mailbox",
        "_parent",
        "_rates",
        "_scope",
        "_task",
        "_timers",
        "id",
        "name",
        "system",
    )

    def __init__(self, system: ActorSystem, number: int, name: Hashable, actor: Actor | None) -> None:
        self.system = system
        self.id = number  # counts up from 1 and is never used again
        self.name = name  # the unique key it was started under, or None
        self._actor = actor  # None when dead
        self._mailbox: Mailbox | None = None  # None when dead
        self._kind: type[Actor] | None = type(actor) if actor is not None else None
        self._task: Task | None = None  # its own, while there is one: plain actors have none but to wait
        self._scope: trio.CancelScope | None = None  # open while async user code of the actor runs
        self._call: Call | None = None  # the asked message being handled, until it is answered or deferred
        self._exit: ExitReason | None = None  # set: the actor is on its way out; when dead, why it ended
        self._bonds: Bonds | None = None  # links, monitors, names and the like; most actors have few
        self._parent: ActorRef | None = None  # whom it was started with a link to
        self._timers = 0  # how many timers of this actor are running
        self._rates: Rates | None = None  # messages a second, decayed; made at the first message

    def __repr__(self) -> str:
        label = f" {self.name!r}" if self.name is not None else ""
        return f"<{self.kind_name} #{self.id}{label}>"

    @property
    def kind_name(self) -> str:
        """The name of the actor's class; for reports."""
        return self._kind.__name__ if self._kind is not None else "nobody"

    @property
    def is_alive(self) -> bool:
        """Whether the actor can still end: True from the start to the end of on_stop."""
        return self._actor is not None

    @property
    def exit_reason(self) -> ExitReason | None:
        """Why the actor ended; None while it lives."""
        return None if self.is_alive else self._exit

    @property
    def parent(self) -> ActorRef | None:
        """The actor it was started with a link to, its supervisor as a rule. Stays known after death."""
        return self._parent

    def resolve(self) -> ActorRef:
        """Itself: so that whatever takes an address need not ask whether it is a ref or a name."""
        return self

    # ---- Messages --------------------------------------------------------------------------------

    def tell_nowait(self, message: object) -> None:
        """Leave a message (OTP's cast) and go on. If the actor is dead it is dropped and counted.

        Raises:
            MailboxFullError: The mailbox is full and its policy is not DROP_OLDEST.
        """
        mailbox = self._mailbox
        if mailbox is None:
            self.system.dead_letters += 1
        elif not mailbox.put(message):
            mailbox.refused += 1
            raise MailboxFullError(repr(self), mailbox.limit)

    async def tell(self, message: object) -> None:
        """Leave a message, waiting for room if the mailbox is full and its policy is to wait.

        A checkpoint only if it waits. Cancelled while waiting: the message was not queued. If the actor is
        dead, or dies meanwhile, the message is dropped and counted, as OTP's cast does.

        Raises:
            MailboxFullError: The mailbox is full and its policy is REFUSE.
        """
        mailbox = self._mailbox
        if mailbox is not None and not mailbox.put(message):
            await self._tell_when_full(mailbox, message)
        elif mailbox is None:
            self.system.dead_letters += 1

    def offer(self, message: object) -> Coroutine[Any, Any, None] | None:
        """As `tell`, for plain handlers: None if it waits for nothing, else what to await (or return).

        With None the message was left, or dropped and counted. Never raises: what `tell` raises comes when
        the result is awaited.
        """
        mailbox = self._mailbox
        if mailbox is None:
            self.system.dead_letters += 1
        elif not mailbox.put(message):
            return self._tell_when_full(mailbox, message)
        return None

    async def ask(self, message: object, timeout: float = DEFAULT_CALL_TIMEOUT_SECONDS) -> Any:
        """Ask and wait for the answer (OTP's call): what the target's `handle` returns.

        The time includes waiting for room in a full mailbox. `math.inf` waits for good. On cancellation and
        on a timeout the question may still be handled; an answer that comes too late is dropped by design.

        Raises:
            ActorDeadError: The target is dead, or ends before it answers; at once, not at the timeout.
            CallTimeoutError: No answer in time.
            MailboxFullError: The mailbox is full and its policy is REFUSE (or the question was pushed out).
            UnexpectedMessageError: The target has no handler for this message.
            CallingSelfError: An actor asked itself.
        """
        mailbox = self._mailbox
        if mailbox is None:
            await checkpoint()
            raise ActorDeadError(repr(self), self._death_reason)
        if self._task is current_task():
            raise CallingSelfError(repr(self), "ask")
        call = Call(message)
        # Without a timeout no timer: a supervisor is asked so for each of its children.
        timer = self.system.timers.expire_call(call, self, timeout) if timeout != math.inf else None
        try:
            if mailbox.put(call):
                return await call.wait()
            return await self._ask_when_full(mailbox, call)
        finally:
            if timer is not None:
                timer.cancel()

    async def _tell_when_full(self, mailbox: Mailbox, message: object) -> None:
        self._refuse_unless_waiting(mailbox)
        sender = WaitingTell(message)
        mailbox.queue_sender(sender)
        try:
            await sender.wait()
        except BaseException:  # who was admitted is not in the line any more; to look would cost its length
            mailbox.forget_sender(sender)
            raise

    async def _ask_when_full(self, mailbox: Mailbox, call: Call) -> Any:
        # The call itself stands in the line: its timeout and its caller's cancellation need nothing more.
        self._refuse_unless_waiting(mailbox)
        mailbox.queue_sender(call)
        try:
            return await call.wait()
        except BaseException:
            mailbox.forget_sender(call)
            raise

    def _refuse_unless_waiting(self, mailbox: Mailbox) -> None:
        if mailbox.overflow is not Overflow.WAIT:
            mailbox.refused += 1
            raise MailboxFullError(repr(self), mailbox.limit)
        if self._task is current_task():
            raise CallingSelfError(repr(self), "wait for room in its own mailbox, it would block")

    # ---- Life and death --------------------------------------------------------------------------

    async def stop(self, reason: ExitReason = NORMAL, timeout: float = math.inf) -> None:
        """Ask the actor to end after its current message, and wait until it is dead (gen_server:stop).

        Overtakes what is queued. Harmless if it is dead. Cancelled while waiting: it stops all the same.

        Raises:
            CallTimeoutError: It is not dead in time. It will still stop; `kill` it if it must be now.
            CallingSelfError: An actor awaited its own end (it wants `self.stop()`).
        """
        mailbox = self._mailbox
        if mailbox is not None:
            mailbox.put_signal(Stop(reason))
        await self.wait_stopped(timeout)

    async def wait_stopped(self, timeout: float = math.inf) -> ExitReason:
        """Wait until the actor is dead, and return why; at once if it is dead already.

        Raises:
            CallTimeoutError: It is not dead in time.
            CallingSelfError: An actor awaited its own end.
        """
        if self._actor is None:
            await checkpoint()
            return self._death_reason
        if self._task is current_task():
            raise CallingSelfError(repr(self), "await the end of")
        end = Call(_Stopped())
        bonds = self._own_bonds()
        bonds.waiters = few.add(bonds.waiters, end)
        timer = self.system.timers.expire_call(end, self, timeout)
        try:
            await end.wait()
        finally:
            timer.cancel()
            bonds.waiters = few.discard(bonds.waiters, end)
        return self._death_reason

    def kill(self) -> None:
        """End the actor now: it cannot be trapped, on_stop does not run. Harmless if it is dead.

        An async handler is cancelled where it waits; a plain one runs to its end, for nothing can interrupt
        it. Links and monitors hear the reason KILLED. Does not wait: use `wait_stopped`.
        """
        links.exit_signal(self, None, KILL)

    def exit(self, reason: ExitReason, sender: ActorRef | None = None) -> None:
        """Send an exit signal as if a linked actor had ended so (OTP's `exit(Pid, Reason)`).

        An actor that traps exits gets an Exit message from `sender`; for any other it is the end (NORMAL
        excepted, which does nothing, unless an actor sends it to itself).
        """
        if sender is None:
            is_own = self._task is current_task() or self.system._runner.running is self
            sender = self if is_own else self.system.nobody
        links.exit_signal(self, sender, reason)

    def statistics(self) -> MailboxStatistics | None:
        """The mailbox's length, peak and counters; None if the actor is dead."""
        return self._mailbox.statistics() if self._mailbox is not None else None

    # ---- For the runtime's own modules -----------------------------------------------------------

    @property
    def _death_reason(self) -> ExitReason:
        return self._exit if self._exit is not None else NOPROC

    def _own_bonds(self) -> Bonds:
        if self._bonds is None:
            self._bonds = Bonds()
        return self._bonds

    def _request_stop(self, reason: ExitReason) -> None:
        """End after the current message, now if there is none, unless the end has been decided already."""
        if self._exit is None:
            self._exit = reason
            if self._mailbox is not None:
                self._mailbox.wake()  # a callback may have asked for it while the actor is parked

    def _doom(self, reason: ExitReason) -> None:
        """End now: wake the actor if it is parked, cancel it if it waits in a handler.

        A kill is stronger than an end that is under way, and interrupts on_stop too.
        """
        if self._exit is not None and reason is not KILLED:
            return
        self._exit = reason
        if self._scope is None and self.system._runner.running is self:
            self._scope = trio.CancelScope()  # for what its handler, which is on the stack, may yet wait for
        if self._scope is not None:
            self._scope.cancel()
        if self._mailbox is not None:
            self._mailbox.wake()

    @property
    def _owes_answers(self) -> bool:
        """Whether somebody waits for an answer that the actor has put off."""
        deferred = few.members(self._bonds.deferred) if self._bonds is not None else ()
        return any(not reply.is_done for reply in deferred)

    def _defer_current_call(self) -> Reply:
        call, self._call = self._call, None
        if call is None:
            return Reply()
        bonds = self._own_bonds()
        for reply in few.members(bonds.deferred):
            if reply.is_done:
                bonds.deferred = few.discard(bonds.deferred, reply)
        bonds.deferred = few.add(bonds.deferred, call)
        return call

    def _fail_current_call(self, error: ActorError) -> None:
        if self._call is not None:
            self._call.fail(error)
            self._call = None
