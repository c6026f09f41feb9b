"""When to say something only to show that one is there, and when to give the other up.

Pure: it is told what was sent and heard and at which time, and decides.
"""

import math
from dataclasses import dataclass
from enum import Enum, auto

PATIENCE_INTERVALS = 2.5  # this many keepalive intervals without a byte end a connection
CHECKS_AN_INTERVAL = 6  # how often to look: a ping is at most a sixth of an interval late


class Due(Enum):
    """What a look at the clock brings."""

    NOTHING = auto()
    PING = auto()
    GIVE_UP = auto()


@dataclass(slots=True)
class Keepalive:
    """The clocks of one connection; all times are ``trio.current_time()``."""

    interval_s: float
    last_sent: float
    last_heard: float
    last_ping: float = -math.inf

    @property
    def check_s(self) -> float:
        """How often ``due`` should be asked."""
        return self.interval_s / CHECKS_AN_INTERVAL

    def due(self, now: float) -> Due:
        """What is to be done now."""
        if now - self.last_heard >= PATIENCE_INTERVALS * self.interval_s:
            return Due.GIVE_UP
        # The relay must hear of us and we of it, and as long as it hears us it says nothing by itself. A ping
        # brings both about, so one an interval is enough.
        silent_since = min(self.last_sent, self.last_heard)
        if now - max(silent_since, self.last_ping) >= self.interval_s:
            return Due.PING
        return Due.NOTHING
