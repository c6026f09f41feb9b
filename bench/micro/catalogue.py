"""What is measured: the benches of Roost, and which of them each peer can do, with sizes it can bear."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
TRACTOR_PYTHON = ROOT / ".venv-tractor" / "bin" / "python"


@dataclass(frozen=True, slots=True)
class Bench:
    """One kind of work and how much of it."""

    name: str
    # How often or how many, in a full run and in a quick one.
    size: int
    quick_size: int

    def size_for(self, quick: bool) -> int:
        """How much in this run."""
        return self.quick_size if quick else self.size


BENCHES = (
    Bench("idle_memory", 1_000_000, 50_000),
    Bench("start_stop", 1_000_000, 50_000),
    Bench("tell", 2_000_000, 200_000),
    Bench("ask", 100_000, 10_000),
    Bench("wake", 1_000, 1_000),
    Bench("restart", 100_000, 5_000),
    Bench("crash_storm", 10_000, 2_000),
)


@dataclass(frozen=True, slots=True)
class Peer:
    """Another actor system, measured on the same work."""

    name: str
    # {bench: its size}; a bench that is not named here is beyond it, or has no counterpart there.
    sizes: dict[str, int]
    command: Callable[[str, int], list[str]]
    # None if it can be run; else a word on why not.
    missing: Callable[[], str | None]


def roost_command(bench: str, size: int) -> list[str]:
    """How to run one of our own benches."""
    return [sys.executable, "-m", f"bench.micro.bench_{bench}", str(size)]


def _python_peer(name: str, sizes: dict[str, int]) -> Peer:
    return Peer(
        name,
        sizes,
        lambda bench, size: [sys.executable, "-m", f"bench.micro.peers.{name}_peer", bench, str(size)],
        lambda: None if find_spec(name) is not None else "not installed (pip install '.[bench]')",
    )


def _tractor_command(bench: str, size: int) -> list[str]:
    return [str(TRACTOR_PYTHON), str(HERE / "peers" / "tractor_peer.py"), bench, str(size)]


def _beam_command(bench: str, size: int) -> list[str]:
    return ["escript", str(HERE / "beam" / "bench.escript"), bench, str(size)]


# pykka: an actor is a thread; thespian: with the multi-process base an actor is an OS process, so its
# simple base, where all run in one process, is what is measured; tractor: an actor is an OS process.
PEERS = (
    Peer(
        "beam",
        {bench.name: bench.size for bench in BENCHES},
        _beam_command,
        lambda: None if shutil.which("escript") else "erl is not installed (apt install erlang-base)",
    ),
    _python_peer(
        "pykka", {"idle_memory": 2_000, "start_stop": 2_000, "tell": 100_000, "ask": 20_000, "wake": 200}
    ),
    _python_peer("thespian", {"idle_memory": 5_000, "start_stop": 5_000, "tell": 20_000, "ask": 10_000}),
    Peer(
        "tractor",
        {"idle_memory": 4, "start_stop": 4, "tell": 2_000, "ask": 1_000},
        _tractor_command,
        lambda: None if TRACTOR_PYTHON.exists() else "has no .venv-tractor (make bench-micro makes it)",
    ),
)
