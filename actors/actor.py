"""Actor: the base class of everything that runs in the system; OTP's gen_server.

| callback   | when it runs                    | returns    | what a raise means                       |
| ---------- | ------------------------------- | ---------- | ---------------------------------------- |
| factory    | at once, in the starter's task  | the actor  | StartError; nothing was started          |
| `on_start` | before the first message        | nothing    | StartError; `on_stop` is not called      |
| `handle`   | for each message, one at a time | the answer | the actor crashes: `on_stop`, then death |
| `on_stop`  | at the end, except after a kill | as below   | it becomes the reason of the death       |

`handle` may be `def` or `async def`; a class decides once. A plain one is cheaper and cannot be interrupted;
an async one is cancelled where it waits if the actor is killed, or told to exit by a link it does not trap.
A plain one may return a coroutine if it turns out that it has to wait: then that is awaited, likewise, before
anything else is handled, and what it returns is the answer.

      start()                        stop() / self.stop() / exit signal / crash
    ┌──────────┐  on_start returns  ┌─────────┐                    ┌──────────┐  on_stop returns  ┌──────┐
    │ STARTING │ ─────────────────> │ RUNNING │ ─────────────────> │ STOPPING │ ────────────────> │ DEAD │
    └──────────┘                    └─────────┘                    └──────────┘                   └──────┘
         │  raise, kill                  │  kill                        │  kill                       ▲
         └───────────────────────────────┴──────────────────────────────┴─────────────────────────────┘

`on_start` and `on_stop` may be either, too, and a plain one may likewise return a coroutine if it turns out
that it has to wait. A plain `on_start` runs at once, in the starter's task, and costs no wake.

Whatever the way, death does the same things in the same order: names and groups are left, every caller is
answered with ActorDeadError, waiting senders go on, links get an exit signal, monitors a Down.
"""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any, ClassVar

from actors import links, monitors
from actors.envelope import Reply
from actors.errors import UnexpectedMessageError
from actors.exits import NORMAL, ExitReason
from actors.mailbox import DEFAULT_MAILBOX_LIMIT, Overflow

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Self

    from actors.monitors import MonitorRef
    from actors.ref import ActorRef
    from actors.registry import Address
    from actors.system import ActorSystem
    from actors.timers import TimerRef

log = logging.getLogger("roost.actors")


