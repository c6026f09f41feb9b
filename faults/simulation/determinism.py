"""What makes one seed one history: every source of chance in trio, Python and OpenSSL that reaches the code.

What was found, and what is done about it (docs/reliability.md has the whole list):

- trio shuffles each batch of tasks: its generator is seeded, and a batch is put in order first;
- trio keeps tasks and cancel statuses in sets, whose order comes from addresses: they are given hashes that
  count them, so that whoever is cancelled together is cancelled in the same order;
- the garbage collector calls finalisers whenever it comes: it stands still during a history;
- ML-KEM draws from OpenSSL, which cannot be seeded: a stand-in draws from the seed instead (``kem.py``);
- keys, codes, jitter and user ids come through the entropy port; each machine has a stream of its own, so
  that what one draws moves nothing at another.
"""

import gc
import hashlib
import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from random import Random

from trio._core import _run as trio_run

from faults.simulation.kem import simulated_kem
from faults.substitution import substituted


def stream(seed: int, name: str) -> Random:
    """The chance that one concern has: another one for each name, and the same for the same seed."""
    return Random(hashlib.blake2b(f"{seed} {name}".encode(), digest_size=16).digest())


@contextmanager
def determinism(seed: int) -> Iterator[None]:
    """Let whatever runs in the block run the same way each time. Around ``trio.run``, not inside."""
    before = trio_run._r.getstate()
    with ExitStack() as stack:
        stack.enter_context(substituted(trio_run, "_ALLOW_DETERMINISTIC_SCHEDULING", True))
        stack.enter_context(substituted(trio_run.Task, "__hash__", _count_tasks()))
        stack.enter_context(substituted(trio_run, "CancelStatus", _counted_statuses()))
        stack.enter_context(simulated_kem(stream(seed, "kem").randbytes))
        stack.enter_context(_collector_at_rest())
        trio_run._r.seed(stream(seed, "scheduler").random())
        try:
            yield
        finally:
            trio_run._r.setstate(before)


def _count_tasks() -> Callable[[trio_run.Task], int]:
    """A hash for tasks: how many were made before it since the history began."""
    first: list[int] = []  # trio counts all tasks of the process

    def number(task: trio_run.Task) -> int:
        if not first:
            first.append(task._counter)
        return task._counter - first[0]

    return number


def _counted_statuses() -> type[trio_run.CancelStatus]:
    """Cancel statuses whose hash is how many were made before."""
    numbers = itertools.count()

    class CountedCancelStatus(trio_run.CancelStatus):
        __slots__ = ("number",)
        number: int

        def __new__(cls, *_: object, **__: object) -> "CountedCancelStatus":
            status = super().__new__(cls)
            status.number = next(numbers)  # before __init__, which puts it into a set
            return status

        def __hash__(self) -> int:
            return self.number

    return CountedCancelStatus


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    was_on = gc.isenabled()
    gc.collect(0)  # while it stands still everything new is young: what the last history left goes here
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
