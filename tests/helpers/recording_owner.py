"""A link's owner that writes down what it is told; for tests of links without the runtime in between."""

import trio

from actors.errors import MailboxFullError
from actors.network import Link, LinkClosed, Received


class RecordingOwner:
    """Takes what a link tells it, like a mailbox with ``room`` places that nobody empties.

    Args:
        link: activated at once.
        keep_reading: resume after each ``Received``; otherwise only when the test calls ``link.resume()``.
        room: how many messages fit; ``None`` for any number. The test may change it at any time.
    """

    def __init__(self, link: Link, *, keep_reading: bool = False, room: int | None = None) -> None:
        self.link = link
        self.is_alive = True
        self.told: list[Received | LinkClosed] = []
        self.room = room
        self.refused = 0
        self._data = bytearray()
        self._keep_reading = keep_reading
        self._changed = trio.Event()
        link.activate(self)

    def tell_nowait(self, message: object) -> None:
        assert isinstance(message, Received | LinkClosed)
        if self.room is not None and len(self.told) >= self.room:
            self.refused += 1
            raise MailboxFullError("owner", len(self.told))
        self.told.append(message)
        self._changed.set()
        self._changed = trio.Event()
        if isinstance(message, Received):
            self._data += message.data
            if self._keep_reading:
                # In a callback of its own, as an actor would: from inside tell_nowait it would recurse.
                trio.lowlevel.current_trio_token().run_sync_soon(self.link.resume)

    @property
    def data(self) -> bytes:
        """All bytes that were told so far."""
        return bytes(self._data)

    @property
    def reasons(self) -> list[str]:
        """The reasons of all ``LinkClosed`` so far: there may be one, and it must be the last."""
        return [message.reason for message in self.told if isinstance(message, LinkClosed)]

    async def wait_for_data(self, count: int) -> bytes:
        """Wait until ``count`` bytes were told (or the link has ended), and return all."""
        while len(self._data) < count and not self.reasons:
            await self._changed.wait()
        return self.data

    async def wait_closed(self) -> str:
        """Wait for the end of the link, and return its reason."""
        while not self.reasons:
            await self._changed.wait()
        return self.reasons[0]
