"""Arenas of which only the proxy is there, for strikes that need no more."""

from pathlib import Path
from typing import cast

from faults.real.arena import Arena
from faults.real.crowd import Crowd
from faults.real.node import NodeProcess
from faults.real.orphans import Watcher
from faults.real.proxy import Proxy


def arena_with(proxy: Proxy) -> Arena:
    """Whoever touches more than the proxy fails."""
    nothing = object()
    return Arena(
        Path("nowhere"),
        cast("NodeProcess", nothing),
        proxy,
        cast("Crowd", nothing),
        None,
        cast("Watcher", nothing),
        print,
    )
