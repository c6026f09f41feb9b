"""The handle table of a connection: small integers that stand for addresses, as in HPACK.

The client binds even handles, the relay odd ones, each up to 4,096; either side uses any that is bound. When
its own are used up, a side binds the one again that it has used least recently.

Rebinding needs care. Between the moment we send the new Bind and the moment the peer has read it, the peer
may still use the handle for the *old* address: a ✓✓ for one chat would be taken for another's. So a Ping goes
out right behind the new Bind. The peer answers it in order, so that everything it sent before the Pong was
said before it knew the new meaning, and everything after the Pong is said with it. Until then the handle is
*retiring*: read with its old meaning, written with its new one, and not bound again.

Owns: both directions of the table, and the count of pings that this barrier needs.
"""

from collections.abc import Sequence
from typing import Any, Final

from protocol.errors import LocalProtocolError, MalformedError
from protocol.ids import Address, Handle, address_from_bytes, address_to_bytes
from protocol.limits import MAX_BINDINGS_PER_SIDE, MAX_HANDLE


class HandleTableFullError(LocalProtocolError):
    """All our handles are retiring: 4,096 were bound anew within one round trip. Try again after a Pong."""


# The tables of a connection on which nothing was bound, as on most: never written to.
_NONE_BOUND: Final[dict[Handle, Address]] = {}
_NO_HANDLES: Final[dict[Address, Handle]] = {}


class HandleTable:
    """Which handle stands for which address on one connection.

    Invariants:
        `_address_of` holds each handle that either side has bound, with its newest meaning.
        `_handle_for` holds for each address one handle that means it; least recently used first.
        `_retiring` is a part of our own handles, oldest first, with their old meanings.

    Args:
        odd: whether our own handles are the odd ones (the relay's) or the even ones (the client's).
    """

    __slots__ = ("_address_of", "_bound", "_handle_for", "_odd", "_pings", "_pongs", "_retiring")

    def __init__(self, *, odd: bool) -> None:
        self._odd = int(odd)
        self._bound = 0  # how many of our own handles have ever been bound; they are bound in ascending order
        self._address_of: dict[Handle, Address] = _NONE_BOUND
        self._handle_for: dict[Address, Handle] = _NO_HANDLES
        self._pings = 0  # sent by us on this connection
        self._pongs = 0  # heard
        # {handle: (old address, number of the ping that ends it)}; made when first needed, which is rare.
        self._retiring: dict[Handle, tuple[Address, int]] | None = None

    def export(self) -> list[object] | None:
        """The table as CBOR values, for another process; None if it was never used."""
        if not (self._address_of or self._pings):
            return None
        return [
            self._bound,
            self._pings,
            self._pongs,
            [[handle, address_to_bytes(address)] for handle, address in self._address_of.items()],
            list(self._handle_for.values()),
            [[handle, address_to_bytes(old), ping] for handle, (old, ping) in (self._retiring or {}).items()],
        ]

    def adopt(self, exported: Sequence[Any]) -> None:
        """Become the table that was exported elsewhere.

        Raises:
            ValueError, TypeError, LookupError: it is no such thing; the table is of no use any more.
        """
        self._bound, self._pings, self._pongs, bindings, recently_used, retiring = exported
        self._address_of = {handle: address_from_bytes(address) for handle, address in bindings}
        self._handle_for = {self._address_of[handle]: handle for handle in recently_used}
        if retiring:
            self._retiring = {handle: (address_from_bytes(old), ping) for handle, old, ping in retiring}

    def find(self, address: Address) -> Handle | None:
        """Return a handle that means this address and count it as used; None if there is none."""
        handle = self._handle_for.pop(address, None)
        if handle is not None:
            self._handle_for[address] = handle  # to the recently used end
        return handle

    def bind(self, address: Address) -> tuple[Handle, bool]:
        """Give an address that has no handle one of ours.

        Returns:
            The handle, and whether it had another meaning before: then a Ping must follow the Bind.

        Raises:
            HandleTableFullError: all our handles are waiting for a Pong.
        """
        if self._bound < MAX_BINDINGS_PER_SIDE:
            handle = Handle(2 * self._bound + self._odd)
            self._bound += 1
            rebound = False
        else:
            handle = self._retire_one()
            rebound = True
        self._make_room()
        self._address_of[handle] = address
        self._handle_for[address] = handle
        return handle, rebound

    def accept(self, handle: Handle, address: Address) -> None:
        """Take in the peer's Bind.

        Raises:
            MalformedError: the handle is one of ours.
        """
        if handle % 2 == self._odd or handle > MAX_HANDLE:
            raise MalformedError("the peer bound a handle of our side", handle=handle)
        self._make_room()
        old = self._address_of.get(handle)
        if old is not None and self._handle_for.get(old) == handle:
            del self._handle_for[old]
        self._address_of[handle] = address
        self._handle_for.setdefault(address, handle)

    def resolve(self, handle: Handle) -> Address:
        """Return what the peer means by a handle.

        Raises:
            MalformedError: nobody has bound it.
        """
        if self._retiring and handle in self._retiring:
            return self._retiring[handle][0]
        address = self._address_of.get(handle)
        if address is None:
            raise MalformedError("an unbound handle", handle=handle)
        return address

    def ping_sent(self) -> None:
        """Count a Ping that goes out after everything sent so far."""
        self._pings += 1

    @property
    def pong_expected(self) -> bool:
        """Whether a Ping of ours is unanswered, and no barrier hangs on its Pong."""
        return self._pongs < self._pings and not self._retiring

    def pong_heard(self) -> bool:
        """Count a Pong; if it ends a barrier, the retiring handle has its new meaning from now on.

        Returns:
            Whether it ends a barrier: then nobody but this table has waited for it.

        Raises:
            MalformedError: there is no Ping that it could answer.
        """
        if self._pongs == self._pings:
            raise MalformedError("a pong without a ping")
        self._pongs += 1
        if not self._retiring:
            return False
        oldest, (_, ping) = next(iter(self._retiring.items()))
        if ping != self._pongs:
            return False
        del self._retiring[oldest]
        return True

    def _make_room(self) -> None:
        """Something is about to be bound: have tables of our own."""
        if self._address_of is _NONE_BOUND:
            self._address_of, self._handle_for = {}, {}

    def _retire_one(self) -> Handle:
        """Choose our least recently used handle and remember its old meaning until a Pong."""
        if self._retiring is None:
            self._retiring = {}
        # Found at once: what the peer bound and what is retiring was used recently, or is little.
        for old, handle in self._handle_for.items():
            if handle % 2 == self._odd and handle not in self._retiring:
                del self._handle_for[old]
                self._retiring[handle] = (old, self._pings + 1)
                return handle
        raise HandleTableFullError("every handle is waiting for a pong")
