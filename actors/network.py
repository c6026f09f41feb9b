"""What an actor sees of the network: links, listeners, and the two messages that links tell.

A ``Link`` is Erlang's port in ``{active, once}`` mode: one byte stream, owned by one actor, that tells its
owner ``Received(data)`` and then reads nothing more until the owner calls ``resume()``. So a peer can never
fill a mailbox: there is at most one ``Received`` of a link in flight, and what the peer sends meanwhile waits
in the kernel, which slows the peer down.

    activate(owner) ──► reading ──Received──► paused ──resume()──► reading ──► ... ──► LinkClosed, once

Guarantees, of every implementation (one contract test checks them all, ``tests/actors/test_network.py``):

Rule 1: bytes reach the owner whole, once, in order, even if its mailbox was full for a while.
Rule 2: exactly one ``LinkClosed`` ends a link that was activated, and no ``Received`` follows it.
Rule 3: nothing in ``Link`` blocks, raises for what the peer did, or is a checkpoint.
Rule 4: a stream that is detached and adopted again, here or in another process, goes on to the byte.
Rule 5: a link whose owner has died without closing it is aborted, as an Erlang port dies with its owner; one
that was closed before says its last words all the same.

Implementations: ``actors/reactor.py`` (edge-triggered epoll, or trio's own waits where there is none) and,
for tests, an in-memory network with faults, ``tests/helpers/sim_network.py``.

Not here: what the bytes mean (``protocol/``), who may connect (``relay/listener.py``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(slots=True)
class Received:
    """Bytes came in on the owner's link; nothing more is read until the owner calls ``Link.resume()``.

    Slotted but not frozen: one is built for every read, and freezing triples what that costs.
    """

    data: bytes
    """Never empty. At most 16 KiB at a time (``READ_BYTES``)."""


@dataclass(slots=True)
class LinkClosed:
    """The owner's link has ended: the last thing it ever tells."""

    reason: str
    """Why, for logs and decisions:

    - ``eof``: the peer has ended its stream properly
    - ``reset``: the peer, or something between, broke the connection
    - ``timeout``: the kernel gave up on a peer that no longer answers
    - ``unreachable``: the network says that there is no way to the peer any more
    - ``closed``: the owner called ``close()`` and everything written has been handed to the kernel
    - ``flush-timeout``: the owner called ``close()``, but the peer would not take the rest in time
    - ``aborted``: the owner called ``abort()``, or the network itself was shut down
    - any other: the lower-case name of the socket error (``enobufs``)
    """


class LinkOwner(Protocol):
    """What a link needs of its owner; every ``ActorRef`` is one."""

    @property
    def is_alive(self) -> bool:
        """Whether the owner still takes messages; an open link of a dead owner is aborted."""

    def tell_nowait(self, message: object) -> None:
        """Put a ``Received`` or a ``LinkClosed`` into the owner's mailbox.

        Raises:
            MailboxFullError: no room now; the link keeps the message and tries again shortly.
        """


class Link(Protocol):
    """One byte stream, owned by one actor.

    All methods are synchronous, return at once and are called from the trio thread. None raises because of
    the peer: whatever happens to the stream is told as ``LinkClosed``. After a link has ended every method is
    a no-op, so an owner need not guard its calls against a ``LinkClosed`` that is still in its mailbox.

    When not to use: for something that is not an actor. A script or a test that wants ``receive`` and
    ``send`` as plain calls is better off with trio's streams.
    """

    @property
    def remote(self) -> str:
        """The peer's address, ``"127.0.0.1:40112"`` or ``"[::1]:40112"``; still known after the end."""

    @property
    def unsent_bytes(self) -> int:
        """How much was written but not yet taken by the kernel: the health number of a slow reader.

        ``write`` never refuses, so an owner with much to say looks here and stops producing, or gives up on
        the peer (``abort``). Zero after the link has ended.
        """

    def activate(self, owner: LinkOwner) -> None:
        """Make ``owner`` the one who is told, and begin to read.

        A link is born without an owner and reads nothing until it has one; a peer that has vanished meanwhile
        is told right after. Activating again hands the link over to another owner (Erlang's
        ``controlling_process``): what was not yet told goes to the new one, and the link reads.

        Messages come through the owner's ordinary mailbox. If that is full they are kept, and told when there
        is room (tried some twenty times a second); nothing is lost. An owner whose mailbox drops the oldest
        message when full would lose stream bytes: do not own a link with ``Overflow.DROP_OLDEST``.
        """

    def resume(self) -> None:
        """Ask for the next ``Received``; called once after each of them (more often does no harm)."""

    def write(self, data: bytes) -> None:
        """Send ``data`` after all that was written before.

        Sends at once what the kernel takes, keeps a reference to the rest and sends it when the peer makes
        room. Dropped without a word once the link has ended or ``close()`` was called: the ``LinkClosed``
        says that not everything may have arrived. That ``write`` returned says nothing about the peer ever
        reading it.
        """

    def close(self) -> None:
        """End the link in good order: stop reading, send what is unsent, say goodbye.

        ``LinkClosed("closed")`` is told when the kernel has taken everything, ``LinkClosed("flush-timeout")``
        if the peer does not take it within ``FLUSH_SECONDS``. Bytes of the peer that were not told yet are
        thrown away. Idempotent.
        """

    def abort(self) -> None:
        """End the link now: unsent bytes are dropped, the peer sees a reset, the owner ``aborted``.

        Also cuts short a ``close()`` that is still sending. A no-op once ``LinkClosed`` was told: a goodbye
        that is on its way is not taken back. Idempotent.
        """

    def detach(self) -> "Detached | None":
        """Take the stream out of this network, to be adopted by another one: in another process, say.

        Nothing is lost: bytes that were read and not told go with it, and so do those that were written and
        not sent; what the peer sends meanwhile waits in the kernel. What was told belongs to the owner, so
        one that detaches between a ``Received`` and its ``resume()`` knows exactly how far the stream was
        read. The link itself is at its end after this, but tells no ``LinkClosed``: it has no owner any more.

        Returns:
            The stream; whoever has it either hands it on or discards it. None if the link has ended or is
            closing: there is nothing to hand over, and the owner is told so as always.
        """


