"""The end of a loop turn: functions that run once, after the actors that are runnable now have run.

Gathering is the relay's cheapest gain: a hundred messages for one device that are handled in one turn become
one encryption and one ``send``. For that somebody must know when a turn is over, and trio does not say.

How: trio runs tasks in batches. All that is runnable now is one batch, run in random order; what they wake
goes into the next. The task here parks. The first ``call`` of a turn wakes it, so it would run *within* the
next batch, before or after those that the same turn has woken. It therefore gives way once and runs in the
batch after that: whoever was runnable at the first ``call`` has run, and so has everybody woken meanwhile
whom that batch held. It costs one more pass of the loop, a few microseconds.
"""

import logging
from collections.abc import Callable

import trio

log = logging.getLogger("roost.actors")


class TurnEnd:
    """Collects functions during a turn and runs them at its end.

    Owns: the list of functions waiting for the end of this turn. It is bounded by those who call, each of
    whom has at most one function in it (a connection remembers that it has asked for its flush).
    """

    __slots__ = ("_calls", "_parked")

    def __init__(self) -> None:
        self._calls: list[Callable[[], None]] = []
        self._parked: trio.lowlevel.Task | None = None  # the task in run(), while it has nothing to do

    def call(self, fn: Callable[[], None]) -> None:
        """Have ``fn`` called at the end of this turn; from a function of the turn's end: of the next one."""
        self._calls.append(fn)
        if self._parked is not None:
            trio.lowlevel.reschedule(self._parked)
            self._parked = None

    async def run(self) -> None:
        """Run what was asked for, turn after turn, until cancelled."""
        while True:
            if not self._calls:
                await self._park()
            await trio.lowlevel.checkpoint()
            calls, self._calls = self._calls, []
            for fn in calls:
                _call_guarded(fn)

    async def _park(self) -> None:
        def unpark(_: trio.lowlevel.RaiseCancelT) -> trio.lowlevel.Abort:
            self._parked = None
            return trio.lowlevel.Abort.SUCCEEDED

        self._parked = trio.lowlevel.current_task()
        await trio.lowlevel.wait_task_rescheduled(unpark)


def _call_guarded(fn: Callable[[], None]) -> None:
    # Broad on purpose: the functions belong to many actors, and one that is wrong must cost the others
    # nothing. There is no actor on the stack that could crash in its place.
    try:
        fn()
    except Exception:
        log.exception("turn_end_call_failed", extra={"function": getattr(fn, "__qualname__", repr(fn))})
