"""Ending children: asked first, killed when their time is up. OTP's order of events.

A child is asked by the exit signal SHUTDOWN from its supervisor. One that does not trap exits ends where it
waits (its `on_stop` still runs); one that does finishes its message first. When the grace is over, it is
killed.

The links stay as they are. OTP unlinks first; but should the supervisor itself be killed while it waits here,
the link is what takes the rest of its children along. The price is that the Exit of a child that was ended
on purpose still arrives, and is ignored because the supervisor has forgotten that ref by then.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import trio

from actors import KILLED, NORMAL, SHUTDOWN, ActorRef, CallTimeoutError, ExitKind, ExitReason


async def end_child(supervisor: ActorRef, child: ActorRef, grace_seconds: float) -> ExitReason:
    """End one child and wait until it is dead.

    Cancelled while waiting: the child has been asked; nobody will kill it but its link to the supervisor.

    Returns:
        Why it ended; KILLED if it had to be killed.
    """
    _ask_to_end(supervisor, child, grace_seconds)
    return await _wait_or_kill(child, grace_seconds)


async def end_children(
    supervisor: ActorRef, children: Iterable[tuple[ActorRef, float]]
) -> list[tuple[ActorRef, ExitReason]]:
    """End many children at once: all are asked, then all are waited for, each with its own grace.

    Args:
        supervisor: whose children they are.
        children: each with its seconds of grace.

    Returns:
        Why each ended, in the order in which their times were up.
    """
    by_grace = sorted(
        children, key=lambda child: child[1]
    )  # stable: siblings of equal grace keep their order
    for child, grace in by_grace:
        _ask_to_end(supervisor, child, grace)
    asked_at = trio.current_time()
    ends: list[tuple[ActorRef, ExitReason]] = []
    for child, grace in by_grace:
        left = max(0.0, asked_at + grace - trio.current_time())
        ends.append((child, await _wait_or_kill(child, left)))
    return ends


def _ask_to_end(supervisor: ActorRef, child: ActorRef, grace_seconds: float) -> None:
    if grace_seconds > 0:
        child.exit(SHUTDOWN, sender=supervisor)
    else:
        child.kill()


async def _wait_or_kill(child: ActorRef, grace_seconds: float) -> ExitReason:
    if grace_seconds > 0:
        try:
            return await child.wait_stopped(grace_seconds)
        except CallTimeoutError:
            pass
    child.kill()
    return await child.wait_stopped(math.inf)


def was_orderly(reason: ExitReason, grace_seconds: float) -> bool:
    """Whether a child that was told to end did so as it should: a kill counts only where none was meant."""
    if reason in (NORMAL, SHUTDOWN) or reason.kind is ExitKind.SHUTDOWN:
        return True
    return reason == KILLED and grace_seconds == 0
