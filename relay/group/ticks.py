"""How far the messages of a group's senders have come with everybody: ✓✓ and blue, a minimum over members.

Pure. The members' marks come from their mailboxes; whoever joined later has, as far as earlier messages are
concerned, everything, and a sender's own mark counts for nothing in their own messages.
"""

from collections import deque
from collections.abc import Iterable

from protocol import DeviceAddress, GroupSeq, MessageNumber, UserId
from storage.groups import Mark

EVERYTHING = 2**63


class Least:
    """The two members that are furthest behind: the second counts where the first is the sender."""

    __slots__ = ("_first", "_second", "_who")

    def __init__(self, reached: Iterable[tuple[UserId, int]]) -> None:
        self._first = self._second = EVERYTHING
        self._who: UserId | None = None
        for user, gseq in reached:
            if gseq < self._first:
                self._second, self._first, self._who = self._first, gseq, user
            elif gseq < self._second:
                self._second = gseq

    def besides(self, user: UserId) -> int:
        """Up to where everybody is but this one."""
        return self._second if user == self._who else self._first


class Waiting:
    """The messages of one sending device that not everybody has read."""

    __slots__ = ("numbers",)

    def __init__(self, numbers: Iterable[tuple[MessageNumber, GroupSeq]]) -> None:
        self.numbers = deque(numbers)  # in order; bounded by what is remembered of a sender

    def up_to(self, gseq: int) -> MessageNumber:
        """The newest message that is not behind `gseq`; 0: none."""
        newest = MessageNumber(0)
        for number, place in self.numbers:
            if place > gseq:
                break
            newest = number
        return newest

    def forget(self, number: int) -> None:
        """Everybody has read it, and what is before it."""
        while self.numbers and self.numbers[0][0] <= number:
            self.numbers.popleft()


class Ticks:
    """The marks of a group's members, and what waits for them."""

    __slots__ = ("_floors", "_marks", "waiting")

    def __init__(self) -> None:
        self._marks: dict[UserId, Mark] = {}
        self._floors: dict[UserId, int] = {}  # {member: what was said before they came}
        self.waiting: dict[DeviceAddress, Waiting] = {}  # of senders with unread messages

    def join(self, user: UserId, joined: int, mark: Mark) -> None:
        """A member counts from here on."""
        self._marks[user] = mark
        self._floors[user] = joined - 1

    def leave(self, user: UserId) -> None:
        """A member counts no more."""
        self._marks.pop(user, None)
        self._floors.pop(user, None)

    def reached(self, user: UserId, delivered: int, read: int) -> bool:
        """A member's mailbox says how far it is; whether that is news."""
        mark = self._marks.get(user)
        if mark is None or (delivered <= mark.delivered and read <= mark.read):
            return False
        mark.delivered = max(mark.delivered, GroupSeq(delivered))
        mark.read = max(mark.read, GroupSeq(read))
        return True

    def sent(self, sender: DeviceAddress, number: MessageNumber, gseq: GroupSeq) -> None:
        """A message waits to be read by everybody."""
        self.waiting.setdefault(sender, Waiting(())).numbers.append((number, gseq))

    def risen(self) -> list[tuple[DeviceAddress, MessageNumber, MessageNumber]]:
        """For each sender with unread messages: up to which all have them, and have read them; 0: none."""
        floors = self._floors
        delivered = Least((user, max(mark.delivered, floors[user])) for user, mark in self._marks.items())
        read = Least((user, max(mark.read, floors[user])) for user, mark in self._marks.items())
        return [
            (
                sender,
                waiting.up_to(delivered.besides(sender.user)),
                waiting.up_to(read.besides(sender.user)),
            )
            for sender, waiting in self.waiting.items()
        ]

    def all_read(self, sender: DeviceAddress, number: int) -> None:
        """Nothing of this sender up to `number` waits any more."""
        waiting = self.waiting.get(sender)
        if waiting is not None:
            waiting.forget(number)
            if not waiting.numbers:
                del self.waiting[sender]
