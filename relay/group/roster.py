"""Who gets what is said in a group: its members, each from the entry by which they came until they go.

Pure: a value that the group's actor keeps beside the state of the log.
"""

import struct
from collections.abc import Callable, Mapping, Sequence

from protocol import GroupSeq, UserId
from storage.groups import Membership

Audience = dict[int, bytes]
"""{worker: its users, 8 bytes each}."""


def pack_users(users: Sequence[UserId]) -> bytes:
    """Users as the bus carries them: 8 bytes each, big-endian."""
    return struct.pack(f">{len(users)}Q", *users)


def unpack_users(packed: bytes) -> tuple[UserId, ...]:
    """The users of `pack_users`; bytes that are left over are skipped."""
    count = len(packed) // 8
    return tuple(map(UserId, struct.unpack(f">{count}Q", packed[: count * 8])))


class Roster:
    """The members of one group, present and just gone.

    Invariant: behind `changed_at` everybody in the roster who has not left hears everything.
    """

    __slots__ = ("_changed_at", "_members", "_owner", "_present")

    def __init__(self, members: Mapping[UserId, Membership], owner: Callable[[UserId], int]) -> None:
        self._members = dict(members)
        self._owner = owner
        self._changed_at = max((max(each.joined, each.left) for each in members.values()), default=0)
        self._present: Audience | None = None  # of everything behind `_changed_at`; made when needed

    @property
    def members(self) -> Mapping[UserId, Membership]:
        """All of them."""
        return self._members

    def join(self, user: UserId, gseq: GroupSeq) -> Membership:
        """Somebody hears everything from this on."""
        return self._change(user, Membership(gseq), gseq)

    def leave(self, user: UserId, gseq: GroupSeq) -> Membership:
        """Somebody hears everything up to this."""
        joined = self._members[user].joined
        return self._change(user, Membership(joined, gseq), gseq)

    def _change(self, user: UserId, member: Membership, gseq: int) -> Membership:
        self._members[user] = member
        self._changed_at = max(self._changed_at, gseq)
        self._present = None
        return member

    def forget_gone(self, done: int) -> list[UserId]:
        """Forget who has left and has got everything, now that all is done up to `done`; says who."""
        gone = [user for user, member in self._members.items() if member.left and member.left <= done]
        for user in gone:
            del self._members[user]
        return gone

    def audience(self, gseq: int) -> Audience:
        """Whom an item is for, by the worker that owns them."""
        if gseq <= self._changed_at:
            return self._hearing(gseq)
        if self._present is None:
            self._present = self._hearing(gseq)
        return self._present

    def _hearing(self, gseq: int) -> Audience:
        by_worker: dict[int, list[UserId]] = {}
        for user, member in self._members.items():
            if member.hears(gseq):
                by_worker.setdefault(self._owner(user), []).append(user)
        return {worker: pack_users(users) for worker, users in by_worker.items()}
