"""Two clocks: trio's, which jumps to the next thing to do, and the walls', which people's machines show.

``JumpClock`` never waits: when nothing can run, it is at once the time of the next deadline. ``WallClock`` is
one machine's idea of the time of day; a fault sets it wrong, and it may run too fast.
"""

import math

import trio

from actors.ports import Clock

EPOCH = 1_795_348_800.0
"""The day on which every history begins, in Unix seconds."""


MOST_IDLE_TURNS = 1_000


class StandstillError(Exception):
    """Nothing can ever run again: every task waits, and none for a time."""


class JumpClock(trio.abc.Clock):
    """A clock for ``trio.run`` that jumps.

    Not with ``wait_all_tasks_blocked``, which trio asks only while it would wait: here it never would.
    """

    def __init__(self) -> None:
        self._now = 0.0
        self._idle_turns = 0  # in a row

    def start_clock(self) -> None:
        """Nothing has to be started."""

    def current_time(self) -> float:
        """Seconds since the history began."""
        return self._now

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """No time at all; trio asks only when nothing can run, so the clock may jump.

        Raises:
            StandstillError: there is no deadline.
        """
        if math.isinf(deadline):  # at the end of a run trio waits for a socket of its own
            self._idle_turns += 1
            if self._idle_turns > MOST_IDLE_TURNS:
                raise StandstillError("every task waits, and none for a time")
            return 0.0
        self._idle_turns = 0
        self._now = max(self._now, deadline)
        return 0.0


class WallClock(Clock):
    """What one machine takes for the time of day."""

    def __init__(self) -> None:
        self.offset = 0.0
        """Seconds by which it is wrong."""
        self.drift = 0.0
        """Seconds that it gains each second."""

    def drift_by(self, drift: float) -> None:
        """Let it run too fast or too slowly from now on."""
        self.offset += trio.current_time() * (self.drift - drift)
        self.drift = drift

    def now(self) -> float:
        """Unix seconds."""
        elapsed = trio.current_time()
        return EPOCH + elapsed * (1.0 + self.drift) + self.offset
