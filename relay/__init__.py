"""The relay node: takes messages from devices, keeps them on disk, delivers them. Begin with `tree.py`."""

from relay.config import Config
from relay.errors import RelayError

__all__ = ["Config", "RelayError"]
