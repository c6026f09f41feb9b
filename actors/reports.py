"""What the runtime logs about its actors: crashes and stalls, structured, never a body or a key.

A crash report names the actor, its class, the parent, the exception's TYPE, the type of the message being
handled and where it happened. The exception's text is left out, for it may quote what the message carried.

Ten thousand actors may crash in a second. So reports are limited by the second, the ones left out are counted
and the count is logged, and the stack is formatted only if a handler of the log really writes it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from actors.exits import ExitReason

if TYPE_CHECKING:
    from actors.ref import ActorRef

log = logging.getLogger("roost.actors")

REPORTS_PER_SECOND = 20
"""Crash reports, and apart from them stall reports, written in one second: what a person can read."""


class LazyStack:
    """The stack of a crash, formatted when it is turned into text and not before."""

    __slots__ = ("_reason",)

    def __init__(self, reason: ExitReason) -> None:
        self._reason = reason

    def __str__(self) -> str:
        return self._reason.format_stack()

    __repr__ = __str__


class RateLimit:
    """At most so many a second; says how many were left out when the next second begins."""

    __slots__ = ("_clock", "_limit", "_second", "_used", "suppressed")

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        self._limit = limit
        self._clock = clock
        self._second = -1
        self._used = 0
        self.suppressed = 0

    def allows(self) -> bool:
        """Whether one more may be written now; if not, it is counted."""
        second = int(self._clock())
        if second != self._second:
            self._second, self._used = second, 0
        self._used += 1
        if self._used > self._limit:
            self.suppressed += 1
            return False
        return True

    def take_suppressed(self) -> int:
        """How many were left out since this was last called."""
        count, self.suppressed = self.suppressed, 0
        return count


class Reports:
    """The reports of one system, and how many there were."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.crashes = 0
        self.stalls = 0
        self._crash_limit = RateLimit(REPORTS_PER_SECOND, clock)
        self._stall_limit = RateLimit(REPORTS_PER_SECOND, clock)

    def crash(self, ref: ActorRef, reason: ExitReason, message_type: str) -> None:
        """An actor ends by an exception of its own."""
        self.crashes += 1
        if not self._crash_limit.allows():
            return
        self._tell_suppressed(self._crash_limit, "crash_reports_suppressed")
        log.error(
            "actor_crashed",
            extra={
                "actor": repr(ref),
                "actor_class": ref.kind_name,
                "parent": repr(ref.parent) if ref.parent is not None else None,
                "error_type": type(reason.error).__qualname__,
                "last_message_type": message_type,
                "stack": LazyStack(reason),
            },
        )

    def stall(self, ref: ActorRef, message: object, held_s: float) -> None:
        """A handler has held the loop, and everybody on it, for too long."""
        self.stalls += 1
        if not self._stall_limit.allows():
            return
        self._tell_suppressed(self._stall_limit, "stall_reports_suppressed")
        log.warning(
            "loop_stalled",
            extra={
                "actor": repr(ref),
                "actor_class": ref.kind_name,
                "message_type": type(message).__name__,
                "held_ms": round(held_s * 1000, 1),
            },
        )

    @staticmethod
    def _tell_suppressed(limit: RateLimit, event: str) -> None:
        count = limit.take_suppressed()
        if count:
            log.error(event, extra={"count": count})
