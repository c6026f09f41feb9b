"""The actors that play in the tests of this folder, each named for how it behaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import trio
from trio.testing import wait_all_tasks_blocked

from actors import NORMAL, Actor, ActorRef, ActorSystem, ExitReason, StartIgnored
from supervisors import ChildSpec, Restart, Shutdown, Supervisor, SupervisorHandle


class Boom(Exception):
    """The failure that the tests plant."""


@dataclass(frozen=True, slots=True)
class Crash:
    """To a player: raise."""


@dataclass(frozen=True, slots=True)
class StopWith:
    """To a player: stop for this reason."""

    reason: ExitReason = NORMAL


@dataclass(frozen=True, slots=True)
class Detach:
    """To a player: undo the link to this actor."""

    ref: ActorRef


@dataclass(slots=True)
class Stage:
    """What happened in a test, and what is to happen at the next starts."""

    diary: list[str] = field(default_factory=list)  # "+a" a was started, "-a" a was stopped in order
    refs: dict[str, ActorRef] = field(default_factory=dict)  # the present actor of each id
    # {id: how many of the next starts fail}
    failures: dict[str, int] = field(default_factory=dict)
    # {id: True if the next starts have nothing to do}
    ignored: dict[str, bool] = field(default_factory=dict)
    # Set at every start; a test that waits for one puts a new event here.
    started: trio.Event = field(default_factory=trio.Event)

    def take_diary(self) -> list[str]:
        """What happened since the last look."""
        seen, self.diary = self.diary, []
        return seen

    def spec(
        self,
        id_: str,
        restart: Restart = Restart.PERMANENT,
        kind: Callable[[str, Stage], Actor] | None = None,
        **fields: object,
    ) -> ChildSpec:
        """A spec for a player on this stage."""
        make = kind if kind is not None else Player
        return ChildSpec(id_, lambda: make(id_, self), restart, **fields)  # type: ignore[arg-type] # by name


class Player(Actor):
    """Writes down its starts and stops, crashes and stops when told to."""

    def __init__(self, id_: str, stage: Stage) -> None:
        self.id = id_
        self.stage = stage

    async def on_start(self) -> None:
        if self.stage.failures.get(self.id, 0):
            self.stage.failures[self.id] -= 1
            self.stage.diary.append(f"!{self.id}")
            raise Boom
        if self.stage.ignored.get(self.id):
            raise StartIgnored
        self.stage.diary.append(f"+{self.id}")
        self.stage.refs[self.id] = self.ref
        self.stage.started.set()

    def handle(self, message: object) -> object:
        match message:
            case Crash():
                raise Boom("with a secret in its text")
            case StopWith(reason):
                self.stop(reason)
            case Detach(ref):
                self.unlink(ref)
        return None

    async def on_stop(self, reason: ExitReason) -> None:
        if not reason.is_abnormal:
            self.stage.diary.append(f"-{self.id}")


class SlowStopper(Player):
    """Takes three seconds to stop."""

    async def on_stop(self, reason: ExitReason) -> None:
        await trio.sleep(3)
        await super().on_stop(reason)


class NeverStopper(Player):
    """Would stop one day."""

    async def on_stop(self, reason: ExitReason) -> None:
        await trio.sleep_forever()


class CrashOnStop(Player):
    """Crashes over its own stopping."""

    async def on_stop(self, reason: ExitReason) -> None:
        raise Boom


class SlowStarter(Player):
    """Takes two seconds to start."""

    async def on_start(self) -> None:
        await trio.sleep(2)
        await super().on_start()


async def settle() -> None:
    """Let everything happen that needs no time to pass."""
    await wait_all_tasks_blocked()


async def crash(stage: Stage, *ids: str) -> None:
    """Crash players, one after the other, and let what follows happen."""
    for id_ in ids:
        await stage.refs[id_].tell(Crash())
        await settle()


async def end(stage: Stage, id_: str, reason: ExitReason = NORMAL) -> None:
    """Let a player stop by itself, and let what follows happen."""
    await stage.refs[id_].tell(StopWith(reason))
    await settle()


async def supervise(system: ActorSystem, *specs: ChildSpec, **settings: object) -> SupervisorHandle:
    """Start a supervisor over players."""
    return SupervisorHandle(
        await system.start(lambda: Supervisor(specs, **settings))  # type: ignore[arg-type] # by name
    )


NOW = Shutdown.NOW
FOREVER = Shutdown.FOREVER
