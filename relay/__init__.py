"""The relay node: takes messages from devices, keeps them on disk, and delivers them. Start at `tree.py`."""

from relay.config import Config
from relay.errors import RelayError

__all__ = ["Config", "RelayError"]
