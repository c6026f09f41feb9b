"""Actors named for how they behave, for the tests of the runtime."""

from __future__ import annotations

from typing import Any

import trio

from actors import Actor, ExitReason, Overflow, StartIgnored


class Echo(Actor):
    """Answers with what it was asked."""

    __slots__ = ()

    def handle(self, message: object) -> object:
        return message


class AsyncEcho(Actor):
    """The same, with a handler that could wait."""

    __slots__ = ()

    async def handle(self, message: object) -> object:
        return message


class Recorder(Actor):
    """Keeps what it is told, and how it ended."""

    def __init__(self, *, traps: bool = False) -> None:
        self.trap_exit = traps
        self.seen: list[Any] = []
        self.end: ExitReason | None = None

    def handle(self, message: object) -> object:
        self.seen.append(message)
        return len(self.seen)

    async def on_stop(self, reason: ExitReason) -> None:
        self.end = reason


class Crasher(Actor):
    """Raises what it is told or asked; a RuntimeError if that is no exception."""

    __slots__ = ()

    def handle(self, message: object) -> object:
        raise message if isinstance(message, Exception) else RuntimeError("told to")


class Hanger(Actor):
    """Waits in its handler until it is cancelled; `entered` says that it does."""

    mailbox_limit = 2

    def __init__(self) -> None:
        self.entered = trio.Event()
        self.end: ExitReason | None = None
        self.was_cancelled = False

    async def handle(self, message: object) -> object:
        self.entered.set()
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            self.was_cancelled = True
            raise

    async def on_stop(self, reason: ExitReason) -> None:
        self.end = reason


class Gated(Actor):
    """Handles a message only when the gate is opened; keeps what it handled."""

    mailbox_limit = 2

    def __init__(self) -> None:
        self.gate = trio.Event()
        self.seen: list[object] = []

    async def handle(self, message: object) -> object:
        await self.gate.wait()
        self.seen.append(message)
        return message


class GatedRefuser(Gated):
    overflow = Overflow.REFUSE


class GatedDropper(Gated):
    overflow = Overflow.DROP_OLDEST


class CrashOnStart(Actor):
    async def on_start(self) -> None:
        raise RuntimeError("no")


class IgnoreStart(Actor):
    async def on_start(self) -> None:
        raise StartIgnored


class CrashOnStop(Actor):
    async def on_stop(self, reason: ExitReason) -> None:
        raise RuntimeError("at the end")


class SlowStarter(Actor):
    """Is ready when the gate is opened."""

    def __init__(self) -> None:
        self.gate = trio.Event()
        self.entered = trio.Event()

    async def on_start(self) -> None:
        self.entered.set()
        await self.gate.wait()

    def handle(self, message: object) -> object:
        return message


class SlowStopper(Actor):
    """Takes ten seconds to stop."""

    def __init__(self) -> None:
        self.stopped = False

    async def on_stop(self, reason: ExitReason) -> None:
        await trio.sleep(10)
        self.stopped = True
