"""The benches on pykka, where an actor is a thread with an unbounded queue. Wall time, for threads wait."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

import pykka

from bench.micro.harness import Figure, Stopwatch, print_figures, resident_bytes

WAKE_ROUNDS = 50


class Echo(pykka.ThreadingActor):
    """Answers with the question."""

    def on_receive(self, message: object) -> object:
        """Give it back."""
        return message


class Counter(pykka.ThreadingActor):
    """Counts down and opens a gate."""

    def __init__(self, count: int, gate: threading.Event) -> None:
        super().__init__()
        self._left = count
        self._gate = gate

    def on_receive(self, message: object) -> None:
        """Count one."""
        self._left -= 1
        if not self._left:
            self._gate.set()


def idle_memory(count: int) -> list[Figure]:
    """Resident bytes an actor."""
    before = resident_bytes()
    refs = [Echo.start() for _ in range(count)]
    refs[-1].ask(None)
    grown = resident_bytes() - before
    pykka.ActorRegistry.stop_all()
    return [Figure("idle_actor_bytes", "pykka", grown / count, "bytes", note=f"{count:,} alive, threads")]


def start_stop(count: int) -> list[Figure]:
    """Seconds for starting and stopping, as if for a million."""
    watch = Stopwatch()
    for _ in range(count):
        Echo.start()
    pykka.ActorRegistry.stop_all()
    seconds = watch.wall_seconds() * 1_000_000 / count
    return [Figure("start_stop_1m_s", "pykka", seconds, "s", note=f"wall time, scaled up from {count:,}")]


def tell(count: int) -> list[Figure]:
    """Messages a second, told and handled."""
    gate = threading.Event()
    counter = Counter.start(count, gate)
    watch = Stopwatch()
    for _ in range(count):
        counter.tell(None)
    gate.wait()
    seconds = watch.wall_seconds()
    counter.stop()
    return [Figure("tell_per_s", "pykka", count / seconds, "1/s", note="wall time, unbounded queue")]


def ask(count: int) -> list[Figure]:
    """Microseconds a round trip."""
    echo = Echo.start()
    watch = Stopwatch()
    for number in range(count):
        echo.ask(number)
    seconds = watch.wall_seconds()
    echo.stop()
    return [Figure("ask_us", "pykka", seconds / count * 1e6, "us", note="wall time")]


def wake(count: int) -> list[Figure]:
    """Microseconds a wake, in rounds that wake `count` actors each."""
    gates = [threading.Event() for _ in range(WAKE_ROUNDS)]
    refs = [Echo.start() for _ in range(count)]
    last = [Counter.start(1, gate) for gate in gates]
    watch = Stopwatch()
    for round_ in range(WAKE_ROUNDS):
        for ref in refs:
            ref.tell(None)
        last[round_].tell(None)
        gates[round_].wait()
    seconds = watch.wall_seconds()
    pykka.ActorRegistry.stop_all()
    note = f"wall time, {count:,} a turn"
    return [Figure("wake_us", "pykka", seconds / (WAKE_ROUNDS * (count + 1)) * 1e6, "us", note=note)]


WORK: dict[str, Callable[[int], list[Figure]]] = {
    "idle_memory": idle_memory,
    "start_stop": start_stop,
    "tell": tell,
    "ask": ask,
    "wake": wake,
}

if __name__ == "__main__":
    print_figures(WORK[sys.argv[1]](int(sys.argv[2])))
