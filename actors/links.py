"""Links and exit signals: actors that share fate, as in OTP.

The rules for a signal that arrives (`erlang:exit/2` and the reference manual's chapter on processes):

| the signal's reason | receiver traps exits | receiver does not |
|---|---|---|
| KILL, sent with `kill()` or `exit(KILL)` | ends, KILLED | ends, KILLED |
| KILLED, from the actor's parent | ends, KILLED | ends, KILLED |
| any other, from the actor's parent | stops in order: on_stop, same reason | as below |
| NORMAL | Exit message | nothing, unless it is from itself: then it ends |
| any other | Exit message | ends with the same reason |

A KILL that travels along a link arrives as KILLED and can be trapped, by all but the children of the killed:
who is killed cannot wait for them any more, and nobody else would. (OTP lets a child that traps exits run its
`terminate`, for as long as it likes.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors import few
from actors.exits import KILLED, NOPROC, Exit, ExitKind, ExitReason, Stop

if TYPE_CHECKING:
    from actors.ref import ActorRef


def link(one: ActorRef, other: ActorRef) -> None:
    """Tie two actors together. If the other is dead, its signal (NOPROC) comes back at once."""
    if one is other:
        return
    if not other.is_alive:
        exit_signal(one, other, NOPROC)
        return
    near, far = one._own_bonds(), other._own_bonds()
    near.links = few.add(near.links, other)
    far.links = few.add(far.links, one)


def unlink(one: ActorRef, other: ActorRef) -> None:
    """Untie them; harmless if they were not linked."""
    for near, far in ((one, other), (other, one)):
        if near._bonds is not None:
            near._bonds.links = few.discard(near._bonds.links, far)


def exit_signal(target: ActorRef, sender: ActorRef | None, reason: ExitReason) -> None:
    """Let one exit signal arrive. Never blocks; what it leads to happens when the target runs next."""
    actor, mailbox = target._actor, target._mailbox
    if actor is None or mailbox is None:
        return
    # A gen_server that traps exits ends with its parent all the same: only so can a supervisor stop it.
    from_parent = sender is not None and sender is target._parent
    if reason.kind is ExitKind.KILL or (from_parent and reason.kind is ExitKind.KILLED):
        target._doom(KILLED)
    elif actor._traps_exits:
        mailbox.put_signal(Stop(reason) if from_parent else Exit(sender or target.system.nobody, reason))
    elif reason.kind is not ExitKind.NORMAL or sender is target:
        target._doom(reason)


def sever_links(dead: ActorRef, reason: ExitReason) -> None:
    """Send the exit signal of an actor that has ended along all its links."""
    bonds = dead._bonds
    if bonds is None:
        return
    linked, bonds.links = few.members(bonds.links), None
    if reason.kind is ExitKind.KILL:
        reason = KILLED  # it stopped with this word as its reason; the order itself does not travel
    for other in linked:
        if other._bonds is not None:
            other._bonds.links = few.discard(other._bonds.links, dead)
        exit_signal(other, dead, reason)
