"""StateMachine: an actor whose behaviour depends on the state it is in; the core of OTP's gen_statem.

| gen_statem | here |
|---|---|
| `handle_event(Type, Event, State, Data)` | `on_event(state, event)`; Data is the instance |
| `{next_state, S, ...}` | `self.transition(s)` |
| `{state_timeout, T, _}` | `self.set_state_timeout(seconds)`; comes as StateTimeout, never in another state |
| `postpone` | `self.postpone()`: the event comes again, in order, after the next change of state |
| `{next_event, internal, E}` | `self.next_event(e)`: handled before anything that is queued |
| `{reply, From, R}` | what `on_event` returns, or `reply_later()` |
| state enter calls | `on_enter(old, new)` |

When not to use it: with two states and three events an `if` in a plain actor reads better.
"""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

from actors.actor import Actor
from actors.envelope import Reply
from actors.errors import MailboxFullError, UnexpectedMessageError
from actors.timers import TimerRef

S = TypeVar("S", bound=enum.Enum)


@dataclass(frozen=True, slots=True)
class StateTimeout:
    """The time set with `set_state_timeout` is up, and the state is still the same."""


@dataclass(frozen=True, slots=True)
class _TimeIsUp:
    """What the timer tells; it may be queued when the state has changed, so it names the visit it is for."""

    visit: int


@dataclass(frozen=True, slots=True)
class _Pending:
    """An event that is to be handled (again), and who is to be answered."""

    event: object
    reply: Reply | None


class StateMachine(Actor, Generic[S]):
    """An actor with a named state. Subclasses set `initial_state` and write `on_event`.

    `on_event` is plain (`def`): work that takes time is a Task (task.py) whose result is an event.

    Invariants:
        `_postponed` holds at most `mailbox_limit` events, oldest first.
        A StateTimeout is only ever given to the visit of the state that set it.
    """

    initial_state: S

    state: S
    """The state the machine is in. Change it with `transition`."""

    _visit: int  # counts changes of state, so that an old timeout is known for what it is
    _timer: TimerRef | None  # of the state timeout that is running
    _queue: deque[_Pending]  # events to be handled before anything of the mailbox
    _next: list[_Pending]  # what the present event has inserted
    _postponed: list[_Pending]
    _reply: Reply | None  # of the present event, until it is answered or taken
    _wants_postponing: bool

    def on_event(self, state: S, event: object) -> object:
        """Handle one event; what it returns answers an ask. A raise is a crash, as in any actor."""
        self.unexpected(event)
        return None

    def on_enter(self, old: S, new: S) -> None:
        """A state was entered: by a transition, or at the start (then both are the initial one)."""

    # ---- What on_event may do -----------------------------------------------------------------------

    def transition(self, new: S) -> None:
        """Go to another state. Ends the state timeout; what was postponed comes again.

        To the state the machine is in already it changes nothing (OTP's keep_state).
        """
        if new is self.state:
            return
        old, self.state = self.state, new
        self._visit += 1
        self._cancel_timer()
        self.on_enter(old, new)

    def set_state_timeout(self, seconds: float) -> None:
        """Get a StateTimeout if the state is still the same by then. Replaces an earlier one."""
        self._cancel_timer()
        self._timer = self.send_after(seconds, _TimeIsUp(self._visit))

    def postpone(self) -> None:
        """Take the present event again after the next change of state. Its asker waits."""
        self._wants_postponing = True

    def next_event(self, event: object) -> None:
        """Handle `event` right after this one, before anything that is queued or was postponed."""
        self._next.append(_Pending(event, None))

    def reply_later(self) -> Reply:
        """As `Actor.reply_later`, also for an event that was postponed before."""
        reply, self._reply = self._reply, None
        return reply if reply is not None else Reply()

    def unexpected(self, message: object) -> None:
        """As `Actor.unexpected`, also for an event that was postponed before."""
        super().unexpected(message)
        if self._reply is not None:
            self._reply.fail(UnexpectedMessageError(str(self.ref), type(message).__name__))

    # ---- The machine --------------------------------------------------------------------------------

    async def on_start(self) -> None:
        """Enter the initial state. A subclass that overrides this calls it first."""
        self.state = self.initial_state
        self._visit = 0
        self._timer = None
        self._queue = deque()
        self._next = []
        self._postponed = []
        self._reply = None
        self._wants_postponing = False
        self.on_enter(self.state, self.state)

    def handle(self, message: object) -> object:
        """Turn a message into an event, and go on until none is left that comes before the mailbox."""
        if isinstance(message, _TimeIsUp):
            if message.visit != self._visit or self._timer is None:
                return None  # queued before the state changed, or the timeout was set anew
            self._timer, message = None, StateTimeout()
        self._queue.extend(self._next)  # of on_enter at the start
        self._next.clear()
        self._queue.append(_Pending(message, self._take_asker()))
        while self._queue and self.ref._exit is None:
            self._handle_event(self._queue.popleft())
        return None

    def _handle_event(self, pending: _Pending) -> None:
        visit = self._visit
        self._reply, self._wants_postponing = pending.reply, False
        answer = self.on_event(self.state, pending.event)
        reply, self._reply = self._reply, None
        if self._wants_postponing:
            self._keep(_Pending(pending.event, reply))
        elif reply is not None:
            reply.send(answer)
        returning = self._next
        if self._visit != visit:
            returning, self._postponed = returning + self._postponed, []
        self._queue.extendleft(reversed(returning))
        self._next = []

    def _take_asker(self) -> Reply | None:
        return super().reply_later() if self.ref._call is not None else None

    def _keep(self, pending: _Pending) -> None:
        if len(self._postponed) >= self.mailbox_limit:
            # A machine that only ever postpones is a bug, and would otherwise be a leak.
            raise MailboxFullError(str(self.ref), self.mailbox_limit)
        self._postponed.append(pending)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
