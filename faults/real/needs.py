"""What a fault needs of the machine. Where it is not there, the fault is left out with a word."""

import os
import shutil
import sys
from enum import Enum

from faults.real.control_groups import memory_groups
from faults.real.disk import why_not


class Need(Enum):
    """Something that not every machine has."""

    LINUX = "Linux"
    ROOT = "root"
    STRACE = "strace"
    MOUNT = "mount"
    MEMORY_GROUP = "memory group"

    def missing(self) -> str | None:
        """Why it is not here, in a few words; None if it is."""
        match self:
            case Need.LINUX:
                return None if sys.platform.startswith("linux") else "needs Linux"
            case Need.ROOT:
                return None if os.geteuid() == 0 else "needs root"
            case Need.STRACE:
                return None if shutil.which("strace") else "needs strace (apt install strace)"
            case Need.MOUNT:
                return why_not()
            case Need.MEMORY_GROUP:
                return None if memory_groups() else "needs control groups for memory that we may make"
