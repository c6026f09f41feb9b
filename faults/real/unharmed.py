"""Others, who belong to a worker that a fault does not touch, and must not notice it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from faults.real.bystanders import open_bystanders
from faults.real.intruder import door_of
from faults.real.rogues import Account, rogues_of
from protocol import UserId
from protocol.slots import owner_of, slot_of

if TYPE_CHECKING:
    from faults.real.arena import Arena

MOST_ACCOUNTS = 24
"""That so many belong to one of two workers is once in sixteen million."""

FEWEST_ACCOUNTS = 4


@asynccontextmanager
async def unharmed(arena: Arena, worker: int) -> AsyncIterator[None]:
    """Have two users of other workers than this one write to each other for the length of a block.

    Raises:
        Broken: they were cut off or refused, or waited.
    """
    if arena.node.worker_count == 1:
        yield  # there is nobody else
        return
    async with open_bystanders(door_of(arena.node), await _pair(arena, worker)):
        yield


async def _pair(arena: Arena, worker: int) -> list[Account]:
    """Two accounts of the same worker, which is another."""
    workers = arena.node.worker_count
    for count in range(FEWEST_ACCOUNTS, MOST_ACCOUNTS):
        at: dict[int, list[Account]] = {}
        for account in await rogues_of(arena).take(count):
            at.setdefault(owner_of(slot_of(UserId(account.user)), workers), []).append(account)
        pair = next((all_[:2] for number, all_ in at.items() if number != worker and len(all_) > 1), None)
        if pair is not None:
            return pair
    raise AssertionError(f"{MOST_ACCOUNTS} users belong to worker {worker}")
