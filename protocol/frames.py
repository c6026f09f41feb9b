"""Framing: 3 bytes of big-endian length, then that many bytes.

The decoder is fed whatever the network brings and gives whole frames; what it holds is never more than one
incomplete frame and the bytes that were fed last. It also gives up single bytes, for the preamble in front.
"""

from protocol.errors import FrameTooLargeError, LocalProtocolError
from protocol.limits import FRAME_HEADER_BYTES, MAX_FRAME_BYTES


def encode_frame(body: bytes) -> bytes:
    """Return the body with its length in front.

    Raises:
        LocalProtocolError: the body is longer than MAX_FRAME_BYTES.
    """
    if len(body) > MAX_FRAME_BYTES:
        raise LocalProtocolError(f"a frame of {len(body)} bytes, limit {MAX_FRAME_BYTES}")
    return len(body).to_bytes(FRAME_HEADER_BYTES) + body


class FrameDecoder:
    """Takes bytes as they come, gives frames.

    Not here: what a frame means, and the limit on how long a peer may take to send one (who owns a clock).
    """

    __slots__ = ("_data", "_start")

    def __init__(self) -> None:
        # What was fed and not yet taken begins at _start. Bytes when it is a chunk as it came (the usual
        # case: whole frames, nothing is copied but the frames), a bytearray when a frame comes in pieces,
        # so that a peer who sends 64 KiB byte by byte costs 64 KiB of copying and not its square.
        self._data: bytes | bytearray = b""
        self._start = 0

    def feed(self, data: bytes) -> None:
        """Take in what the network brought."""
        if self._start == len(self._data):
            self._data, self._start = data, 0
            return
        if isinstance(self._data, bytes):
            self._data = bytearray(self._data[self._start :])
            self._start = 0
        self._data += data

    def take(self, size: int) -> bytes | None:
        """Take exactly so many bytes; None, and nothing taken, if they have not all come."""
        end = self._start + size
        if end > len(self._data):
            return None
        taken = bytes(self._data[self._start : end])
        self._advance(end)
        return taken

    def next_frame(self) -> bytes | None:
        """Take the next whole frame, without its header; None if it has not all come.

        Raises:
            FrameTooLargeError: the header announces more than MAX_FRAME_BYTES; raised as soon as the header
                is there. The decoder is of no use afterwards.
        """
        data = self._data
        body = self._start + FRAME_HEADER_BYTES
        have = len(data)
        if body > have:
            return None
        size = int.from_bytes(data[self._start : body])
        if size > MAX_FRAME_BYTES:
            raise FrameTooLargeError(size, MAX_FRAME_BYTES)
        end = body + size
        if end > have:
            return None
        frame = bytes(data[body:end])
        self._advance(end)
        return frame

    def clear(self) -> None:
        """Forget everything: the connection is closed."""
        self._data, self._start = b"", 0

    def waiting(self) -> bytes:
        """What is held for a frame that is not yet whole."""
        return bytes(self._data[self._start :])

    @property
    def is_empty(self) -> bool:
        """Whether nothing is held: what is fed next begins with a frame's header."""
        return self._start == len(self._data)

    def _advance(self, end: int) -> None:
        """Everything before `end` is taken; keep no chunk alive for nothing."""
        if end == len(self._data):
            self._data, self._start = b"", 0
        else:
            self._start = end
