"""What can go wrong between a supervisor and whoever calls it.

SupervisorError
├── ChildSpecError          a specification that makes no sense; also a ValueError (local misuse)
├── ChildExistsError        start_child with an id that is taken
├── ChildNotFoundError      no child of that id (or ref) here
├── ChildRunningError       restart_child or delete_child on a child that is not stopped
├── MaxChildrenError        a dynamic supervisor is full
├── ChildStartError         the child did not start; the supervisor is unharmed
├── ProcessEndedError       an OS process ended unasked, or before it was ready; an exit reason
└── ProcessNotReadyError    an OS process did not say in time that it is ready

An intensity that was exceeded is no exception: it is the supervisor's own exit reason (see reports.py).
"""

from __future__ import annotations


class SupervisorError(Exception):
    """Base of every error in this package."""


class ChildSpecError(SupervisorError, ValueError):
    """A child specification or a supervisor's setting is invalid; names the field and the bad value.

    Attributes:
        field: the setting that was wrong.
        value: what was given for it.
    """

    def __init__(self, field: str, value: object, expected: str) -> None:
        super().__init__(f"{field} must be {expected}, got {value!r}")
        self.field = field
        self.value = value


class ChildExistsError(SupervisorError):
    """A child of this id is there already, running or not."""

    def __init__(self, child: str, state: str) -> None:
        super().__init__(f"child {child!r} exists already and is {state}")
        self.child = child
        self.state = state


class ChildNotFoundError(SupervisorError):
    """The supervisor has no such child (a temporary child is forgotten when it ends)."""

    def __init__(self, child: str) -> None:
        super().__init__(f"no child {child!r}")
        self.child = child


class ChildRunningError(SupervisorError):
    """The child is running or waits to be restarted; terminate it first."""

    def __init__(self, child: str, state: str) -> None:
        super().__init__(f"child {child!r} is {state}; terminate it first")
        self.child = child
        self.state = state


class MaxChildrenError(SupervisorError):
    """The dynamic supervisor has as many children as it may; children that await a restart count."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the supervisor has its {limit} children already")
        self.limit = limit


class ChildStartError(SupervisorError):
    """The child's factory or its `on_start` raised; the cause is chained.

    Attributes:
        child: the child's id.
    """

    def __init__(self, child: str, cause: str) -> None:
        super().__init__(f"child {child!r} did not start: {cause}")
        self.child = child


class ProcessEndedError(SupervisorError):
    """The process ended although nobody had asked it to, or before it was ready.

    Attributes:
        program: what was run; without its arguments, which may hold secrets.
        status: its exit status; below zero, minus the number of the signal that ended it.
    """

    def __init__(self, program: str, how: str, status: int) -> None:
        super().__init__(f"{program} {how}")
        self.program = program
        self.status = status


class ProcessNotReadyError(SupervisorError):
    """The process did not say in time that it is ready; it has been killed."""

    def __init__(self, program: str, seconds: float) -> None:
        super().__init__(f"{program} was not ready within {seconds:g} s")
        self.program = program
        self.seconds = seconds
