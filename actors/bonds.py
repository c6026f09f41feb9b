"""What ties one actor to others: links, monitors, names, groups, and those who wait for it.

Most of a million actors have few of these or none, so the whole object is made when the first is needed.
Dicts serve as sets that keep their order, so that a run can be replayed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.envelope import Reply
    from actors.monitors import MonitorRef
    from actors.ref import ActorRef


class Bonds:
    """The ties of one actor; each kind is made when first used."""

    __slots__ = ("_deferred", "_farewells", "_links", "_waiters", "_watched_by", "_watching")

    def __init__(self) -> None:
        self._links: dict[ActorRef, None] | None = None
        self._watched_by: dict[MonitorRef, None] | None = None
        self._watching: dict[MonitorRef, None] | None = None
        self._waiters: dict[Reply, None] | None = None
        self._deferred: dict[Reply, None] | None = None
        self._farewells: dict[Callable[[ActorRef], None], None] | None = None

    @property
    def links(self) -> dict[ActorRef, None]:
        """The actors that share fate with this one."""
        if self._links is None:
            self._links = {}
        return self._links

    @property
    def watched_by(self) -> dict[MonitorRef, None]:
        """The monitors that others have on this actor."""
        if self._watched_by is None:
            self._watched_by = {}
        return self._watched_by

    @property
    def watching(self) -> dict[MonitorRef, None]:
        """The monitors that this actor has on others."""
        if self._watching is None:
            self._watching = {}
        return self._watching

    @property
    def waiters(self) -> dict[Reply, None]:
        """The tasks that wait for this actor to be dead."""
        if self._waiters is None:
            self._waiters = {}
        return self._waiters

    @property
    def deferred(self) -> dict[Reply, None]:
        """The callers whom this actor has promised an answer later."""
        if self._deferred is None:
            self._deferred = {}
        return self._deferred

    @property
    def farewells(self) -> dict[Callable[[ActorRef], None], None]:
        """What is called at the death, before anybody hears of it: registry and groups forget the actor."""
        if self._farewells is None:
            self._farewells = {}
        return self._farewells
