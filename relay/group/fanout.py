"""What is on its way from a group to its members' workers: who has been sent what, and what has arrived.

Pure. Items leave in order; a worker answers how far everything is durable there (`arrived`), and what all
workers have is done. What a worker does not answer for is sent again from where it stands: whatever it has
got already it drops (porter.py).

    done ≤ arrived[worker] ≤ sent[worker] ≤ durable
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from protocol import GroupSeq
from relay.group.roster import Roster
from storage.groups import GroupItem

BATCH_BYTES = 256 * 1024
"""Payload in one message to a worker, if it is more than one item."""

NOTHING = GroupSeq(0)


@dataclass(frozen=True, slots=True)
class Batch:
    """Items for the same members of one worker."""

    worker: int
    behind: GroupSeq
    """What the worker must have got before; 0: it has answered for everything that was sent."""
    users: bytes
    items: tuple[GroupItem, ...]


class Fanout:
    """The items of one group that not every worker has."""

    __slots__ = ("_arrived", "_roster", "_sent", "durable", "pending")

    def __init__(self, roster: Roster, pending: Sequence[GroupItem]) -> None:
        self.pending = deque(pending)  # in order; bounded by the group (MAX_PENDING)
        self.durable: int = pending[-1].gseq if pending else 0
        self._roster = roster
        self._sent: dict[int, GroupSeq] = {}  # {worker: the newest item}; none: nothing is open there
        self._arrived: dict[int, GroupSeq] = {}

    @property
    def is_done(self) -> bool:
        """Whether every worker has everything."""
        return not self.pending

    def add(self, item: GroupItem) -> None:
        """One more; it leaves when it is durable."""
        self.pending.append(item)

    def resend(self, worker: int) -> None:
        """What this worker has not answered for is sent again."""
        if worker in self._sent:
            self._sent[worker] = self._arrived.get(worker, NOTHING)

    def waits_for(self) -> list[int]:
        """The workers that have not answered for everything they were sent, or not been sent everything."""
        return list(dict.fromkeys(worker for item in self.pending for worker in self._audience_of(item)))

    def _audience_of(self, item: GroupItem) -> list[int]:
        audience = self._roster.audience(item.gseq)
        return [worker for worker in audience if self._arrived.get(worker, NOTHING) < item.gseq]

    def next_batches(self) -> list[Batch]:
        """What is to be sent now; it counts as sent."""
        batches: list[Batch] = []
        open_: dict[int, tuple[bytes, list[GroupItem], int]] = {}
        for item in self.pending:
            if item.gseq > self.durable:
                break
            for worker, users in self._roster.audience(item.gseq).items():
                if item.gseq <= self._sent.get(worker, NOTHING):
                    continue
                begun = open_.get(worker)
                size = len(item.payload)
                if begun is not None and begun[0] == users and begun[2] + size <= BATCH_BYTES:
                    begun[1].append(item)
                    open_[worker] = (users, begun[1], begun[2] + size)
                else:
                    if begun is not None:
                        batches.append(self._batch(worker, begun[0], begun[1]))
                    open_[worker] = (users, [item], size)
        batches += [self._batch(worker, users, items) for worker, (users, items, _) in open_.items()]
        return batches

    def _batch(self, worker: int, users: bytes, items: list[GroupItem]) -> Batch:
        sent = self._sent.get(worker, NOTHING)
        behind = sent if sent > self._arrived.get(worker, NOTHING) else NOTHING
        self._sent[worker] = items[-1].gseq
        return Batch(worker, behind, users, tuple(items))

    def has_arrived(self, worker: int, gseq: GroupSeq) -> None:
        """A worker has everything that it was sent up to here."""
        if gseq > self._arrived.get(worker, NOTHING):
            self._arrived[worker] = gseq
            self._sent[worker] = max(self._sent.get(worker, NOTHING), gseq)

    def take_done(self) -> GroupSeq:
        """Forget what every worker has; up to where that is, 0 if there is nothing new."""
        done = NOTHING
        while (
            self.pending and self.pending[0].gseq <= self.durable and not self._audience_of(self.pending[0])
        ):
            done = self.pending.popleft().gseq
        return done
