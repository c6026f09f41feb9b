"""Owns a connection's link in the place of its actor: answers a lone Ping itself, and hands on all else.

No actor, and no message to one: most devices say nothing but a Ping for hours. To wake an actor for it, with
its scope, its loop and the end of the turn, costs four times as much as to answer.

Guarantees: what it does itself and what the actor does are never mixed up. A link tells nothing new until it
is resumed, so whenever something comes here, the actor is done with all that came before.
Not here: what a ping is (protocol/channel.py), when an answer may overtake (outgoing.py).
"""

from actors.network import LinkClosed, Received
from relay.login import leave
from relay.outgoing import Outgoing
from relay.worker import Worker


class Doorman:
    """A `LinkOwner` in front of one connection's actor."""

    __slots__ = ("_outgoing", "_worker")

    def __init__(self, worker: Worker, outgoing: Outgoing) -> None:
        self._worker = worker
        self._outgoing = outgoing

    @property
    def is_alive(self) -> bool:
        """Whether the actor is; if not, the network aborts the link."""
        return self._outgoing.owner.is_alive

    def tell_nowait(self, message: object) -> None:
        """Take what the link tells.

        Raises:
            MailboxFullError: the actor has no room now; the link tries again.
        """
        outgoing = self._outgoing
        if type(message) is Received and outgoing.answer_keepalive(message.data):
            return
        if outgoing.owner.is_alive:
            outgoing.owner.tell_nowait(message)
        elif type(message) is LinkClosed:
            # The actor was killed, and could not take itself out of the registers.
            outgoing.ended("killed")
            leave(self._worker, outgoing)
