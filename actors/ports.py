"""The two doors to the outside that are not sockets: entropy and the wall clock.

Rule 1: this is the only file of the house that reads the operating system's randomness or its wall clock.
Everybody else is handed an ``Entropy`` and a ``Clock`` as arguments; a lint (``tests/test_ports.py``) says
so. That is what makes a whole node replayable from one seed, and it cannot be added to a code base later.

Rule 2: durations inside trio code are no business of ``Clock``: they use ``trio.current_time()``, which a
test can let jump. ``Clock`` is for moments that people and other machines see: when a message was accepted,
when a code expires.
"""

import os
import time
from collections.abc import Callable
from typing import Protocol

Entropy = Callable[[int], bytes]
"""A source of random bytes: ``entropy(32)`` gives 32 of them, fit for keys when it is ``system_entropy``."""


class Clock(Protocol):
    """Tells what time it is in the world outside.

    It may jump, backwards too, when the machine's clock is set: order and identity are decided by numbers,
    never by this.
    """

    def now(self) -> float:
        """The time in seconds since the Unix epoch."""


class _SystemClock:
    """The machine's own clock."""

    __slots__ = ()

    def now(self) -> float:
        return time.time()


system_entropy: Entropy = os.urandom
"""The operating system's cryptographic randomness; blocks only in the first moments of a machine's boot."""

system_clock: Clock = _SystemClock()
"""The machine's wall clock."""

system_monotonic: Callable[[], float] = time.monotonic
"""Seconds that only ever go forward, for measuring how long something held the loop; never for deadlines."""
