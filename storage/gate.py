"""A gate before the memory map: readers pass in parallel, and whoever moves the map waits until it is empty.

LMDB gives a map another size or closes it with read transactions open, and unmaps the pages they look at.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ReadGate:
    """Counts who reads, and can be shut."""

    __slots__ = ("_condition", "_is_shut", "_lock", "readers")

    def __init__(self) -> None:
        # Guards both fields below. Passed by itself where nobody is to be waited for: a condition's own
        # `with` is two calls of Python more, for every look into the store.
        self._lock = threading.Lock()
        self._condition = threading.Condition(self._lock)
        self._is_shut = False
        self.readers = 0

    def enter(self) -> None:
        """Pass; waits while the gate is shut. `leave` must follow."""
        with self._lock:
            while self._is_shut:
                self._condition.wait()
            self.readers += 1

    def leave(self) -> None:
        """Say that what `enter` began has ended."""
        with self._lock:
            self.readers -= 1
            if self._is_shut and not self.readers:
                self._condition.notify_all()

    @contextmanager
    def shut(self, patience: float | None = None) -> Iterator[bool]:
        """Keep new readers out for the length of a block, and wait for those inside.

        Yields whether all have left; False only after `patience` seconds, and then the map must stay where it
        is. One thread at a time, and not from inside a read transaction.
        """
        with self._condition:
            self._is_shut = True
            try:
                yield self._condition.wait_for(lambda: not self.readers, patience)
            finally:
                self._is_shut = False
                self._condition.notify_all()
