"""One side of a simulated connection: a stream with flow control, as a kernel has it.

Bytes travel through the network's courier, in order, ``latency`` seconds late. At most ``WINDOW_BYTES`` are
on the way to or waiting at a reader; the rest stays with the sender, as ``unsent_bytes``. What faults do to
a link is the network's to say (``network.py``).
"""

from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING

import trio

from actors.errors import MailboxFullError
from actors.network import LinkClosed, LinkOwner, Received

if TYPE_CHECKING:
    from faults.simulation.network import SimNetwork  # which makes links

# What one direction holds before the sender has to keep the rest; the order of size of a kernel's buffers.
WINDOW_BYTES = 262_144

# As actors/socket_link.py and actors/socket_network.py have them.
READ_BYTES = 16_384
FLUSH_SECONDS = 5.0
RETRY_SECONDS = 0.05


class _State(Enum):
    OPEN = auto()
    FLUSHING = auto()
    ENDED = auto()


class DetachedSimLink:
    """A ``Detached``: the side of a connection that no owner will ever be told of, until it is taken."""

    def __init__(self, link: "SimLink") -> None:
        self.remote = link.remote
        self._link: SimLink | None = link

    def take(self) -> "SimLink":
        assert self._link is not None, "adopted or discarded before"
        link, self._link = self._link, None
        return link

    def discard(self) -> None:
        if self._link is not None:
            self.take().abort()


