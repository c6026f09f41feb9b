"""The benches on tractor, where an actor is an OS process running trio.

Stands alone: it is run by the Python of .venv-tractor, because the published tractor needs a trio that is
older than ours. So it prints its figures as JSON by itself. Wall time: processes wait for one another.
"""

import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import tractor
import trio


@tractor.context
async def echo(ctx: tractor.Context) -> None:
    """Answer each message with itself, but None with nothing."""
    await ctx.started()
    async with ctx.open_stream() as stream:
        async for message in stream:
            if message is not None:
                await stream.send(message)


def figure(name: str, value: float, unit: str, note: str) -> None:
    """Print one figure as the harness reads it."""
    print(json.dumps({"name": name, "system": "tractor", "value": value, "unit": unit, "note": note}))


def resident_bytes_of(pid: int) -> int:
    """Memory that a process does not share with others."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))


async def idle_memory(count: int) -> None:
    """Private bytes of an actor's process."""
    async with tractor.open_nursery() as nursery:
        for number in range(count):
            await nursery.start_actor(f"idle-{number}", enable_modules=[__name__])
        total = sum(resident_bytes_of(process.pid) for _, process, _ in nursery._children.values())
        figure("idle_actor_bytes", total / count, "bytes", f"{count} alive, OS processes")
        await nursery.cancel()


async def start_stop(count: int) -> None:
    """Seconds for starting and stopping, as if for a million."""
    began = time.perf_counter()
    async with tractor.open_nursery() as nursery:
        for number in range(count):
            await nursery.start_actor(f"idle-{number}", enable_modules=[__name__])
        await nursery.cancel()
    seconds = (time.perf_counter() - began) * 1_000_000 / count
    figure("start_stop_1m_s", seconds, "s", f"wall time, scaled up from {count}")


async def tell(count: int) -> None:
    """Messages a second; one is asked at the end, so that all have been handled."""
    async with tractor.open_nursery() as nursery:
        portal = await nursery.start_actor("echo", enable_modules=[__name__])
        async with portal.open_context(echo) as (context, _), context.open_stream() as stream:
            began = time.perf_counter()
            for _ in range(count):
                await stream.send(None)
            await stream.send(1)
            await stream.receive()
            figure("tell_per_s", count / (time.perf_counter() - began), "1/s", "wall time, between processes")
        await portal.cancel_actor()


async def ask(count: int) -> None:
    """Microseconds a round trip."""
    async with tractor.open_nursery() as nursery:
        portal = await nursery.start_actor("echo", enable_modules=[__name__])
        async with portal.open_context(echo) as (context, _), context.open_stream() as stream:
            began = time.perf_counter()
            for number in range(count):
                await stream.send(number)
                await stream.receive()
            seconds = time.perf_counter() - began
            figure("ask_us", seconds / count * 1e6, "us", "wall time, between processes")
        await portal.cancel_actor()


WORK: dict[str, Callable[[int], Awaitable[None]]] = {
    "idle_memory": idle_memory,
    "start_stop": start_stop,
    "tell": tell,
    "ask": ask,
}

if __name__ == "__main__":
    trio.run(WORK[sys.argv[1]], int(sys.argv[2]))
