"""Asking: the round trip between two actors that have nothing else to do."""

from __future__ import annotations

from actors import Actor, ActorRef, open_actor_system
from bench.micro.harness import Figure, Stopwatch, run_bench


class Echo(Actor):
    """Answers with the question."""

    __slots__ = ()

    def handle(self, message: object) -> object:
        """Give it back."""
        return message


class Asker(Actor):
    """Asks again and again, and answers with the CPU seconds that it took."""

    __slots__ = ("_echo",)

    def __init__(self, echo: ActorRef) -> None:
        self._echo = echo

    async def handle(self, message: object) -> float:
        """Ask as often as the message says."""
        assert isinstance(message, int)
        echo = self._echo
        watch = Stopwatch()
        for number in range(message):
            await echo.ask(number)
        return watch.cpu_seconds()


async def measure(count: int) -> list[Figure]:
    """Microseconds of CPU time a round trip, timeout included."""
    async with open_actor_system() as system:
        echo = await system.start(Echo)
        asker = await system.start(lambda: Asker(echo))
        await asker.ask(min(count, 1_000), timeout=600)  # warm
        seconds = await asker.ask(count, timeout=600)
    return [Figure("ask_us", "roost", seconds / count * 1e6, "us", note="CPU time")]


if __name__ == "__main__":
    run_bench(measure)
