"""Owns a connection's link in the place of its actor: answers a lone Ping itself, and hands on all else.

No actor, and no message to one: most devices say nothing but a Ping for hours. To wake an actor for it, with
its scope, its loop and the end of the turn, costs four times as much as to answer.
Until it is known who the peer is there is no actor at all, and all goes to the greeter.

Guarantees: what it does itself and what the actor does are never mixed up. A link tells nothing new until it
is resumed, so whenever something comes here, the actor is done with all that came before.
Not here: what a ping is (protocol/channel.py), when an answer may overtake (outgoing.py).
"""

from typing import Protocol

from actors.network import LinkClosed, Received
from relay.login import leave
from relay.outgoing import Outgoing
from relay.worker import Worker


class Greets(Protocol):
    """Whom the doorman calls while nobody is known (greeting.py)."""

    def hear(self, message: object) -> None:
        """Take what the link tells; never raises."""


class Doorman:
    """A `LinkOwner` in front of one connection's actor."""

    __slots__ = ("_greeter", "_outgoing", "_worker")

    def __init__(self, worker: Worker, outgoing: Outgoing, greeter: Greets | None = None) -> None:
        self._worker = worker
        self._outgoing = outgoing
        self._greeter = greeter  # until there is an actor

    @property
    def is_alive(self) -> bool:
        """Whether the actor is, or there is none yet; if not, the network aborts the link."""
        owner = self._outgoing.owner
        return owner is None or owner.is_alive

    def tell_nowait(self, message: object) -> None:
        """Take what the link tells.

        Raises:
            MailboxFullError: the actor has no room now; the link tries again.
        """
        outgoing = self._outgoing
        owner = outgoing.owner
        if owner is None:
            assert self._greeter is not None
            self._greeter.hear(message)
            if outgoing.owner is not None:
                self._greeter = None  # it has done its work
            return
        if type(message) is Received and outgoing.answer_keepalive(message.data):
            return
        if owner.is_alive:
            owner.tell_nowait(message)
        elif type(message) is LinkClosed:
            # The actor was killed, and could not take itself out of the registers.
            outgoing.ended("killed")
            leave(self._worker, outgoing)
