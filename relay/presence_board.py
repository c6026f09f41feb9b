"""Who watches whether the users of this worker are online: the watched users' side of presence.

A plain object and no actor: it is written within the turns of connections and read by the beat of the
sweeper; it waits for nothing and has no failure of its own to isolate. The truth is in the routing table
(storage/routing.py), this only remembers who wants to hear of it and what each was told last.

Rule 1: a change is not told at once but with a beat, and only if by then it is one: a phone that goes through
    a tunnel does not flicker, and somebody who comes and goes costs each watcher one stanza a second at most.
Rule 2: whether a watcher may see is asked anew each time it is told something (visibility.py). What is hidden
    looks like somebody who was never here.
Bounded: each device watches few users at a time (watching.py).
"""

from collections.abc import Callable
from typing import TypeAlias

from actors.ports import Clock
from protocol import DeviceAddress, UserId
from relay.config import PRESENCE_GRACE_BEATS
from relay.correspondent import FindCorrespondent
from relay.visibility import Visibility
from storage.routing import Route, RoutingTable

State: TypeAlias = tuple[bool, int | None]
"""Whether a user is online, and if not when last seen."""

UNSEEN: State = (False, None)
"""Never here, or not for everybody's eyes."""


class PresenceBoard:
    """The watched users of one worker."""

    __slots__ = ("_beat", "_clock", "_due", "_find", "_routing", "_visibility", "_watchers")

    def __init__(
        self, routing: RoutingTable, visibility: Visibility, find: FindCorrespondent, clock: Clock
    ) -> None:
        self._routing = routing
        self._visibility = visibility
        self._find = find
        self._clock = clock
        self._watchers: dict[UserId, dict[DeviceAddress, State]] = {}  # {watched: {watcher: what it knows}}
        self._due: dict[UserId, int] = {}  # {watched: the beat with which a change is told}
        self._beat = 0

    # ---- who watches ----

    def watch(self, watcher: DeviceAddress, user: UserId) -> None:
        """Tell a device how a user is, now and whenever it changes. Twice: it is told again."""
        self._watchers.setdefault(user, {}).pop(watcher, None)
        self._tell(watcher, user, self._state_of(user), again=True)

    def unwatch(self, watcher: DeviceAddress, user: UserId) -> None:
        """It does not want to know any more. Harmless if it never did."""
        watchers = self._watchers.get(user)
        if watchers is not None:
            watchers.pop(watcher, None)
            if not watchers:
                del self._watchers[user]
                self._due.pop(user, None)

    def forget(self, concerns: Callable[[UserId], bool]) -> None:
        """Drop the watchers that belong to these users: their worker begins anew, and tells who still is."""
        for user, watchers in list(self._watchers.items()):
            for watcher in [watcher for watcher in watchers if concerns(watcher.user)]:
                self.unwatch(watcher, user)

    @property
    def watcher_count(self) -> int:
        """How many pairs of watcher and watched there are."""
        return sum(map(len, self._watchers.values()))

    # ---- what changes ----

    def set_available(self, device: DeviceAddress, route: Route, *, available: bool) -> None:
        """Somebody is at a device, or says that they leave it."""
        if self._routing.set_available(device, route, available=available, now=self._clock.now()):
            self._plan(device.user, 1)

    def left(self, user: UserId) -> None:
        """A device of the user has lost its connection: told after a while, if it is not back by then."""
        self._plan(user, PRESENCE_GRACE_BEATS)

    def settings_changed(self, user: UserId) -> None:
        """The user shows more or less of this to others."""
        self._plan(user, 1)

    def _plan(self, user: UserId, beats: int) -> None:
        if user in self._watchers:
            self._due[user] = self._beat + beats

    def beat(self) -> None:
        """The sweeper's beat: tell what is due."""
        self._beat += 1
        if not self._due:
            return
        for user in [user for user, beat in self._due.items() if beat <= self._beat]:
            del self._due[user]
            state = self._state_of(user)
            for watcher in list(self._watchers.get(user, ())):
                self._tell(watcher, user, state)

    # ---- telling ----

    def _state_of(self, user: UserId) -> State:
        if self._routing.is_online(user):
            return True, None
        return False, self._routing.last_seen(user)

    def _tell(self, watcher: DeviceAddress, user: UserId, state: State, *, again: bool = False) -> None:
        watchers = self._watchers[user]
        visible = state if self._visibility.presence(watcher.user, user) else UNSEEN
        if again or watchers.get(watcher) != visible:
            watchers[watcher] = visible
            correspondent = self._find(watcher)
            if correspondent is not None:
                correspondent.presence(user, *visible)