class Actor:
    """One state, one mailbox, one task. Subclass it, keep the state in attributes, handle messages.

    Subclasses with `__slots__` keep the instance free of a dict, which is worth it for an actor that exists a
    hundred thousand times. No need to call `super().__init__()`.

    When not to use one: an actor is for state that outlives a call, for failure that must stay local, or for
    things that go on at the same time. Code that is merely code is a function or a class.
    """

    __slots__ = ("_traps_exits", "ref")

    mailbox_limit: ClassVar[int] = DEFAULT_MAILBOX_LIMIT
    """How many messages may wait."""
    overflow: ClassVar[Overflow] = Overflow.WAIT
    """What happens to one more."""

    ref: ActorRef
    """The actor's own address; there from before `on_start`, not yet in `__init__`."""

    # What the loop must know of a class, found out once and not for each message.
    _handle_is_async: ClassVar[bool] = False
    _has_on_stop: ClassVar[bool] = False

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        """Make the instance with what the runtime needs, so that subclasses need no `super().__init__()`."""
        self = super().__new__(cls)
        self._traps_exits = False
        return self

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Note which callbacks the class has, and refuse a mailbox that could hold nothing."""
        super().__init_subclass__(**kwargs)
        if cls.mailbox_limit < 1:
            raise ValueError(f"{cls.__name__}.mailbox_limit is {cls.mailbox_limit}; it must be at least 1")
        cls._handle_is_async = inspect.iscoroutinefunction(cls.handle)
        cls._has_on_stop = cls.on_stop is not Actor.on_stop

    # ---- Callbacks -------------------------------------------------------------------------------

    def on_start(self) -> Coroutine[Any, Any, None] | None:
        """Prepare: the starter waits until this is done. A raise means that the actor was never started.

        May be an `async def`, or a plain `def` that waits for nothing. Raise `StartIgnored` to say that there
        is nothing to run, and that this is fine (OTP's `ignore`).
        """
        return None

    def handle(self, message: object) -> object:
        """Handle one message; what it returns answers an ask. May be overridden by an `async def`.

        Plain handlers run in the task of the runner (runner.py), not in one of their own: what is bound to a
        task, such as a context variable, is not theirs.
        """
        self.unexpected(message)
        return None

    def on_stop(self, reason: ExitReason) -> Coroutine[Any, Any, ExitReason | None] | ExitReason | None:
        """Put things in order before the end. Not called after a failed start or a kill (also of the parent).

        May be an `async def`, or a plain `def` that waits for nothing. A kill cancels it where it waits; a
        supervisor kills what does not stop within its shutdown time.

        Returns:
            None, usually; or what turned out to be the reason of the death instead. Unlike a raise it is no
            bug of this actor's, and is not reported as a crash of it.
        """
        return None

    # ---- What the runtime gives to its actors ----------------------------------------------------

    @property
    def system(self) -> ActorSystem:
        """The system this actor lives in."""
        return self.ref.system

    @property
    def trap_exit(self) -> bool:
        """Whether ends of linked actors arrive as Exit messages instead of ending this one too."""
        return self._traps_exits

    @trap_exit.setter
    def trap_exit(self, traps: bool) -> None:
        self._traps_exits = traps

    def link(self, target: Address) -> None:
        """Share fate with another actor, both ways: the abnormal end of one ends the other.

        Linking twice is the same as once. If the target is dead, its exit signal (NOPROC) comes at once.
        """
        links.link(self.ref, self.system.resolve(target))

    def unlink(self, target: Address) -> None:
        """Undo a link. An exit signal that arrived before this still counts; none comes after."""
        links.unlink(self.ref, self.system.resolve(target))

    def monitor(self, target: Address) -> MonitorRef:
        """Be told, once, by a Down message, when the target ends; at once (NOPROC) if it is dead already.

        One-way, and one Down for each call, unlike a link.
        """
        return monitors.monitor(self.ref, self.system.resolve(target))

    def demonitor(self, monitor: MonitorRef) -> None:
        """Stop watching. No Down of this monitor is handled after this, even if one is queued already."""
        monitors.demonitor(self.ref, monitor)

    def send_after(self, delay_s: float, message: object, to: Address | None = None) -> TimerRef:
        """Tell `message` to this actor (or to `to`) after a time. Gone if this actor ends before.

        Its own mailbox takes it even if it is full, for the actor ordered it itself; that of another refuses
        it then, and counts it.
        """
        return self.system.timers.send_after(self.ref, delay_s, message, to or self.ref)

    def send_every(self, interval_s: float, message: object, to: Address | None = None) -> TimerRef:
        """Tell `message` again and again, first after one interval.

        A tick that finds the mailbox full is dropped. The beat does not drift: lateness of one tick does not
        move the next, and missed beats are not made up for.
        """
        return self.system.timers.send_every(self.ref, interval_s, message, to or self.ref)

    def stop(self, reason: ExitReason = NORMAL) -> None:
        """End after the current message; what is queued behind it is not handled. The first reason stands.

        Outside of a message (from a callback, say) it ends at once.
        """
        self.ref._request_stop(reason)

    def reply_later(self) -> Reply:
        """Take the reply out of the handler's hands: its return value is ignored, `send` on this answers.

        OTP's `{noreply, State}` with `gen_server:reply/2`. If the actor ends first, the caller hears of it as
        always. For a message that was told and not asked, the reply goes nowhere.
        """
        return self.ref._defer_current_call()

    def unexpected(self, message: object) -> None:
        """What the last case of every `match` does: log the message's type and carry on.

        If it was asked, the caller gets UnexpectedMessageError instead of waiting for its timeout.
        """
        ref, kind = self.ref, type(message).__name__
        log.warning("unexpected_message", extra={"actor": str(ref), "message_type": kind})
        ref._fail_current_call(UnexpectedMessageError(str(ref), kind))
