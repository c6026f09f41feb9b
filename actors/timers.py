"""Timers on trio's clock: one heap and one task for the whole system.

A trio deadline for each timer would be a cancel scope, and so a task, for each idle timer; here a timer is
one small object in a heap. Timeouts of asks are in the same heap, which is most of what makes an ask cheap.

Cancelled timers stay in the heap until they come up, or until they are the larger half of it: then it is
rebuilt without them. A timer whose owner has ended counts as cancelled.
"""

from __future__ import annotations

import heapq
import math
from typing import TYPE_CHECKING, Protocol

import trio

from actors.errors import CallTimeoutError

if TYPE_CHECKING:
    from actors.envelope import Call
    from actors.ref import ActorRef
    from actors.registry import Address
    from actors.system import ActorSystem

SMALL_HEAP = 256
"""Below this a heap full of cancelled timers is not worth rebuilding."""


class TimerEntry(Protocol):
    """What the heap holds: something that is done at a moment, unless it is not wanted any more."""

    @property
    def is_wanted(self) -> bool:
        """Whether it is still to be done."""

    def fire(self, now: float) -> float | None:
        """Do it. Returns when to do it again, or None."""


class TimerRef:
    """A running timer; `cancel` ends it."""

    __slots__ = ("_interval", "_message", "_owner", "_target", "_timers", "deadline", "is_active")

    def __init__(
        self,
        timers: Timers,
        owner: ActorRef,
        deadline: float,
        message: object,
        target: Address,
        interval: float | None,
    ) -> None:
        self._timers = timers
        self._owner = owner
        self._message = message
        self._target = target
        self._interval = interval
        self.deadline = deadline  # on trio's clock; the next one, for a timer that repeats
        self.is_active = True
        owner._timers += 1

    def cancel(self) -> bool:
        """End the timer. False if it had fired, or was cancelled, before.

        A message that it has queued already is still handled, as in OTP.
        """
        if not self.is_active:
            return False
        self._end()
        self._timers._note_unwanted(1)
        return True

    @property
    def is_wanted(self) -> bool:
        """Whether it is still to fire: active, and its owner alive."""
        return self.is_active and self._owner.is_alive

    def fire(self, now: float) -> float | None:
        """Tell the message; for the timer task."""
        message = self._message
        if self._interval is None:
            self._end()
        target = self._timers.system.resolve(self._target)
        mailbox = target._mailbox
        if mailbox is None:
            self._timers.system.dead_letters += 1
        elif self._interval is None and target is self._owner:
            mailbox.put_exempt(message)
        elif not mailbox.put(message):
            mailbox.refused += (
                1  # who is behind gains nothing by a tick more; and others' mailboxes are theirs
            )
        return self._next_beat(now)

    def _next_beat(self, now: float) -> float | None:
        if self._interval is None:
            return None
        missed = max(0.0, (now - self.deadline) // self._interval)
        self.deadline += self._interval * (missed + 1)
        return self.deadline

    def _end(self) -> None:
        self.is_active = False
        self._message = None  # it may be large, and the heap may keep us for a while
        self._owner._timers -= 1


class _CallTimer:
    """The timeout of one ask."""

    __slots__ = ("_call", "_target", "_timeout", "_timers")

    def __init__(self, timers: Timers, call: Call, target: ActorRef, timeout: float) -> None:
        self._timers = timers
        self._call: Call | None = call
        self._target = target
        self._timeout = timeout

    def cancel(self) -> None:
        """The ask is over, one way or the other."""
        if self._call is not None:
            self._call = None
            self._timers._note_unwanted(1)

    @property
    def is_wanted(self) -> bool:
        return self._call is not None

    def fire(self, now: float) -> None:
        call, self._call = self._call, None
        if call is not None:
            call.fail(CallTimeoutError(repr(self._target), type(call.message).__name__, self._timeout))


class Timers:
    """All timers of one system."""

    def __init__(self, system: ActorSystem) -> None:
        self.system = system
        self._heap: list[tuple[float, int, TimerEntry]] = []  # (deadline, order of creation, what)
        self._made = 0
        self._unwanted = 0  # entries in the heap that were cancelled; at most this many
        self._scope: trio.CancelScope | None = None  # of the timer task's present sleep

    def __len__(self) -> int:
        """How many timers of actors are running."""
        return sum(isinstance(entry, TimerRef) and entry.is_wanted for _, _, entry in self._heap)

    def send_after(self, owner: ActorRef, delay_s: float, message: object, target: Address) -> TimerRef:
        """See `Actor.send_after`."""
        deadline = trio.current_time() + max(0.0, delay_s)
        timer = TimerRef(self, owner, deadline, message, target, None)
        self._add(deadline, timer)
        return timer

    def send_every(self, owner: ActorRef, interval_s: float, message: object, target: Address) -> TimerRef:
        """See `Actor.send_every`.

        Raises:
            ValueError: The interval is not positive.
        """
        if not interval_s > 0:
            raise ValueError(f"interval_s is {interval_s}; it must be positive")
        deadline = trio.current_time() + interval_s
        timer = TimerRef(self, owner, deadline, message, target, interval_s)
        self._add(deadline, timer)
        return timer

    def expire_call(self, call: Call, target: ActorRef, timeout: float) -> _CallTimer:
        """Fail a call with CallTimeoutError unless the returned timer is cancelled before."""
        timer = _CallTimer(self, call, target, timeout)
        # max() also makes a NaN 0, which in the heap would put everything out of order.
        self._add(trio.current_time() + max(0.0, timeout), timer)
        return timer

    def look_after(self, delay_s: float, entry: TimerEntry) -> None:
        """Let the runtime itself do something after a time, and for as long as it says when next."""
        self._add(trio.current_time() + delay_s, entry)

    def forget_timers_of(self, owner: ActorRef) -> None:
        """The owner has ended: its timers will not fire."""
        if owner._timers:
            self._note_unwanted(owner._timers)

    def _add(self, deadline: float, entry: TimerEntry) -> None:
        self._made += 1
        heap = self._heap
        heapq.heappush(heap, (deadline, self._made, entry))
        if heap[0][2] is entry:
            self._sleep_until(deadline)

    def _note_unwanted(self, count: int) -> None:
        self._unwanted += count
        heap = self._heap
        if self._unwanted > SMALL_HEAP and self._unwanted * 2 > len(heap):
            heap[:] = [item for item in heap if item[2].is_wanted]
            heapq.heapify(heap)
            self._unwanted = 0
            self._sleep_until(heap[0][0] if heap else math.inf)

    # ---- The timer task --------------------------------------------------------------------------

    async def run(self) -> None:
        """Fire what is due, sleep until the next; for as long as the system lives."""
        while True:
            self._fire_due(trio.current_time())
            with trio.CancelScope(deadline=self._heap[0][0] if self._heap else math.inf) as self._scope:
                await trio.sleep_forever()

    def _sleep_until(self, deadline: float) -> None:
        if self._scope is not None:
            self._scope.deadline = deadline

    def _fire_due(self, now: float) -> None:
        heap = self._heap
        while heap and heap[0][0] <= now:
            _, _, entry = heapq.heappop(heap)
            if not entry.is_wanted:
                self._unwanted = max(0, self._unwanted - 1)
                continue
            again = entry.fire(now)
            if again is not None:
                self._made += 1
                heapq.heappush(heap, (again, self._made, entry))
