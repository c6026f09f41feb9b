"""What stands around a journal in its tests: the loop that it posts to, its answers, and a gate before it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

import pytest

from storage import Environment, JournalError


class Loop:
    """Stands where trio's loop stands: journals post to it, and the test runs what was posted."""

    def __init__(self) -> None:
        self._posted: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self.calls = 0

    def post(self, answer: Callable[[], None]) -> None:
        with self._changed:
            self._posted.append(answer)
            self._changed.notify_all()

    def run_one(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._posted, timeout=10), "nothing was posted"
            answer = self._posted.popleft()
        self.calls += 1
        answer()

    def wait_for_post(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._posted, timeout=10), "nothing was posted"

    def run_until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self.run_one()


class Answers:
    """What submissions were answered, in the order of the answers."""

    def __init__(self) -> None:
        self.seen: list[tuple[object, JournalError | None]] = []

    def done(self, name: object) -> Callable[[JournalError | None], None]:
        return lambda error: self.seen.append((name, error))

    def names(self) -> list[object]:
        return [name for name, _ in self.seen]


class Gate:
    """Holds the writer in front of its next transaction, so that a test decides what gathers meanwhile."""

    def __init__(self, environment: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
        self.entered = threading.Event()
        self._open = threading.Event()
        begin_write = environment.begin_write

        def wait_then_begin() -> object:
            self.entered.set()
            assert self._open.wait(timeout=10)
            return begin_write()

        monkeypatch.setattr(environment, "begin_write", wait_then_begin)

    def open(self) -> None:
        self._open.set()
