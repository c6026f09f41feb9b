"""The hand-over between workers that live in one process: a list for each, and faults on demand.

Deterministic, and over any network whose streams can be adopted by another worker of the same process: all
workers share one `SimNetwork`.
"""

import trio

from protocol import ErrorCode
from relay.handover import Moving, Refused

ROOM = 64
"""Connections that may wait to be taken: the order of size of what a kernel and an outbox hold."""


class SimHandOvers:
    """What connects the workers of one simulated node."""

    def __init__(self) -> None:
        self.moved: list[tuple[int, int]] = []  # (from, to) of every connection that was handed over
        self._ports: dict[int, SimHandOver] = {}

    def open(self, worker: int) -> "SimHandOver":
        """A worker's port, in place of that of its last life."""
        port = self._ports[worker] = SimHandOver(self)
        return port

    def close(self, worker: int) -> None:
        """The worker has died."""
        port = self._ports.pop(worker, None)
        if port is not None:
            port.close()

    def find(self, worker: int) -> "SimHandOver | None":
        port = self._ports.get(worker)
        return None if port is None or port.is_closed else port


class SimHandOver:
    """One worker's `HandOver`."""

    def __init__(self, all_ports: SimHandOvers) -> None:
        self.is_closed = False
        self._all = all_ports
        self._arrived, self._taken = trio.open_memory_channel[Moving](ROOM)

    def give(self, owner: int, moving: Moving, refused: Refused) -> None:
        port = self._all.find(owner)
        if port is None:
            refused(moving, ErrorCode.RESTARTING)
            return
        try:
            port._arrived.send_nowait(moving)
        except trio.WouldBlock:
            refused(moving, ErrorCode.OVERLOADED)
        else:
            self._all.moved.append((moving.source, owner))

    async def take(self) -> Moving:
        return await self._taken.receive()

    def close(self) -> None:
        """Take no more; what was not taken is closed, as a kernel does it for a process that ends."""
        self.is_closed = True
        self._arrived.close()
        try:
            while True:
                self._taken.receive_nowait().stream.discard()
        except (trio.WouldBlock, trio.EndOfChannel):
            self._taken.close()
        except trio.ClosedResourceError:
            pass  # closed before
