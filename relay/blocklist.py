"""Whom a user blocks, as the user's mailbox needs it: whose messages are kept for nobody.

Pure but for reading the store: the mailbox owns one, asks it for each message while there is one, and submits
what it returns. A user who blocks nobody has none, so it costs the others a look at None.

A blocked sender is answered as anybody is: judged, counted, ticked ✓ when that is durable. Only there is
nothing to deliver, so there is never a ✓✓. ✓✓ counts for all below it; therefore the first number that was
kept for nobody is remembered for each of the sender's devices, and when the sender is unblocked all from
there on are said to have expired: no later ✓✓ may count for them, and nothing brings them back.
"""

from collections.abc import Iterable, Sequence

from protocol import DeviceAddress, MessageNumber, Run, UserId
from relay.expired import Notices, with_expired
from relay.senders import Senders
from storage import Op, Reader, settings


class Blocklist:
    """Whom one user blocks. At most `MAX_BLOCKED_USERS`, which the change of settings checks."""

    __slots__ = ("_blocked", "_shunned", "_user")

    def __init__(self, user: UserId, blocked: Iterable[UserId] = ()) -> None:
        self._user = user
        self._blocked = dict.fromkeys(blocked)
        # {device: the first of its messages that was kept for nobody}; bounded by devices of those blocked
        self._shunned: dict[DeviceAddress, MessageNumber] = {}

    def __contains__(self, user: UserId) -> bool:
        return user in self._blocked

    def __len__(self) -> int:
        return len(self._blocked)

    def users(self) -> tuple[UserId, ...]:
        """All of them."""
        return tuple(self._blocked)

    def size_after(self, block: Iterable[UserId], unblock: Iterable[UserId]) -> int:
        """How many they are when these are blocked and those no more, whatever the lists name in vain."""
        freed = dict.fromkeys(unblock)
        after = {user: None for user in self._blocked if user not in freed} | dict.fromkeys(block)
        after.pop(self._user, None)
        return len(after)

    def shun(self, sender: DeviceAddress, number: MessageNumber) -> list[Op]:
        """A message of a blocked sender is accepted and kept for nobody; returns what remembers that."""
        first = self._shunned.setdefault(sender, number)
        return [settings.put_shunned(self._user, sender, first)]

    def block(self, users: Sequence[UserId], now: float) -> list[Op]:
        """Block these too; whoever is blocked already stays so."""
        new = [user for user in dict.fromkeys(users) if user not in self._blocked and user != self._user]
        self._blocked.update(dict.fromkeys(new))
        return [settings.add_block(self._user, user, int(now)) for user in new]

    def unblock(self, users: Sequence[UserId], senders: Senders) -> tuple[Notices, list[Op]]:
        """Block these no more.

        Returns:
            What their devices are to be told has expired, and what makes all of it durable.
        """
        ops: list[Op] = []
        for user in users:
            if user in self._blocked:
                del self._blocked[user]
                ops += [settings.remove_block(self._user, user), settings.forget_shunned(self._user, user)]
        freed = {device: first for device, first in self._shunned.items() if device.user not in self._blocked}
        notices: Notices = {}
        for device, first in freed.items():
            del self._shunned[device]
            progress = senders.of(device).progress
            notices[device] = [Run(first, progress.accepted)]
            ops.append(senders.replace(device, with_expired(progress, notices[device])))
        return notices, ops

    def load(self, reader: Reader) -> None:
        """Take from the store where each sender's messages end."""
        self._shunned = settings.list_shunned(reader, self._user)


def load_blocklist(reader: Reader, user: UserId) -> Blocklist | None:
    """The blocklist of a user; None for the many who block nobody. Raises CorruptRecordError."""
    blocked = settings.list_blocked(reader, user)
    if not blocked:
        return None
    blocklist = Blocklist(user, blocked)
    blocklist.load(reader)
    return blocklist
