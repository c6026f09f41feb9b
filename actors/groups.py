"""Process groups (OTP's pg): actors that are told things together.

Unlike a shared key of the registry a group has no values and is there to be told; membership counts joins, as
pg does: who joined twice is told once, and is out after leaving twice. Members vanish when they end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors import few
from actors.errors import ActorDeadError, MailboxFullError

if TYPE_CHECKING:
    from collections.abc import Hashable

    from actors.ref import ActorRef
    from actors.registry import Address


class Groups:
    """All process groups of one system. A group exists while it has members."""

    def __init__(self) -> None:
        self._members: dict[Hashable, dict[ActorRef, int]] = {}  # {group: {member: its joins}}
        self._groups_of: dict[ActorRef, dict[Hashable, None]] = {}

    def join(self, group: Hashable, member: Address) -> None:
        """Make an actor a member.

        Raises:
            ActorDeadError: The actor is dead.
        """
        ref = member.resolve()
        if not ref.is_alive:
            raise ActorDeadError(repr(ref), ref._death_reason)
        if ref not in self._groups_of:
            self._groups_of[ref] = {}
            bonds = ref._own_bonds()
            bonds.farewells = few.add(bonds.farewells, self._forget)
        self._groups_of[ref][group] = None
        members = self._members.setdefault(group, {})
        members[ref] = members.get(ref, 0) + 1

    def leave(self, group: Hashable, member: Address) -> bool:
        """Take back one join. False if the actor is not a member."""
        ref = member.resolve()
        members = self._members.get(group, {})
        joins = members.get(ref, 0)
        if joins > 1:
            members[ref] = joins - 1
        elif joins == 1:
            del self._groups_of[ref][group]
            self._drop(group, ref)
        return joins > 0

    def members(self, group: Hashable) -> list[ActorRef]:
        """The living members, in the order of their first join."""
        return list(self._members.get(group, ()))

    def names(self) -> list[Hashable]:
        """All groups that have members."""
        return list(self._members)

    def tell_nowait(self, group: Hashable, message: object) -> int:
        """Tell all members, and return how many have it: those whose mailbox is full have refused it."""
        told = 0
        for ref in self.members(group):
            try:
                ref.tell_nowait(message)
            except MailboxFullError:
                continue  # one slow member costs the others nothing; its own statistics say so
            told += 1
        return told

    def _forget(self, ref: ActorRef) -> None:
        for group in self._groups_of.pop(ref, {}):
            self._drop(group, ref)

    def _drop(self, group: Hashable, ref: ActorRef) -> None:
        members = self._members[group]
        del members[ref]
        if not members:
            del self._members[group]
