"""The public test kit: what tests of actors need, ours and yours.

- `Probe`: an actor that keeps what it is told, for a test to await and look at.
- `settle`: wait until every actor has handled everything.
- `ManualClock`: a stall clock that a test moves by hand.

Use trio's `autojump_clock` (pytest-trio) with it: no test needs to sleep in real time.
"""

from __future__ import annotations

from collections import deque
from typing import TypeVar

import trio
import trio.testing

from actors.actor import Actor
from actors.exits import ExitReason
from actors.monitors import Down
from actors.ref import ActorRef
from actors.registry import Address
from actors.system import ActorSystem

M = TypeVar("M")

PROBE_TIMEOUT_SECONDS = 5.0
"""How long a probe waits for what should come; with `autojump_clock` it costs no real time."""


class ManualClock:
    """A clock that stands still until it is moved; give it to `open_actor_system(stall_clock=...)`."""

    def __init__(self, now: float = 0.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """The time."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class _ProbeActor(Actor):
    """Traps exits, keeps every message, answers an ask with what the test has prepared."""

    mailbox_limit = 100_000

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        self.trap_exit = True

    def handle(self, message: object) -> object:
        self.probe.received.append(message)
        self.probe._arrival.set()
        return self.probe.answer


class Probe:
    """An actor under a test's control. Make it with `open_probe`.

    Attributes:
        ref: Its address; give it to the actors under test.
        received: What it was told and nobody has taken yet, oldest first. Exit and Down included.
        answer: What it answers when asked.
    """

    def __init__(self) -> None:
        self.ref: ActorRef
        self.received: deque[object] = deque()
        self.answer: object = None
        self._arrival = trio.Event()

    async def receive(self, kind: type[M], timeout: float = PROBE_TIMEOUT_SECONDS) -> M:
        """Take the next message of a type, waiting for it; others are left where they are.

        Raises:
            trio.TooSlowError: None came in time.
        """
        with trio.fail_after(timeout):
            while True:
                for message in self.received:
                    if isinstance(message, kind):
                        self.received.remove(message)
                        return message
                self._arrival = trio.Event()
                await self._arrival.wait()

    def link(self, target: Address) -> None:
        """Link the probe with an actor; an Exit will come."""
        self._actor.link(target)

    def monitor(self, target: Address) -> None:
        """Watch an actor; a Down will come."""
        self._actor.monitor(target)

    async def expect_down(self, target: ActorRef, timeout: float = PROBE_TIMEOUT_SECONDS) -> ExitReason:
        """Wait for the Down of an actor that is monitored, and return its reason."""
        down = await self.receive(Down, timeout)
        assert down.ref is target, f"expected the end of {target}, got that of {down.ref}"
        return down.reason

    @property
    def _actor(self) -> Actor:
        actor = self.ref._actor
        assert actor is not None, "the probe is dead"
        return actor


async def open_probe(system: ActorSystem) -> Probe:
    """Start a probe; it ends with the system."""
    probe = Probe()
    probe.ref = await system.start(lambda: _ProbeActor(probe))
    return probe


async def settle() -> None:
    """Wait until no task can go on without something from outside: every mailbox is then empty.

    Actors whose handlers wait (for a timer, a socket, an answer) count as settled.
    """
    await trio.testing.wait_all_tasks_blocked()
