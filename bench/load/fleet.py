"""All load processes of a measurement, from the bench's side: started, ordered, asked, ended.

with Fleet(PairsCrew, assignments, cpus) as fleet:
    fleet.log_in()
    fleet.wait_until(lambda sample: sample.online == 400, seconds=60)
    fleet.order("go", at)
    sample = fleet.cut()
"""

from __future__ import annotations

import gc
import multiprocessing
import time
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import TracebackType
from typing import Self

from bench.errors import BenchError, LoadError
from bench.load.crew import Assignment, Sample
from bench.load.process import CUT, LEAVE, LOG_IN, MakeCrew, be_crew

# A process that does not answer for so long hangs: its loop never waits for longer than a turn.
ANSWER_SECONDS = 30.0

POLL_SECONDS = 0.2


class Fleet:
    """A context manager: processes run for the length of its block.

    Args:
        make_crew: what each process runs.
        assignments: one a process.
        cpus: the cores that they may use; empty for all.
    """

    def __init__(self, make_crew: MakeCrew, assignments: Sequence[Assignment], cpus: frozenset[int]) -> None:
        self._make_crew = make_crew
        self._assignments = assignments
        self._cpus = cpus
        self._pipes: list[Connection] = []
        self._processes: list[BaseProcess] = []

    def __enter__(self) -> Self:
        """Start all processes; nothing connects yet."""
        context = multiprocessing.get_context("fork")
        gc.freeze()  # a collection here would write to every account, and so copy the pages that all share
        for assignment in self._assignments:
            ours, theirs = context.Pipe()
            self._pipes.append(ours)
            process = context.Process(target=self._be_one, args=(theirs, assignment), daemon=True)
            process.start()
            theirs.close()
            self._processes.append(process)
        return self

    def _be_one(self, pipe: Connection, assignment: Assignment) -> None:
        """In the child: our ends of the pipes came along, and would hide it if the bench were gone."""
        for ours in self._pipes:
            ours.close()
        be_crew(pipe, self._make_crew, assignment, self._cpus)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all processes, those that do not listen by force."""
        for pipe in self._pipes:
            try:
                pipe.send((LEAVE, 0.0))
            except OSError:
                pass  # it is gone already
        for process in self._processes:
            process.join(ANSWER_SECONDS)
            if process.is_alive():
                process.kill()
                process.join()
        for pipe in self._pipes:
            pipe.close()

    @property
    def pids(self) -> list[int]:
        """The processes, by number."""
        return [process.pid for process in self._processes if process.pid is not None]

    def log_in(self) -> None:
        """Let every crew log its devices in."""
        self.order(LOG_IN)

    def order(self, word: str, argument: float = 0.0) -> None:
        """Tell every crew to do something.

        Raises:
            BenchError: a process has died.
        """
        try:
            for pipe in self._pipes:
                pipe.send((word, argument))
        except OSError:
            raise BenchError("a load process has died") from None

    def cut(self) -> Sample:
        """What all crews together have seen since the last cut.

        Raises:
            LoadError: a device met what it should not have met.
            BenchError: a process has died or hangs.
        """
        total = Sample()
        self.order(CUT)
        for pipe in self._pipes:
            if not pipe.poll(ANSWER_SECONDS):
                raise BenchError("a load process does not answer")
            try:
                total.add(pipe.recv())
            except EOFError:
                raise BenchError("a load process has died") from None
        if total.failure is not None:
            raise LoadError(total.failure)
        return total

    def wait_until(
        self,
        condition: Callable[[Sample], bool],
        seconds: float,
        say: Callable[[Sample], None] = lambda _: None,
    ) -> Sample:
        """Cut again and again until a cut meets the condition; returns what was seen meanwhile.

        Raises:
            LoadError: as `cut`.
            BenchError: as `cut`, or it took longer than `seconds`.
        """
        total, deadline = Sample(), time.perf_counter() + seconds
        while True:
            sample = self.cut()
            total.add(sample)
            total.online, total.in_flight = sample.online, sample.in_flight
            say(total)
            if condition(total):
                return total
            if time.perf_counter() > deadline:
                raise BenchError(f"not done after {seconds:.0f} s: {sample.online} devices are online")
            time.sleep(POLL_SECONDS)
