"""What a device does in each scenario, whatever protocol it speaks: it talks, writes, or is in a group.

A role is mixed into an endpoint: `class Talker(Talking, Device)`. The protocol's part is to `write` message
`number`, and to tell the role how far messages have come. Roles have no slots (two bases cannot both have
some): they are for hundreds of devices, and not for the tens of thousands that are idle.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from typing import TYPE_CHECKING

from bench.load.crew import now as clock
from bench.load.endpoint import Endpoint

if TYPE_CHECKING:
    from bench.scenarios.fanout import FanoutCrew
    from bench.scenarios.offline import WritersCrew
    from bench.scenarios.pairs import PairsCrew


class Step:
    """How far one sender's messages have come on one step of their way: accepted, delivered or ticked.

    Words about them are cumulative ("everything up to n"), and each message is taken off once.
    """

    __slots__ = ("due", "reached")

    def __init__(self) -> None:
        self.due: deque[float] = deque()  # when those that are not here yet were due, oldest first
        self.reached = 0

    def reach(self, number: int) -> list[float]:
        """Everything up to `number` has come here; returns when each that is new was due."""
        # What an earlier run has left in the relay may come before we know how far that run was.
        count = min(number - self.reached, len(self.due))
        if count <= 0:
            return []
        self.reached = number
        return [self.due.popleft() for _ in range(count)]


class Talking(Endpoint):
    """Of `pairs`: writes to its partner, a window or a pace of messages on their way."""

    crew: PairsCrew
    partner: Talking
    number: int
    accepted: Step
    delivered: Step
    ticked: Step

    def begin_to_talk(self) -> None:
        """Have nothing on its way; for the constructor."""
        self.partner = self  # until the crew has made both
        self.number = 0  # of the last message sent
        self.accepted, self.delivered, self.ticked = Step(), Step(), Step()

    def greet(self) -> None:
        """Online: do what has to be done before talking, and count as ready when that is done."""
        self.crew.ready += 1

    @abstractmethod
    def write(self, number: int) -> None:
        """Say message `number` to the partner; the caller flushes."""

    def send(self, due: float) -> None:
        """Write one message, which counts from when it was due."""
        self.number += 1
        for step in (self.accepted, self.delivered, self.ticked):
            step.due.append(due)
        self.write(self.number)

    def fill(self, now: float) -> None:
        """Send until the window is full."""
        for _ in range(self.crew.window - len(self.ticked.due)):
            self.send(now)

    def was_accepted(self, upto: int, now: float) -> None:
        """The server has taken charge of our messages up to this number."""
        self.crew.count("accepted", self.accepted.reach(upto), now)

    def has_come(self, upto: int, now: float) -> None:
        """The partner's messages up to this number are here."""
        self.crew.count("delivered", self.partner.delivered.reach(upto), now)

    def was_ticked(self, upto: int, now: float) -> None:
        """We know that our messages up to this number are at the partner's."""
        self.crew.count("ticked", self.ticked.reach(upto), now)


class Writing(Endpoint):
    """Of `offline`: writes so many messages to one who is away, a window at a time."""

    crew: WritersCrew
    recipient: object
    left: int
    number: int
    accepted: int
    due: deque[float]

    def begin_to_write(self, recipient: object, count: int) -> None:
        """Have so many messages to write to this account; for the constructor."""
        self.recipient = recipient
        self.left = count
        self.number = self.accepted = 0
        self.due = deque()  # when those that are not accepted yet were sent

    def greet(self) -> None:
        """Online: do what has to be done before writing, and count as ready when that is done."""
        self.crew.ready += 1

    @abstractmethod
    def write(self, number: int) -> None:
        """Say message `number` to the recipient; the caller flushes."""

    def fill(self, now: float) -> None:
        """Send until the window is full."""
        for _ in range(min(self.left, self.crew.window - len(self.due))):
            self.left -= 1
            self.number += 1
            self.due.append(now)
            self.write(self.number)

    def was_accepted(self, upto: int, now: float) -> None:
        """The server has taken charge of messages up to this number."""
        for _ in range(upto - self.accepted):
            self.crew.record("accepted", now - self.due.popleft())
        self.crew.counts["accepted"] += upto - self.accepted
        self.accepted = upto


class Gathered(Endpoint):
    """Of `fanout`: a member of the group; one of them writes."""

    crew: FanoutCrew

    @abstractmethod
    def join(self) -> None:
        """All are online: do what has to be done to be a member, and add to `crew.ready` when it is done."""


class GroupWriting(Gathered):
    """The first member, which writes to all others."""

    number: int
    due: deque[float]

    def begin_to_write(self) -> None:
        """Have nothing on its way; for the constructor."""
        self.number = 0
        self.due = deque()  # when those that are not ticked yet were sent

    @abstractmethod
    def write(self, number: int, payload: bytes) -> None:
        """Say message `number` to the group; the caller flushes."""

    def fill(self) -> None:
        """Write until the window is full."""
        for _ in range(self.crew.window - len(self.due)):
            self.number += 1
            at = clock()
            self.due.append(at)
            self.write(self.number, self.crew.payload(self.number, at))

    def was_ticked(self, upto: int, now: float) -> None:
        """All members have the messages up to this number."""
        while self.due and self.number - len(self.due) < upto:
            self.crew.record("ticked", now - self.due.popleft())
            self.crew.counts["ticked"] += 1
