"""Where a node is in its life, and so each of its workers."""

from enum import Enum


class Phase(Enum):
    """Begins with STARTING; what has begun to drain never takes anybody again."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
