"""The relay as the store may rely on it: numbers without gaps, a queue until acknowledged; in 60 lines.

It is a model for tests of the store alone: one recipient, no sockets, and it can be put back to an earlier
state, as by a restored backup.
"""

from dataclasses import dataclass, field

from client.records import OutgoingSend
from protocol.ids import DeviceId, MessageNumber


@dataclass(frozen=True)
class AcceptedAnswer:
    number: MessageNumber


@dataclass(frozen=True)
class OutOfOrderAnswer:
    expected: MessageNumber


@dataclass(frozen=True)
class RefusedAnswer:
    number: MessageNumber
    error_name: str


Answer = AcceptedAnswer | OutOfOrderAnswer | RefusedAnswer


@dataclass
class RelayModel:
    """Messages of one device to one user."""

    device: DeviceId
    accepted: int = 0
    delivered: int = 0
    queue: list[tuple[int, OutgoingSend]] = field(default_factory=list)
    last_seq: int = 0
    refuse_next: str | None = None

    def take(self, send: OutgoingSend) -> Answer:
        """What the relay answers to a ``Send``."""
        if send.number <= self.accepted:
            return AcceptedAnswer(MessageNumber(self.accepted))
        if send.number > self.accepted + 1:
            return OutOfOrderAnswer(MessageNumber(self.accepted + 1))
        if self.refuse_next is not None:
            error_name, self.refuse_next = self.refuse_next, None
            return RefusedAnswer(send.number, error_name)
        if [part.device for part in send.parts] != [self.device]:
            return RefusedAnswer(send.number, "stale-devices")
        self.accepted += 1
        self.last_seq += 1
        self.queue.append((self.last_seq, send))
        return AcceptedAnswer(MessageNumber(self.accepted))

    def acknowledge(self, seq: int) -> None:
        """The recipient has everything up to ``seq``."""
        self.delivered = max([self.delivered, *(send.number for at, send in self.queue if at <= seq)])
        self.queue = [(at, send) for at, send in self.queue if at > seq]

    def backup(self) -> "RelayModel":
        """The state of now, to be put back later."""
        return RelayModel(self.device, self.accepted, self.delivered, list(self.queue), self.last_seq)
