"""What carries things out later: bytes that travel, disks that write, faults that end."""

import heapq
import itertools
from collections.abc import Callable

import trio


class Courier:
    """Carries things out later, in the order of their times, and of their posting within one time."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []  # heap
        self._order = itertools.count()
        self._posted = trio.Event()

    def post(self, delay: float, fn: Callable[[], None]) -> None:
        """Carry it out so many seconds from now."""
        self.post_at(trio.current_time() + delay, fn)

    def post_at(self, time: float, fn: Callable[[], None]) -> None:
        """Carry it out at that time."""
        heapq.heappush(self._due, (time, next(self._order), fn))
        self._posted.set()

    async def run(self) -> None:
        """Carry out what was posted, for ever."""
        while True:
            self._posted = trio.Event()
            with trio.move_on_at(self._due[0][0] if self._due else float("inf")):
                await self._posted.wait()
            while self._due and self._due[0][0] <= trio.current_time():
                heapq.heappop(self._due)[2]()
