"""What a parked actor awaits: trio's `wait_task_rescheduled`, without the two frames that it takes.

A parked task keeps every frame of its chain of awaits. `await wait_task_rescheduled(...)` adds a coroutine, a
generator and the word that they say to trio's run loop: 536 bytes, as much as the task itself, for each of
two actors a device. That word is the same for every parked actor, so here it is asked for once, and said by
one object that all of them await.

`PARKED.__await__` gives an iterator, and an iterator without state can be everybody's: `__next__` is asked
first and says the word; `send` is called with the outcome when the task is rescheduled, and ends the wait.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Final, NoReturn

from trio.lowlevel import Abort, wait_task_rescheduled


def _stay_parked(_raise_cancel: Callable[[], Any]) -> Abort:
    """A parked actor is not for trio to wake: the system wakes all of its actors before it lets go of them.

    So a kill of a parked actor costs a wake and no exception, and one function serves every parked task.
    """
    return Abort.FAILED


def _word_to_trio() -> object:
    """What `wait_task_rescheduled` yields to the run loop: immutable, and trio keeps only its function."""
    waiting = wait_task_rescheduled(_stay_parked)  # noqa: ASYNC105  (not awaited: only asked what it says)
    word: object = waiting.send(None)
    waiting.close()
    return word


_WORD: Final = _word_to_trio()


class _Parked:
    """Awaited by an actor's task until somebody calls `trio.lowlevel.reschedule` on it."""

    __slots__ = ()

    def __await__(self) -> Generator[object, Any, None]:
        return self  # type: ignore[return-value]  # an iterator with send is all that await needs of it

    def __iter__(self) -> _Parked:
        return self

    def __next__(self) -> object:
        return _WORD

    def send(self, outcome: Any) -> NoReturn:
        """The task was rescheduled."""
        outcome.unwrap()
        raise StopIteration


PARKED: Final = _Parked()
"""Await it in a task that has left itself where others find it to reschedule it (`Mailbox.sleeper`)."""
