"""faults/real/kills.py: each strike at a real node kills what it says; with the other faults of processes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import cast

import pytest
import trio
from trio.testing import MockClock

from faults.real import clocks, kills, limits, pauses, victims
from faults.real.arena import Arena
from faults.real.bystanders import open_bystanders
from faults.real.crowd import Crowd
from faults.real.fault import Broken, Fault, Stroke
from faults.real.intruder import Door
from faults.real.moments import Moment, lay
from faults.real.node import NodeProcess
from faults.real.orphans import Watcher
from faults.real.proxy import open_proxy
from faults.real.rogues import Account, rogues_of
from faults.real.unharmed import unharmed
from protocol import UserId
from protocol.slots import owner_of, slot_of

FAULTS = {fault.name: fault for fault in (*kills.FAULTS, *pauses.FAULTS, *limits.FAULTS, *clocks.FAULTS)}

WORKERS = 2
OF_STRIKES = 20
"""Accounts that strikes have for themselves: two of each worker are among them, but once in 25,000."""


def stroke(size: float = 0.0, seconds: float = 0.2) -> Stroke:
    return Stroke(seconds, size, Random(7))


@asynccontextmanager
async def an_arena(folder: Path) -> AsyncIterator[Arena]:
    """A node, and instead of a crowd a few who write through the proxy to others of each worker."""
    with Watcher() as watcher:
        node = NodeProcess(folder / "node", workers=WORKERS, minder=watcher)
        try:
            await node.start()
            async with open_proxy(node.port) as proxy, trio.open_nursery() as nursery:
                arena = Arena(folder, node, proxy, cast("Crowd", None), None, watcher, lambda _text: None)
                for pair in await pairs_for_each_worker(arena):
                    nursery.start_soon(talk, arena, proxy.port, pair)
                yield arena
                nursery.cancel_scope.cancel()
            assert await node.stop() == 0
        finally:
            await node.close()


async def pairs_for_each_worker(arena: Arena) -> list[tuple[Account, Account]]:
    """Writers, and a reader of each worker: messages lie where their readers belong."""
    for count in range(2 * WORKERS, 20):
        accounts = (await rogues_of(arena).take(OF_STRIKES + count))[OF_STRIKES:]
        readers = {owner_of(slot_of(UserId(each.user)), WORKERS): each for each in accounts}
        writers = [each for each in accounts if each not in readers.values()]
        if len(readers) == len(writers[:WORKERS]) == WORKERS:
            return list(zip(writers, readers.values(), strict=False))
    raise AssertionError("all users belong to the same worker")


async def talk(arena: Arena, port: int, pair: tuple[Account, Account]) -> None:
    """Write to somebody; come again when cut off."""
    while True:
        try:
            async with open_bystanders(Door(port, arena.node.key), pair):
                await trio.sleep_forever()
        except Broken:
            pass  # that is what all this is about


async def strike(arena: Arena, name: str, stroke: Stroke) -> str:
    fault: Fault = FAULTS[name]
    told = await fault.strike(arena, stroke)
    await arena.node.until_ready(60.0)
    return told


@pytest.mark.slow
@pytest.mark.timeout(300)  # workers start seven times; alone on a machine it is 10 s
async def test_what_a_strike_says_has_happened_to_a_node(tmp_path: Path) -> None:
    async with an_arena(tmp_path) as arena:
        node = arena.node

        async def ends_by(name: str, size: float = 0.0) -> int:
            """How many workers are other processes after a strike."""
            before = node.workers_by_number()
            await strike(arena, name, stroke(size))
            after = node.workers_by_number()
            assert before.keys() == after.keys()
            return sum(before[number] != after[number] for number in before)

        assert await ends_by("kill after deliver", size=0.5) == 1
        assert await ends_by("kill taker in hand-over") == 1
        assert await ends_by("clock jump") == 0
        assert await ends_by("pause worker") == 0
        assert await ends_by("no descriptors") == 0
        assert not list(node.within.iterdir())
        with pytest.raises(Broken, match="others"):
            await kill_the_worker_of_the_unharmed(arena)


async def kill_the_worker_of_the_unharmed(arena: Arena) -> None:
    """There are two workers: those who are not of the one are of the other."""
    pid = arena.node.workers_by_number()[1]
    async with unharmed(arena, 0):
        await victims.kill(arena.node, 1, pid)


async def test_a_moment_that_nobody_comes_by_is_no_success(tmp_path: Path, autojump_clock: MockClock) -> None:
    node = NodeProcess(tmp_path)
    trap = lay(node.within, Moment.AFTER_COMMIT, 0)
    with pytest.raises(Broken, match="nothing was tried"):
        await kills.until_fallen(trap, victims.Watch(node), 0)
    assert not trap.path.exists()


async def test_a_node_whose_worker_does_not_end_by_a_trap_breaks_the_promise(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(victims, "POLL_SECONDS", 1.0)
    node = NodeProcess(tmp_path)
    trap = lay(node.within, Moment.AFTER_COMMIT, 0)
    trap.path.rename(f"{trap.path}.fallen-999999999")  # which has ended, and the parent knows nothing of it
    with pytest.raises(Broken, match="the parent never said"):
        await kills.until_fallen(trap, victims.Watch(node), 0)
