"""What the person is looking at: whether anybody is at this phone, and whose chats are open.

The relay forgets it with each connection, so it is said again on the next. A plain object: it is told and
asked within one turn, and what it knows must outlive a crash of the actors it talks to.
"""

from collections import Counter

from actors import ActorSystem
from client.connection_handle import ConnectionHandle
from protocol.ids import UserId


class Attention:
    """One phone's attention."""

    __slots__ = ("_connection", "_people", "_watched")

    def __init__(self, system: ActorSystem) -> None:
        self._connection = ConnectionHandle(system)
        self._people = 0  # how many places of this program somebody is at
        self._watched: Counter[UserId] = Counter()  # {whom: how many places show them}

    def arrive(self) -> None:
        """Somebody is at this phone."""
        self._people += 1
        if self._people == 1:
            self._connection.tell_available(True)

    def leave(self) -> None:
        """They have left it."""
        self._people -= 1
        if not self._people:
            self._connection.tell_available(False)

    def watch(self, user: UserId) -> None:
        """A chat with this user is open: their presence comes as events."""
        self._watched[user] += 1
        if self._watched[user] == 1:
            self._connection.watch(user)

    def unwatch(self, user: UserId) -> None:
        """It is closed."""
        self._watched[user] -= 1
        if self._watched[user] <= 0:
            del self._watched[user]
            self._connection.unwatch(user)

    def went_online(self) -> None:
        """Say all of it on a new connection."""
        if self._people:
            self._connection.tell_available(True)
        for user in self._watched:
            self._connection.watch(user)
