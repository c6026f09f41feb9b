"""What a supervisor tells the log: one record an event, on the logger "roost.supervisors".

| event | level | when |
|---|---|---|
| `child_started` | debug | a child runs (OTP's progress report) |
| `child_terminated` | error | a child ended although it should not have (OTP's crash report) |
| `child_start_failed` | error | a child could not be started, or started again |
| `child_shutdown_failed` | error | a child that was asked to stop crashed over it, or had to be killed |
| `supervisor_gave_up` | critical | restarts came faster than the intensity grants |
| `reports_suppressed` | error | so many reports were left out before this one: see REPORTS_PER_SECOND |
| `supervisor_ended` | info | significant children ended, and with them the supervisor (auto_shutdown) |

A record says supervisor, child, reason, restarts so far and the TYPE of the last message. Never a message's
body, and never an exception's text, which may quote one: an exception is its type and where it was raised.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from actors import ExitReason
from supervisors.errors import ProcessEndedError

REPORTS_PER_SECOND = 20
"""Reports on children that one supervisor writes in a second: what a person can read. In a storm of crashes
the others are counted, and the count is a record of its own; ends of supervisors are always reported."""

log = logging.getLogger("roost.supervisors")


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a report is about."""

    supervisor: str
    child: str
    # Restarts of this child so far.
    restarts: int


def progress_is_wanted() -> bool:
    """Whether anybody reads progress reports; asked first, because ten thousand may start in a second."""
    return log.isEnabledFor(logging.DEBUG)


def child_started(subject: Subject) -> None:
    """A child runs."""
    log.debug("child_started", extra=_facts(subject))


def child_terminated(subject: Subject, reason: ExitReason) -> None:
    """A child ended although its restart type says that it should be running."""
    _error("child_terminated", subject, reason)


def child_start_failed(subject: Subject, reason: ExitReason) -> None:
    """A child's factory or `on_start` raised."""
    _error("child_start_failed", subject, reason)


def child_shutdown_failed(subject: Subject, reason: ExitReason) -> None:
    """A child did not stop in the orderly way that it was asked to."""
    _error("child_shutdown_failed", subject, reason)


def supervisor_gave_up(subject: Subject, reason: ExitReason) -> None:
    """The end of the supervisor because of this child; what is above decides what comes next."""
    log.critical("supervisor_gave_up", extra={**_facts(subject), **_cause(reason)})


def supervisor_ended(subject: Subject, reason: ExitReason) -> None:
    """The orderly end of the supervisor because its significant children ended."""
    log.info("supervisor_ended", extra={**_facts(subject), **_cause(reason)})


def reports_suppressed(supervisor: str, count: int) -> None:
    """More went wrong than anybody could read."""
    log.error("reports_suppressed", extra={"supervisor": supervisor, "count": count})


def _error(event: str, subject: Subject, reason: ExitReason) -> None:
    log.error(event, extra={**_facts(subject), **_cause(reason)})


def _facts(subject: Subject) -> dict[str, object]:
    return {
        "supervisor": subject.supervisor,
        "child": subject.child,
        "restarts": subject.restarts,
    }


def _cause(reason: ExitReason) -> dict[str, object]:
    """Why, and for a crash where: the innermost frames first, because that is where one starts to read."""
    facts: dict[str, object] = {"reason": str(reason), "last_message": reason.during}
    if isinstance(reason.error, ProcessEndedError):
        facts["exit_status"] = reason.error.status
    if reason.stack:
        facts["raised_at"] = innermost_place(reason)
        facts["stack"] = reason.format_stack()
    return facts


def innermost_place(reason: ExitReason) -> str:
    """`file.py:line in function` of where a crash was raised."""
    code, line = reason.stack[-1]
    return f"{code.co_filename}:{line} in {code.co_qualname}"
