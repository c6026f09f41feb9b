"""How others wake the bringer of groups.

Beside ``sync.py`` and not in it, because the inbox and it wake each other.
"""

from dataclasses import dataclass

from actors import ActorSystem
from actors.registry import Via

NAME = "groups"


@dataclass(frozen=True, slots=True)
class Sync:
    """See what is due, and bring it."""


class GroupSyncHandle:
    """What others may tell it. Dropped if it is dead: what is due is in the store."""

    __slots__ = ("_ref",)

    def __init__(self, system: ActorSystem) -> None:
        self._ref: Via = system.registry.via(NAME)

    def look(self) -> None:
        """Something is wanted of a group, an entry is missing here, or there is a connection."""
        self._ref.tell_nowait(Sync())
