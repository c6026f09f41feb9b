"""The arena: all that a fault can lay hands on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from faults.real.crowd import Crowd
    from faults.real.disk import SmallDisk
    from faults.real.node import NodeProcess
    from faults.real.orphans import Watcher
    from faults.real.proxy import Proxy


@dataclass
class Arena:
    """One node, the proxy before it, and the crowd that talks through both."""

    folder: Path
    """Where everything of the run is, in folders of its own for each."""
    node: NodeProcess
    proxy: Proxy
    crowd: Crowd
    disk: SmallDisk | None
    """The small disk that the node's data is on; None where such cannot be had."""
    watcher: Watcher
    """To be told of processes that lead sessions, and of mounts, besides the node's and the crowd's: it ends
    them if the run is killed."""
    say: Callable[[str], None]
    """Tells whoever watches the run, in a line."""
