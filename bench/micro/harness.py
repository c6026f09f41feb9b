"""How a figure is measured: in a fresh process, several times, on CPU time, with its spread.

CPU time of the measuring process is the yardstick for everything that one loop does by itself, because it is
steadier than wall time on a machine that others use too. Wall time is used where threads or processes wait
for one another, and the table says so.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import logging
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import trio

from actors import calm_collector

CHILD_TIMEOUT_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number."""

    name: str
    system: str
    value: float
    unit: str
    # Lowest and highest of the repetitions; equal to the value when there was one.
    low: float = 0.0
    high: float = 0.0
    repetitions: int = 1
    # What a reader has to know to compare it: sizes that were scaled down, wall instead of CPU time.
    note: str = ""


class BenchError(Exception):
    """A measurement could not be made; the text says why."""


def summarise(figures: Sequence[Figure]) -> Figure:
    """The median of repeated measurements of one thing, with the lowest and the highest."""
    values = [figure.value for figure in figures]
    return dataclasses.replace(
        figures[0],
        value=statistics.median(values),
        low=min(values),
        high=max(values),
        repetitions=len(values),
    )


class Stopwatch:
    """Runs from its making, after the garbage of earlier work has been put out of the way."""

    def __init__(self) -> None:
        gc.collect()
        self._cpu = time.process_time()
        self._wall = time.perf_counter()

    def cpu_seconds(self) -> float:
        """CPU seconds that this process has used since."""
        return time.process_time() - self._cpu

    def wall_seconds(self) -> float:
        """Seconds that have passed since."""
        return time.perf_counter() - self._wall


def write_logs_nowhere() -> None:
    """Let log records be formatted and written as in production, but to nobody's terminal."""
    logging.basicConfig(stream=open(os.devnull, "w", encoding="utf-8"), level=logging.INFO)  # noqa: SIM115 - for good


def resident_bytes() -> int:
    """The resident memory of this process, as the kernel counts it.

    Raises:
        BenchError: the system has no /proc.
    """
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            pages = int(statm.read().split()[1])
    except OSError as error:
        raise BenchError("resident memory is read from /proc, which this system does not have") from error
    return pages * os.sysconf("SC_PAGE_SIZE")


def run_in_child(module: str, arguments: Sequence[str]) -> list[Figure]:
    """Run a bench module in a fresh interpreter and read the figures that it prints, one JSON a line.

    Raises:
        BenchError: it failed or took too long; holds the last line it wrote to stderr.
    """
    return parse_figures(run_command([sys.executable, "-m", module, *arguments]))


def run_command(argv: Sequence[str]) -> str:
    """What a command prints.

    Raises:
        BenchError: it could not be started, failed, or took too long.
    """
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=CHILD_TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise BenchError(f"took more than {CHILD_TIMEOUT_SECONDS:.0f} s") from error
    except OSError as error:
        raise BenchError(str(error)) from error
    if done.returncode != 0:
        last_words = done.stderr.strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        raise BenchError(last_words[0][:200])
    return done.stdout


def parse_figures(text: str) -> list[Figure]:
    """The figures in a child's output; other lines are ignored (peers chatter)."""
    return [Figure(**json.loads(line)) for line in text.splitlines() if line.startswith('{"name"')]


def print_figures(figures: Sequence[Figure]) -> None:
    """Print figures so that `run_in_child` can read them."""
    for figure in figures:
        print(json.dumps(dataclasses.asdict(figure)), flush=True)


def run_bench(measure: Callable[[int], Awaitable[Sequence[Figure]]]) -> None:
    """Be one of Roost's own benches: measure with the size of the command line, and print the figures.

    The collector is calm, as it is in a node.
    """
    with calm_collector():
        print_figures(trio.run(measure, int(sys.argv[1])))
