"""How far one user is in each of their groups: what their devices have acknowledged, and what was read.

A part of the user's mailbox, called within the actor's turns; the marks are rows of the user. The groups
learn of them by the worker's reports (reports.py), when they are durable.
"""

from collections.abc import Callable, Sequence

from protocol import GroupId, GroupSeq, MemberAddress, UserId
from relay.device_queue import InFlight
from storage import Environment, Op, groups
from storage.groups import Mark

MAX_REMEMBERED = 1_024
"""Groups whose marks are kept in memory; the store has them all."""

Progress = dict[GroupId, Mark]
"""{group: how far the user is}, to be reported."""


class GroupMarks:
    """The marks of one user."""

    __slots__ = ("_environment", "_marks", "_told_early", "_unwritten", "_user")

    def __init__(self, environment: Environment, user: UserId) -> None:
        self._environment = environment
        self._user = user
        self._marks: dict[GroupId, Mark] = {}
        # Acknowledged in passing, made when there is one: what no submission has yet, and what was told
        # before it was durable.
        self._unwritten: dict[GroupId, Mark] | None = None
        self._told_early: dict[GroupId, Mark] | None = None

    @property
    def are_many(self) -> bool:
        """Whether it is time for `forget`."""
        return len(self._marks) >= MAX_REMEMBERED and not self._unwritten

    def forget(self) -> None:
        """Read from the store again. Only while nothing is on its way there."""
        self._marks.clear()
        self._unwritten = self._told_early = None

    def of(self, group: GroupId) -> Mark:
        """How far the user is in a group."""
        mark = self._marks.get(group)
        if mark is None:
            with self._environment.read() as reader:
                mark = self._marks[group] = groups.load_mark(reader, self._user, group)
        return mark

    def delivered(
        self, done: Sequence[InFlight], waits_elsewhere: Callable[[GroupId, int, int], bool] | None
    ) -> tuple[Progress, list[Op]]:
        """A device has acknowledged these: how far the user is by that, and what makes it durable.

        The first device counts. But a mark counts for all below it too, and a device that was linked later
        has never got what came before: then it waits until an older one has acknowledged that.

        Args:
            done: what was acknowledged, in order.
            waits_elsewhere: whether something of a group between two numbers waits for another device only;
                None if there is no other device.
        """
        newest: dict[GroupId, GroupSeq] = {}
        oldest: dict[GroupId, GroupSeq] = {}
        for delivery in done:
            if type(delivery.sender) is MemberAddress:
                gseq = GroupSeq(delivery.number)
                oldest.setdefault(delivery.sender.group, gseq)
                newest[delivery.sender.group] = gseq
        progress: Progress = {}
        ops: list[Op] = []
        for group, gseq in newest.items():
            mark = self.of(group)
            if gseq <= mark.delivered:
                continue
            first, reached = oldest[group], mark.delivered
            if waits_elsewhere is not None and first > reached + 1 and waits_elsewhere(group, reached, first):
                continue
            progress[group] = self._put(group, Mark(gseq, mark.read), ops)
        return progress, ops

    def passed(self, group: GroupId, gseq: GroupSeq) -> Mark | None:
        """The user's only device has acknowledged up to here what fan-out rows bear: the mark, if it is news.

        It may be told at once, for the acknowledgement is not taken back: as long as the mark is not durable
        neither is the acknowledgement, and the device makes it again. `write_passed` makes it durable.
        """
        mark = self.of(group)
        if gseq <= mark.delivered:
            return None
        mark = self._marks[group] = Mark(gseq, mark.read)
        if self._unwritten is None:
            self._unwritten = {}
        self._unwritten[group] = mark
        if self._told_early is None:
            self._told_early = {}
        self._told_early[group] = mark
        return mark

    def write_passed(self) -> list[Op]:
        """What makes durable what has `passed`: with the cursor that says the same."""
        unwritten, self._unwritten = self._unwritten, None
        return [groups.put_mark(self._user, group, mark) for group, mark in (unwritten or {}).items()]

    def take_told_early(self) -> Progress:
        """What has to be told again when it is durable: the group may have begun anew, from the disk."""
        told, self._told_early = self._told_early, None
        return told or {}

    def read(self, group: GroupId, gseq: int) -> tuple[Progress, list[Op]]:
        """The user has read a group up to a number; never more than was delivered, whatever a client says."""
        mark = self.of(group)
        reached = min(GroupSeq(gseq), mark.delivered)
        if reached <= mark.read:
            return {}, []
        ops: list[Op] = []
        return {group: self._put(group, Mark(mark.delivered, reached), ops)}, ops

    def _put(self, group: GroupId, mark: Mark, ops: list[Op]) -> Mark:
        self._marks[group] = mark
        if self._unwritten:
            self._unwritten.pop(group, None)
        ops.append(groups.put_mark(self._user, group, mark))
        return mark
