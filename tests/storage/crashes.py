"""Ends a process that changes files, before any step that could last: for tests of what the next one finds.

A process that was killed does nothing more: after the first crash every further step crashes as well, so that
no handler tidies up.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import lmdb
import pytest

from storage.environment import Environment


class Crash(BaseException):
    """The process was killed here."""


class Crashes:
    """Counts the steps that could last, and ends the process before one of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._steps_left = -1
        self.happened = False
        # What a killed process has written stays: the disk need not be waited for.
        monkeypatch.setattr(os, "fsync", lambda _fd: None)
        monkeypatch.setattr(lmdb, "Environment", partial(lmdb.Environment, sync=False))
        for owner, name in (
            (Environment, "begin_write"),
            (Path, "replace"),
            (Path, "rename"),
            (Path, "unlink"),
            (Path, "rmdir"),
            (Path, "mkdir"),
            (os, "fsync"),
            (os, "link"),
        ):
            monkeypatch.setattr(owner, name, self._before(getattr(owner, name)))
        monkeypatch.setattr(shutil, "rmtree", _remove_step_by_step)

    def before_step(self, number: int) -> None:
        """Let `number` steps happen from now on, and no more."""
        self._steps_left = number
        self.happened = False

    def never(self) -> None:
        """Let everything happen."""
        self._steps_left = -1

    def _before(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **kwargs: Any) -> Any:
            if self._steps_left == 0:
                self.happened = True
                raise Crash
            self._steps_left -= 1
            return function(*args, **kwargs)

        return step


def _remove_step_by_step(folder: Path, *, ignore_errors: bool = False) -> None:
    """As shutil.rmtree, but each file is a step of its own."""
    if ignore_errors and not folder.exists():
        return
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            _remove_step_by_step(path)
        else:
            path.unlink()
    folder.rmdir()


@pytest.fixture
def crashes(monkeypatch: pytest.MonkeyPatch) -> Crashes:
    return Crashes(monkeypatch)
