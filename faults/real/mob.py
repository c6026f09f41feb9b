"""A mob: peers in numbers, in a process of their own: `python -m faults.real.mob`, the order on its input.

In a process of its own, because what it costs us must not be taken for what it costs the node: the proxy and
the others who are watched live in the run's process. It ends when its order is done, or its input closed.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio

from faults.real.fault import Broken
from faults.real.intruder import door_of
from faults.real.mob_acts import ACTS
from faults.real.mob_order import Order, Tally

if TYPE_CHECKING:
    from faults.real.node import NodeProcess

SOURCE = Path(__file__).parents[2]

SPARE_SECONDS = 60.0
"""What a mob may take besides: it starts, connects, and is not alone on the machine."""

MAX_DESCRIPTORS = 8_000
"""Of the mob and of the node each: what most machines allow without asking."""


async def send_mob(
    node: NodeProcess, kind: str, *, until: Callable[[], Awaitable[None]] = trio.sleep_forever, **rest: Any
) -> Tally:
    """Have a mob do something to a node; returns when it is done and gone.

    Args:
        node: to which.
        kind: what, one of `ACTS`.
        until: returns when it has been enough, before the time is up.
        rest: the other fields of its order.

    Raises:
        Broken: the mob itself failed.
    """
    door = door_of(node)
    order = Order(kind, door.port, door.key.hex(), **rest)
    process = await trio.lowlevel.open_process(
        [sys.executable, "-m", "faults.real.mob"],
        cwd=SOURCE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    said = b""
    try:
        await process.stdin.send_all(order.to_json().encode() + b"\n")
        with trio.move_on_after(order.seconds + SPARE_SECONDS):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_close_when, until, process.stdin)
                async for piece in process.stdout:
                    said += piece
                nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            process.kill()
            await process.wait()
            await process.stdin.aclose()
            await process.stdout.aclose()
    if not said.endswith(b"\n"):
        raise Broken(f"the mob itself failed: {order.kind}")
    return Tally.from_json(said)


async def _close_when(until: Callable[[], Awaitable[None]], wishes: trio.abc.SendStream) -> None:
    await until()
    await wishes.aclose()


async def obey(order: Order, tally: Tally) -> None:
    """Do it, for as long as ordered."""
    with trio.move_on_after(order.seconds):
        await ACTS[order.kind](order, tally)


async def _obey_while_wanted() -> Tally:
    """Do what our input says, until it is done, or the input is closed: that was enough."""
    tally = Tally()
    async with trio.lowlevel.FdStream(os.dup(sys.stdin.fileno())) as wishes, trio.open_nursery() as nursery:
        said = b""
        while not said.endswith(b"\n"):
            piece = await wishes.receive_some()
            if not piece:
                raise SystemExit(1)
            said += piece

        async def end_with_input() -> None:
            await wishes.receive_some()
            nursery.cancel_scope.cancel()

        nursery.start_soon(end_with_input)
        await obey(Order.from_json(said), tally)
        nursery.cancel_scope.cancel()
    return tally


def raise_descriptor_limit() -> None:
    """Take as many as we bind ourselves to, and are allowed without asking anybody."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MAX_DESCRIPTORS)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main() -> None:
    """Read an order, obey, say what was seen."""
    raise_descriptor_limit()
    print(trio.run(_obey_while_wanted).to_json(), flush=True)


if __name__ == "__main__":
    main()
