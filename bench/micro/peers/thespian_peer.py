"""The benches on thespian with its simple base: all actors in one process, run within the teller's call."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import timedelta

from thespian.actors import Actor, ActorExitRequest, ActorSystem

from bench.micro.harness import Figure, Stopwatch, print_figures, resident_bytes

BASE = "simpleSystemBase"
PATIENCE = timedelta(seconds=60)


class Echo(Actor):
    """Answers with the question, unless it was merely told."""

    def receiveMessage(self, message: object, sender: object) -> None:  # noqa: N802 - thespian's name
        """Give it back."""
        if isinstance(message, int):
            self.send(sender, message)


def idle_memory(count: int) -> list[Figure]:
    """Resident bytes an actor."""
    system = ActorSystem(BASE)
    before = resident_bytes()
    for _ in range(count):
        system.createActor(Echo)
    grown = resident_bytes() - before
    system.shutdown()
    return [
        Figure("idle_actor_bytes", "thespian", grown / count, "bytes", note=f"{count:,} alive, simple base")
    ]


def start_stop(count: int) -> list[Figure]:
    """CPU seconds for starting and stopping, as if for a million."""
    system = ActorSystem(BASE)
    watch = Stopwatch()
    refs = [system.createActor(Echo) for _ in range(count)]
    for ref in refs:
        system.tell(ref, ActorExitRequest())
    seconds = watch.cpu_seconds() * 1_000_000 / count
    system.shutdown()
    return [Figure("start_stop_1m_s", "thespian", seconds, "s", note=f"CPU time, scaled up from {count:,}")]


def tell(count: int) -> list[Figure]:
    """Messages a second, told and handled."""
    system = ActorSystem(BASE)
    echo = system.createActor(Echo)
    watch = Stopwatch()
    for _ in range(count):
        system.tell(echo, "tick")
    seconds = watch.cpu_seconds()
    system.shutdown()
    return [
        Figure("tell_per_s", "thespian", count / seconds, "1/s", note="CPU time, handled within the call")
    ]


def ask(count: int) -> list[Figure]:
    """Microseconds a round trip."""
    system = ActorSystem(BASE)
    echo = system.createActor(Echo)
    watch = Stopwatch()
    for number in range(count):
        system.ask(echo, number, PATIENCE)
    seconds = watch.cpu_seconds()
    system.shutdown()
    return [
        Figure("ask_us", "thespian", seconds / count * 1e6, "us", note="CPU time, handled within the call")
    ]


WORK: dict[str, Callable[[int], list[Figure]]] = {
    "idle_memory": idle_memory,
    "start_stop": start_stop,
    "tell": tell,
    "ask": ask,
}

if __name__ == "__main__":
    print_figures(WORK[sys.argv[1]](int(sys.argv[2])))
