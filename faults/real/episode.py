"""One run from end to end in this process: signals, the plan carried out, and what is to be said of it."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import trio

from faults.real.bout import Course
from faults.real.fault import Broken, Fault, leaves
from faults.real.judge import judge
from faults.real.plan import Plan
from faults.real.report import Report
from faults.real.runner import Say, carry_out


class Interrupted(Exception):
    """A signal has ended the run, and everything that it had started has ended.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.status = 128 + number


def run_plan(plan: Plan, faults: Mapping[str, Fault], folder: Path, origin: Mapping[str, Any]) -> Report:
    """Carry out a plan, and say what came of it; each line of its course goes to the terminal and a file.

    Raises:
        Interrupted: by Ctrl-C or SIGTERM.
        Broken: it could not begin.
    """
    began = time.monotonic()
    with (folder / "course.log").open("w") as log:

        def say(line: str) -> None:
            told = f"{time.monotonic() - began:7.1f} s  {line}"
            print(told, flush=True)
            print(told, file=log, flush=True)

        course = _carried_out(plan, faults, folder, say)
    return judge(course, faults, origin)


def _carried_out(plan: Plan, faults: Mapping[str, Fault], folder: Path, say: Say) -> Course:
    reasons: list[BaseException] = []
    try:
        return trio.run(_until_interrupted, plan, faults, folder, say)
    except* (Broken, Interrupted) as group:
        # What leaves a nursery leaves it in a group; one is the reason, whatever else broke by it.
        reasons += leaves(group)
    raise reasons[0]


async def _until_interrupted(plan: Plan, faults: Mapping[str, Fault], folder: Path, say: Say) -> Course:
    """Carry it out; a signal ends it in the same way as everything else does, from the inside out."""
    courses: list[Course] = []
    numbers: list[int] = []
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals, trio.CancelScope() as scope:

        async def listen() -> None:
            async for number in signals:
                numbers.append(number)
                scope.cancel()
                return

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            courses.append(await carry_out(plan, faults, folder, say))
            nursery.cancel_scope.cancel()
    if numbers:
        raise Interrupted(numbers[0])
    return courses[0]
