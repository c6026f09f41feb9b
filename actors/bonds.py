"""What ties one actor to others: links, monitors, names, groups, and those who wait for it.

Most of a million actors have few of these or none: the whole object is made when the first is needed, and
each kind of tie is a `Few` (few.py), which costs nothing while it is empty or has one member.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from actors.envelope import Reply
    from actors.few import Few
    from actors.monitors import MonitorRef
    from actors.ref import ActorRef


class Bonds:
    """The ties of one actor; changed with the functions of few.py."""

    __slots__ = ("deferred", "farewells", "links", "names", "waiters", "watched_by", "watching")

    def __init__(self) -> None:
        self.links: Few[ActorRef] = None  # who shares fate with this actor
        self.watched_by: Few[MonitorRef] = None  # the monitors that others have on it
        self.watching: Few[MonitorRef] = None  # the monitors that it has on others
        self.names: Few[tuple[bool, Hashable]] = None  # its keys in the registry: (is shared, key)
        self.waiters: Few[Reply] = None  # the tasks that wait for it to be dead
        self.deferred: Few[Reply] = None  # the callers whom it has promised an answer later
        # What is called at the death, before anybody hears of it: groups and families forget the actor.
        self.farewells: Few[Callable[[ActorRef], None]] = None
