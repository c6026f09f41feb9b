"""One connection to the relay, from the open link to its end: the present tense of ``connection.py``.

Holds what dies with the link: the protocol's state, the open questions, who waits for a pong, the clocks.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import trio

from actors.network import Link, Network
from client.errors import ClientError
from client.keepalive import Keepalive
from client.owed import Owed
from client.requests import Requests
from protocol.connection import ClientConnection
from protocol.events import Event
from protocol.ids import DeviceAddress
from protocol.stanzas import Ping, Stanza

OnPong = Callable[[bool], None]
"""Called once: True when the relay has answered, False when the connection ended before."""

MOST_PING_WAITERS = 256  # beyond it a ping is answered False at once


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a connection ends, and what comes after it."""

    reason: str
    wait_hint: float | None = None
    """Seconds that the relay asks to wait."""
    error: ClientError | None = None
    """Set if trying again would not help."""


class Line:
    """One connection. After ``end`` it is silent; its ``LinkClosed`` is still to come."""

    __slots__ = (
        "_flushing",
        "_link",
        "_network",
        "_pings",
        "ending",
        "is_first_contact",
        "is_watched",
        "is_welcome",
        "keepalive",
        "owed",
        "phones",
        "requests",
        "session",
        "welcome_at",
        "wire",
    )

    def __init__(
        self, session: int, link: Link, wire: ClientConnection, network: Network, is_first_contact: bool
    ) -> None:
        now = trio.current_time()
        self.session = session  # counts connections; 1, 2, 3, ... in the life of this phone
        self.wire = wire
        self.is_first_contact = is_first_contact  # XX, in which the relay shows its key; else IK
        self.is_welcome = False  # whether the relay has said who it takes us for
        self.welcome_at = now  # when it did
        self.keepalive = Keepalive(30.0, now, now)  # the interval is the relay's, once it has said welcome
        self.owed = Owed()
        self.is_watched = False  # whether somebody looks at what is owed, now and then
        self.phones: dict[
            DeviceAddress, str
        ] = {}  # the directory's word for who a sender is; one per binding
        self.requests = Requests()
        self.ending: Ending | None = None  # set once we end it
        self._link = link
        self._network = network
        self._pings: deque[OnPong | None] = deque()  # who waits for each pong, in order; None: keepalive
        self._flushing = False  # a flush is asked for at the end of the turn

    def hear(self, data: bytes) -> list[Event]:
        """Take in bytes. Raises RemoteProtocolError if the relay broke the protocol."""
        self.keepalive.last_heard = trio.current_time()
        return self.wire.receive_data(data)

    def listen_on(self) -> None:
        """What was heard has been dealt with: answer if need be, and read on."""
        if self.wire.has_data_to_send:
            self.flush_later()
        self._link.resume()

    def send(self, *stanzas: Stanza) -> None:
        """Say something; all that is said in one turn leaves in one frame."""
        if self.ending is None:
            self.wire.send(*stanzas)
            self.flush_later()

    def ping(self, on_pong: OnPong | None = None) -> None:
        """Ask for a sign of life: when it comes, the relay has heard all that went before."""
        if self.ending is not None or len(self._pings) >= MOST_PING_WAITERS:
            if on_pong is not None:
                on_pong(False)
            return
        self._pings.append(on_pong)
        self.keepalive.last_ping = trio.current_time()
        self.send(Ping())

    def connected(self) -> None:
        """The handshake is done; with IK the protocol has put a first ping on its way by itself."""
        if not self.is_first_contact:
            self._pings.append(None)

    def pong_heard(self) -> None:
        """The oldest ping has been answered."""
        self.owed.pong_heard()
        on_pong = self._pings.popleft() if self._pings else None
        if on_pong is not None:
            on_pong(True)

    def flush_later(self) -> None:
        """Write what waits, at the end of this turn."""
        if not self._flushing:
            self._flushing = True
            self._network.call_at_turn_end(self.flush)

    def flush(self) -> None:
        """Write what waits, now."""
        self._flushing = False
        if self.wire.has_data_to_send:
            self._link.write(self.wire.data_to_send())
            self.keepalive.last_sent = trio.current_time()

    def end(self, ending: Ending) -> None:
        """End it from our side; the first reason stands. A relay that still listens hears what was said."""
        if self.ending is None:
            self.ending = ending
            self.flush()
            self._link.close()

    def abandon(self, ending: Ending) -> None:
        """End it without a word: the other side does not answer any more."""
        if self.ending is None:
            self.ending = ending
            self._link.abort()

    def bury(self, reason: str) -> None:
        """The link is gone: everybody who waits is told."""
        self.requests.fail_all(reason)
        waiting, self._pings = self._pings, deque()
        for on_pong in waiting:
            if on_pong is not None:
                on_pong(False)
