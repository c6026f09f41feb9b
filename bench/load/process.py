"""A load process: runs the loop of one crew, and answers the bench over a pipe.

Orders are tuples: ("log_in", 0) lets the devices connect, ("cut", 0) is answered with a Sample at once,
("leave", 0) ends the process, everything else is for the scenario's crew. The process forks from the bench,
so it begins with all accounts in memory.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
import time
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection

from bench.load.crew import Assignment, Crew
from bench.load.loop import Loop

LOG_IN = "log_in"
CUT = "cut"
LEAVE = "leave"

# How long a crew that has failed waits at a time for the bench to ask.
ANSWER_TURN_SECONDS = 1.0

MakeCrew = Callable[[Loop, Assignment], Crew]


class Control:
    """The process' end of the pipe to the bench."""

    def __init__(self, pipe: Connection, crew: Crew) -> None:
        self._pipe = pipe
        self._crew = crew
        self.is_over = False

    def fileno(self) -> int:
        """The pipe's."""
        return self._pipe.fileno()

    def ready(self, events: int) -> None:
        """Do what the bench says; if it is gone, so is our reason to be here."""
        try:
            word, argument = self._pipe.recv()
        except (EOFError, OSError):
            self.is_over = True
            return
        if word == CUT:
            self._pipe.send(self._crew.cut())
        elif word == LEAVE:
            self.is_over = True
        elif word == LOG_IN:
            self._crew.log_in()
        else:
            self._crew.order(word, argument)


def be_crew(pipe: Connection, make_crew: MakeCrew, assignment: Assignment, cpus: frozenset[int]) -> None:
    """Be a load process until the bench says leave, or is gone."""
    # Ctrl-C is the bench's business, which then says leave; the bench's own way to end is not ours.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if cpus:
        os.sched_setaffinity(0, cpus)
    raise_descriptor_limit()
    # Nothing here makes cycles in any number, and a collection would stop every device of the process.
    gc.disable()
    loop = Loop()
    crew = make_crew(loop, assignment)
    control = Control(pipe, crew)
    loop.add(control)
    try:
        while not control.is_over:
            now = time.perf_counter()
            loop.turn(min(crew.keep_alive(now), crew.tick(now)))
    except Exception as error:
        # Of this process, not of the node: the bench must hear of it instead of waiting for an answer.
        traceback.print_exc()
        crew.fail(error)
    crew.hang_up()
    while not control.is_over:
        loop.turn(ANSWER_TURN_SECONDS)
    loop.close()


def raise_descriptor_limit() -> None:
    """Every connection is a descriptor: take as many as the system allows without asking anybody."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
