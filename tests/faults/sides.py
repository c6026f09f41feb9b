"""Ends of connections in memory, for tests of the proxy without sockets."""

import trio
import trio.testing


class MemorySide:
    """A ``Side``; and the other end of it, for the test: it is what a client or the node would have.

    A reset reaches the other end as an end of the stream, and is noted in ``was_reset``.
    """

    def __init__(self) -> None:
        self._stream, self.peer = trio.testing.memory_stream_pair()
        self.was_finished = False
        self.was_reset = False
        self.was_closed = False

    async def receive(self, most: int) -> bytes:
        try:
            return bytes(await self._stream.receive_some(most))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise trio.BrokenResourceError from None

    async def send(self, data: bytes) -> None:
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise trio.BrokenResourceError from None

    def finish(self) -> None:
        self.was_finished = True
        self._stream.send_stream.close()

    def reset(self) -> None:
        self.was_reset = True
        self.close()

    def close(self) -> None:
        self.was_closed = True
        self._stream.send_stream.close()
        self._stream.receive_stream.close()