class Detached(Protocol):
    """A stream that no network watches: what ``Link.detach`` gives and ``Network.adopt`` takes."""

    @property
    def remote(self) -> str:
        """The peer's address, as ``Link.remote``."""

    def discard(self) -> None:
        """Close the stream for good; the peer sees a reset. Idempotent; a no-op once it was adopted."""


class Listener(Protocol):
    """An open port that hands out one link for each peer that connects."""

    @property
    def host(self) -> str:
        """The address it is bound to."""

    @property
    def port(self) -> int:
        """The port it is bound to: the real one, also if 0 was asked for."""

    async def accept(self) -> Link:
        """Wait for the next peer.

        Always a checkpoint; cancellation loses no peer. The link has no owner yet, so nothing is read from
        it. Running out of file descriptors is said in the log and slows accepting down, it never ends it.

        Raises:
            trio.ClosedResourceError: the listener was closed, before or while waiting.
        """

    def close(self) -> None:
        """Stop listening; links accepted before live on. Idempotent."""


class Network(Protocol):
    """Where links come from; what an actor is given instead of sockets."""

    async def listen(self, host: str, port: int, backlog: int, *, reuse_port: bool = False) -> Listener:
        """Open a port; 0 lets the system choose one.

        ``backlog`` bounds the peers that have connected and were not accepted yet; beyond it the kernel lets
        new ones wait and retry. With ``reuse_port`` several listeners, of several processes too, share the
        port if all of them say so: each new peer goes to one of them, and those who wait at a listener that
        closes, or whose process dies, are lost.

        Raises:
            OSError: as the socket says (address in use, no permission, unknown host).
        """

    async def connect(self, host: str, port: int) -> Link:
        """Connect to a peer, trying each address that ``host`` has.

        Waits as long as the kernel tries (minutes): put a ``trio.fail_after`` around it. Cancelled, it leaves
        nothing behind.

        Raises:
            OSError: as the socket says (refused, unreachable, unknown host); of the last address tried.
        """

    async def listen_local(self, path: Path, backlog: int) -> Listener:
        """Listen for other processes of this machine, at a name in the file system.

        A file that a killed process has left there is replaced; closing removes it. The path may be of any
        length. ``Listener.host`` is the path, its port 0.

        Raises:
            OSError: EADDRINUSE if a living process listens there; otherwise as the system says (no such
                folder, no permission).
        """

    async def connect_local(self, path: Path) -> Link:
        """Connect to who listens at ``path``; waits while its backlog is full.

        Cancelled, it leaves nothing behind.

        Raises:
            OSError: nobody listens there (FileNotFoundError, ConnectionRefusedError), or as the system says.
        """

    def adopt(self, detached: Detached) -> Link:
        """Make a stream that was detached elsewhere a link of this network.

        It goes on where it stopped: what was unsent is sent, what was read and not told is told first.

        Raises:
            OSError: the system has no room to watch another socket; the stream was discarded.
        """

    @property
    def open_links(self) -> int:
        """How many links hold a descriptor, those included that are saying goodbye."""

    def call_at_turn_end(self, fn: Callable[[], None]) -> None:
        """Call ``fn`` once, after the actors that are runnable now have run.

        This is how writes are gathered: the first message of a turn asks for a flush, the others of the same
        turn only add to what it will send, and one encryption and one ``write`` carry them all. Functions run
        in the order in which they were handed in; one that raises is logged and harms no other.
        """
