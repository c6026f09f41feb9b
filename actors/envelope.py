"""The two ends of an answer: a task that waits, and whoever answers it.

A told message travels bare; an asked one travels inside a `Call`, which is the message and its reply
slot in one object. The trio task is parked directly (no event, no channel, no cancel scope): that is
what keeps a round trip cheap.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import trio
from trio.lowlevel import Abort, Task, current_task, reschedule, wait_task_rescheduled


class Reply:
    """One answer for one waiting task. The first answer wins; any later one is dropped.

    The task may be absent: before `wait` (the answer is then kept until it asks), and after it was
    cancelled or timed out (the answer is then late, and dropped by design).
    """

    __slots__ = ("_error", "_task", "_value", "is_done")

    def __init__(self) -> None:
        self.is_done = False
        self._task: Task | None = None
        self._value: object = None
        self._error: BaseException | None = None

    def send(self, value: object) -> None:
        """Answer with a value. Never blocks; does nothing if it was answered or given up before."""
        if not self.is_done:
            self._value = value
            self._finish()

    def fail(self, error: BaseException) -> None:
        """Answer with an error, which is raised where the answer is awaited."""
        if not self.is_done:
            self._error = error
            self._finish()

    def _finish(self) -> None:
        self.is_done = True
        task = self._task
        if task is not None:
            self._task = None
            reschedule(task)

    @property
    def failed(self) -> bool:
        """Whether the answer is an error that nobody has been given yet."""
        return self._error is not None

    async def wait(self) -> Any:
        """Wait for the answer. On cancellation the answer, should it come, is dropped.

        Raises:
            ActorError: Whatever `fail` was given.
        """
        if self.is_done:
            await trio.lowlevel.checkpoint_if_cancelled()
        else:
            self._task = current_task()
            await wait_task_rescheduled(self._give_up)
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # the raised error's frames hold us: no cycle
        return self._value

    def _give_up(self, _raise_cancel: Callable[[], Any]) -> Abort:
        self.is_done = True
        self._task = None
        return Abort.SUCCEEDED


class Call(Reply):
    """An asked message on its way: what was asked, and the slot for the answer."""

    __slots__ = ("message",)

    def __init__(self, message: object) -> None:
        # Not through super(): this is the hot path of every ask.
        self.is_done = False
        self._task = None
        self._value = None
        self._error = None
        self.message = message
