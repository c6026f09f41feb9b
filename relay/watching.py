"""Whom the devices of this worker watch: the watchers' side of presence.

A plain object, as presence.py is. It bounds what one device may watch, and knows what is to be given up when
a device leaves; the rest is the board of the worker that owns the watched user (presence_board.py).

Bounded: `MAX_WATCHED` users a device; whom it began to watch first is forgotten for a further one.
"""

from collections.abc import Callable
from typing import Protocol

from protocol import DeviceAddress, UserId
from relay.config import MAX_WATCHED


class Board(Protocol):
    """Where a user is watched: the board of this worker, or over the bus that of another."""

    def watch(self, watcher: DeviceAddress, user: UserId) -> None:
        """Tell a device how a user is, now and whenever it changes."""

    def unwatch(self, watcher: DeviceAddress, user: UserId) -> None:
        """It does not want to know any more."""


class Watching:
    """The watching devices of one worker.

    Args:
        board_of: finds the board of a user's owner.
    """

    __slots__ = ("_board_of", "_watched")

    def __init__(self, board_of: Callable[[UserId], Board]) -> None:
        self._board_of = board_of
        self._watched: dict[DeviceAddress, dict[UserId, None]] = {}  # {watcher: whom, oldest first}

    def subscribe(self, watcher: DeviceAddress, user: UserId) -> None:
        """A device wants to know how a user is."""
        watched = self._watched.setdefault(watcher, {})
        watched.pop(user, None)
        if len(watched) >= MAX_WATCHED:
            self.unsubscribe(watcher, next(iter(watched)))
        watched[user] = None
        self._board_of(user).watch(watcher, user)

    def unsubscribe(self, watcher: DeviceAddress, user: UserId) -> None:
        """It does not want to know any more. Harmless if it never did."""
        watched = self._watched.get(watcher)
        if watched is not None and user in watched:
            del watched[user]
            self._board_of(user).unwatch(watcher, user)

    def leave(self, watcher: DeviceAddress) -> None:
        """A device's connection has ended, or a new one begins: it watches nobody."""
        for user in self._watched.pop(watcher, ()):
            self._board_of(user).unwatch(watcher, user)

    def ask_again(self, watcher: DeviceAddress) -> None:
        """Have a device told anew of all that it watches: its user sees no more than they show to others."""
        for user in self._watched.get(watcher, ()):
            self._board_of(user).watch(watcher, user)

    def renew(self, concerns: Callable[[UserId], bool]) -> None:
        """Subscribe again where a board may have forgotten: its worker has been restarted."""
        for watcher, watched in self._watched.items():
            for user in watched:
                if concerns(user):
                    self._board_of(user).watch(watcher, user)
