"""Lines from standard input, without holding up the phone and without holding up its end.

A thread waits in ``os.read`` and not in ``sys.stdin``: a thread that is left behind inside Python's buffered
reader would hold its lock, and the interpreter could not shut down.
"""

import os

import trio

CHUNK_BYTES = 65_536


class TypedLines:
    """Lines as they come on a file descriptor; a last line without its end counts too."""

    __slots__ = ("_buffer", "_descriptor", "_ended")

    def __init__(self, descriptor: int = 0) -> None:
        self._descriptor = descriptor
        self._buffer = b""  # what came after the last whole line
        self._ended = False

    async def next(self) -> str | None:
        """Wait for the next line; None at the end of the input.

        Cancelled, it leaves its thread waiting for input that may never come; the process can end all the
        same, but nothing else should read from the descriptor any more.
        """
        while not self._ended and b"\n" not in self._buffer:
            chunk = await trio.to_thread.run_sync(
                os.read, self._descriptor, CHUNK_BYTES, abandon_on_cancel=True
            )
            self._ended = not chunk
            self._buffer += chunk
        line, found, self._buffer = self._buffer.partition(b"\n")
        if not line and not found:
            return None
        return line.decode(errors="replace").removesuffix("\r")
