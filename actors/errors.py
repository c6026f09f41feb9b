"""Every error that the runtime raises on purpose; any other exception out of it is a bug.

- ActorError
    - ActorDeadError           the target is dead, or died before it answered
    - SystemClosedError        the whole system is shutting down; nothing can be started
    - MailboxFullError         the target's mailbox is full and its policy is to say so
    - CallTimeoutError         no answer within the time the caller gave
    - UnexpectedMessageError   the target does not know this message (it lives on)
    - CallingSelfError         an actor asked or awaited itself, which can never end
    - StartError               an actor could not be started
    - NameTakenError           a unique key already has a living actor
- StartIgnored                 not an error: on_start says that there is nothing to run
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from actors.exits import ExitReason


class ActorError(Exception):
    """Base of all errors of this package."""


class ActorDeadError(ActorError):
    """The target of an ask or a start is dead, or died before it answered.

    Attributes:
        target: Who it was, as text (a dead actor's ref would keep nothing useful alive).
        reason: Why it is dead; NOPROC if it was dead, or no such name existed, before the call.
    """

    def __init__(self, target: str, reason: ExitReason) -> None:
        super().__init__(f"{target} is dead: {reason}")
        self.target = target
        self.reason = reason


class SystemClosedError(ActorError):
    """The actor system is shutting down or closed; it starts nothing any more."""


class MailboxFullError(ActorError):
    """The target's mailbox is full; the message was not queued (or, with DROP_OLDEST, pushed out).

    Attributes:
        target: Whose mailbox, as text.
        limit: How many messages it holds.
    """

    def __init__(self, target: str, limit: int) -> None:
        super().__init__(f"the mailbox of {target} is full ({limit} messages)")
        self.target = target
        self.limit = limit


class CallTimeoutError(ActorError):
    """No answer came in time. The target may still do what was asked; its late answer is dropped.

    Attributes:
        target: Who was asked, as text.
        request: The type name of what was asked.
        timeout: How long the caller was willing to wait, in seconds.
    """

    def __init__(self, target: str, request: str, timeout: float) -> None:
        super().__init__(f"{target} did not answer {request} within {timeout:g} s")
        self.target = target
        self.request = request
        self.timeout = timeout


class UnexpectedMessageError(ActorError):
    """The target was asked something it has no handler for; it logged that and lives on."""

    def __init__(self, target: str, request: str) -> None:
        super().__init__(f"{target} does not understand {request}")
        self.target = target
        self.request = request


class CallingSelfError(ActorError):
    """An actor asked, or waited for the end of, itself: it would wait for its own hands."""

    def __init__(self, target: str, what: str) -> None:
        super().__init__(f"{target} cannot {what} itself; it would wait forever")
        self.target = target


class StartError(ActorError):
    """The factory or on_start raised, or the actor was killed before it was ready.

    Attributes:
        actor: The name or class of what was to be started.
        reason: The exit reason; for a raise `reason.error` is the exception (also `__cause__`).
    """

    def __init__(self, actor: str, reason: ExitReason) -> None:
        super().__init__(f"{actor} could not be started: {reason}")
        self.actor = actor
        self.reason = reason


class NameTakenError(ActorError):
    """A living actor already has this unique key (OTP's already_started / badarg)."""

    def __init__(self, key: Hashable, holder: str) -> None:
        super().__init__(f"the name {key!r} is taken by {holder}")
        self.key = key
        self.holder = holder


class StartIgnored(Exception):
    """Raised by `on_start`: there is nothing to run, and that is fine (OTP's `ignore`).

    `ActorSystem.start` raises it to the starter; a supervisor counts the child as started, without an actor.
    Not an ActorError: it is a word, not a failure.
    """
