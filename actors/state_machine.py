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


class _TimeIsUp:
    """What the timer tells; an earlier one may still be queued, so it is known by its identity."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class _GoOn:
    """To itself: there are inserted events, and no event is being handled that they could follow."""


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
        A StateTimeout is only ever given to the visit of the state that set it, and only the latest one.
    """

    initial_state: S

    state: S
    """The state the machine is in. Change it with `transition`."""

    _visit: int  # counts changes of state
    _timeout: _TimeIsUp | None  # the state timeout that is running
    _timer: TimerRef | None  # its timer; None if it is up at once
    _queue: deque[_Pending]  # events to be handled before anything of the mailbox
    _next: list[_Pending]  # what the present event has inserted
    _postponed: list[_Pending]
    _reply: Reply | None  # of the present event, until it is answered or taken
    _wants_postponing: bool
    _is_handling: bool  # False between two messages, and at the start

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
        """Get a StateTimeout if the state is still the same by then. Replaces an earlier one.

        One of 0 seconds comes after inserted and postponed events, and before anything that is queued.
        """
        self._cancel_timer()
        self._timeout = _TimeIsUp()
        if seconds > 0:
            self._timer = self.send_after(seconds, self._timeout)
        else:
            self._put_first(self._timeout)

    def postpone(self) -> None:
        """Take the present event again after the next change of state. Its asker waits."""
        self._wants_postponing = True

    def next_event(self, event: object) -> None:
        """Handle `event` right after this one, before anything that is queued or was postponed.

        At the start (in `on_enter`, say) it is the machine's first event.
        """
        if not self._is_handling and not self._next:
            self._put_first(_GoOn())
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
        self._timeout = None
        self._timer = None
        self._queue = deque()
        self._next = []
        self._postponed = []
        self._reply = None
        self._wants_postponing = False
        self._is_handling = False
        self.on_enter(self.state, self.state)

    def handle(self, message: object) -> object:
        """Turn a message into an event, and go on until none is left that comes before the mailbox."""
        if isinstance(message, _TimeIsUp):
            if message is not self._timeout:
                return None  # queued before the state changed, or the timeout was set anew
            self._timeout, self._timer, message = None, None, StateTimeout()
        self._queue.extend(self._next)  # what was inserted while no event was being handled
        self._next.clear()
        if not isinstance(message, _GoOn):
            self._queue.append(_Pending(message, self._take_asker()))
        self._is_handling = True
        while self._queue and self.ref._exit is None:
            self._handle_event(self._queue.popleft())
        self._is_handling = False
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

    def _put_first(self, message: object) -> None:
        """Queue a note to itself before anything that is queued."""
        assert self.ref._mailbox is not None
        self.ref._mailbox.put_signal(message)

    def _cancel_timer(self) -> None:
        self._timeout = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