class SimLink:
    """One side of a connection.

    Invariant: what is on the way to a link plus what it holds unread never exceeds ``WINDOW_BYTES``.
    """

    def __init__(self, network: "SimNetwork", remote: str, *, is_local: bool = False) -> None:
        self.remote = remote
        self.is_local = is_local
        self.name = ""  # whose it is, for whoever writes a trace
        self.silenced = False  # see SimNetwork.silence
        self.stalled = False  # see SimNetwork.stall
        self.held: list[Callable[[], None]] | None = None  # see SimNetwork.hold
        self._arrives_at = 0.0  # when the last of what was sent arrives: nothing overtakes
        self.peer: SimLink = self  # until joined
        self._network = network
        self._owner: LinkOwner | None = None
        self._state = _State.OPEN
        self._wants = False
        self._unread: deque[bytes] = deque()  # arrived; what a kernel's receive buffer holds
        self._room = WINDOW_BYTES  # how much more the peer may send us
        self._last_word: str | None = None  # the reason to end with, once all that is unread has been told
        self._broken = False  # sending is in vain, since the peer is gone
        self._unsent: deque[memoryview] = deque()
        self._untold: Received | LinkClosed | None = None
        self._heir: SimLink | None = None  # who has the stream since it was detached

    def join(self, peer: "SimLink") -> None:
        self.peer = peer
        peer.peer = self

    # -- Link --

    @property
    def unsent_bytes(self) -> int:
        return sum(map(len, self._unsent))

    def activate(self, owner: LinkOwner) -> None:
        self._owner = owner
        if self._untold is not None:
            self._tell_untold()
        else:
            self.resume()

    def resume(self) -> None:
        if self._state is _State.OPEN and self._owner is not None and self._untold is None:
            self._wants = True
            self.read()

    def write(self, data: bytes) -> None:
        if self._state is _State.OPEN and not self._broken and data:
            self._network.on_write(self, data)
            self._unsent.append(memoryview(data))
            self.pump()

    def close(self) -> None:
        if self._state is not _State.OPEN:
            return
        self._state = _State.FLUSHING
        self._wants = False
        self._untold = None
        if self._unsent:
            self._network.courier.post(FLUSH_SECONDS, self._give_up_flushing)
        else:
            self._say_goodbye()

    def abort(self) -> None:
        if self._state is not _State.ENDED:
            self._send(lambda: self.peer.break_off("reset"))
            self._end("aborted")

    def detach(self) -> DetachedSimLink | None:
        if self._state is not _State.OPEN:
            return None
        # A link of its own, so that this one is at its end for whoever still has it. What is on its way
        # to this one is passed on (`_arrive`, `break_off`).
        heir = self._heir = SimLink(self._network, self.remote, is_local=self.is_local)
        heir.join(self.peer)
        heir.silenced, heir.stalled = self.silenced, self.stalled
        heir.held, heir._arrives_at, heir.name = self.held, self._arrives_at, self.name
        heir._unread, heir._room, heir._unsent = self._unread, self._room, self._unsent
        heir._last_word, heir._broken, heir._untold = self._last_word, self._broken, self._untold
        self._unread, self._unsent, self._untold = deque(), deque(), None
        self._state = _State.ENDED
        self._wants = False
        self._network.replace(self, heir)
        return DetachedSimLink(heir)

    # -- for the network and the other side --

    @property
    def latency(self) -> float:
        return self._network.local_latency if self.is_local else self._network.latency

    @property
    def is_orphaned(self) -> bool:
        return self._state is _State.OPEN and self._owner is not None and not self._owner.is_alive

    def break_off(self, reason: str) -> None:
        """The other side is gone; what had arrived before can still be read."""
        if self._heir is not None:
            self._heir.break_off(reason)
            return
        if reason == "eof" and self._state is _State.FLUSHING:
            return  # it reads on, into nothing, until we are done too
        if self._last_word is None:
            self._last_word = reason
        self._broken = True
        self._unsent.clear()
        if self._state is _State.FLUSHING:
            self._end(reason)
        else:
            self.read()

    def pump(self) -> None:
        """Send on its way what the reader's window takes."""
        while self._unsent and self.peer._room > 0:
            chunk = self._unsent.popleft()
            if len(chunk) > self.peer._room:
                self._unsent.appendleft(chunk[self.peer._room :])
                chunk = chunk[: self.peer._room]
            self.peer._room -= len(chunk)
            self._send(partial(self.peer._arrive, bytes(chunk)))
        if self._state is _State.FLUSHING and not self._unsent:
            self._say_goodbye()

    def read(self) -> None:
        """Tell the owner the next bytes, or the end, if it waits for that and there is any."""
        if not self._wants or self.stalled:
            return
        if self._unread:
            self._wants = False
            data = self._take(min(self._network.segment_bytes, READ_BYTES))
            self.peer.pump()
            self._tell(Received(data))
        elif self._last_word is not None:
            self._end(self._last_word)

    # -- private --

    def _send(self, arrive: Callable[[], None]) -> None:
        def arrive_unless_silenced() -> None:
            carrier = self  # of what was sent before a link was detached: whoever has the stream now
            while carrier._heir is not None:
                carrier = carrier._heir
            if carrier.held is not None:
                carrier.held.append(arrive)
            elif not carrier.silenced:
                arrive()

        jitter = 0.0 if self.is_local else self._network.draw_jitter()
        self._arrives_at = max(self._arrives_at, trio.current_time() + self.latency + jitter)
        self._network.courier.post_at(self._arrives_at, arrive_unless_silenced)

    def _arrive(self, chunk: bytes) -> None:
        if self._heir is not None:
            self._heir._arrive(chunk)
        elif self._state is _State.OPEN and not self._broken:
            self._unread.append(chunk)
            self.read()
        else:
            self._room += len(chunk)  # nobody reads here any more; the sender need not notice
            self.peer.pump()

    def _take(self, most: int) -> bytes:
        taken = bytearray()
        while self._unread and len(taken) < most:
            chunk = self._unread.popleft()
            room = most - len(taken)
            if len(chunk) > room:
                self._unread.appendleft(chunk[room:])
            taken += chunk[:room]
        self._room += len(taken)
        return bytes(taken)

    def _say_goodbye(self) -> None:
        self._send(lambda: self.peer.break_off("eof"))
        self._end("closed")

    def _give_up_flushing(self) -> None:
        if self._state is _State.FLUSHING:
            self._send(lambda: self.peer.break_off("reset"))
            self._end("flush-timeout")

    def _end(self, reason: str) -> None:
        self._state = _State.ENDED
        self._wants = False
        self._unsent.clear()
        self._unread.clear()
        self._untold = None
        self._network.forget(self)
        self._tell(LinkClosed(reason))

    def _tell(self, message: Received | LinkClosed) -> None:
        self._network.note_activity()
        self._untold = message
        if self._owner is not None:
            self._tell_untold()

    def _tell_untold(self) -> None:
        message, self._untold = self._untold, None
        if message is None or self._owner is None:
            return
        try:
            self._owner.tell_nowait(message)
        except MailboxFullError:
            self._untold = message
            self._network.courier.post(RETRY_SECONDS, self._tell_untold)
