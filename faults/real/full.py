"""Faults: a disk or a map that is full. Messages wait on the phones; everything else goes on."""

from __future__ import annotations

from typing import Any

import trio

from faults.real.arena import Arena
from faults.real.disk import MIB, SmallDisk
from faults.real.fault import Broken, Fault, Stroke
from faults.real.needs import Need
from faults.real.node import NodeProcess
from faults.real.small_map import MapLimit, limit_map
from roost.admin import AdminError
from storage import open_outside

NOTICE_SECONDS = 60.0
"""For every worker to refuse messages: each looks when it writes, and somebody writes every second."""

RELIEF_SECONDS = 30.0
"""For every worker to take messages again: each looks once a second. Nobody may have to wait for longer."""

POLL_SECONDS = 0.2  # of the admin endpoint: there is no event to wait for

LEFT_BYTES = (8 * MIB, 48 * MIB)
"""What somebody else leaves of the disk who does not take all of it: less than the node wants to be free."""

SMALLEST_ROOM_BYTES, LARGEST_ROOM_BYTES = 256 * 1024, 32 * MIB
"""What is left of a map that is as good as full."""


# ---- what a node says ----


async def until_all_refuse(node: NodeProcess) -> None:
    """Wait until every worker refuses messages for want of room.

    Raises:
        Broken: not all did in time, so the fault has not been tried.
    """
    await _until(node, full=True, seconds=NOTICE_SECONDS)


async def until_none_refuses(node: NodeProcess) -> None:
    """Wait until every worker takes messages again. Raises Broken if one did not in time."""
    await _until(node, full=False, seconds=RELIEF_SECONDS)


async def _until(node: NodeProcess, *, full: bool, seconds: float) -> None:
    seen = "nothing"
    with trio.move_on_after(seconds):
        while True:
            try:
                workers = (await node.status())["workers"]
            except AdminError as error:
                seen = str(error)
            else:
                others = [f"worker {each['number']}" for each in workers if _is_full(each) is not full]
                if not others:
                    return
                seen = ", ".join(others)
            await trio.sleep(POLL_SECONDS)
    wanted = "refuse messages" if full else "take messages again"
    raise Broken(f"after {seconds:.0f} s these did not {wanted}: {seen}")


def _is_full(worker: dict[str, Any]) -> bool | None:
    """Whether it refuses messages for want of room; None: it does not answer."""
    journal = worker.get("journal")
    return None if journal is None else bool(journal["storage_full"])


# ---- the faults ----


async def _full_disk(arena: Arena, stroke: Stroke) -> str:
    disk, node = small_disk(arena), arena.node
    lives = node.workers_by_number()
    # To the last byte, or so far that what the node keeps free is touched.
    leave = 0 if stroke.size >= 0.5 else stroke.random.randint(*LEFT_BYTES)
    try:
        await trio.to_thread.run_sync(disk.fill, leave)
        await until_all_refuse(node)
        await trio.sleep(stroke.seconds)
    finally:
        disk.empty()
    await until_none_refuses(node)
    _expect_the_same(lives, node)
    return f"{leave / MIB:.0f} MiB were left, for {stroke.seconds:.1f} s"


async def _full_map(arena: Arena, stroke: Stroke) -> str:
    node = arena.node
    await _stop(node)
    with open_outside(node.data) as view:
        live = min(environment.live_bytes() for environment in view.environments)
    # A map cannot be smaller than the file: what is free inside it counts as room, too.
    room = SMALLEST_ROOM_BYTES + int(stroke.size * LARGEST_ROOM_BYTES)
    map_bytes = _longest_file(node) + room
    limit = MapLimit(map_bytes, reserve_bytes=map_bytes - live + MIB)
    limit_map(node.within, limit)
    try:
        await node.start()
        lives = node.workers_by_number()
        await until_all_refuse(node)
        await trio.sleep(stroke.seconds)
        _expect_the_same(lives, node)
        await _stop(node)
    finally:
        limit_map(node.within, None)
    await node.start()
    return f"a map with {room / MIB:.1f} MiB of room, for {stroke.seconds:.1f} s"


def small_disk(arena: Arena) -> SmallDisk:
    """The disk that the node's data is on. Raises Broken if it is an ordinary one."""
    if arena.disk is None:
        raise Broken("the node's data is on no disk of its own")
    return arena.disk


def _longest_file(node: NodeProcess) -> int:
    """How long the longest file of the store is."""
    return max(file.stat().st_size for file in node.data.glob("durable*/data.mdb"))


async def _stop(node: NodeProcess) -> None:
    status = await node.stop()
    if status:
        raise Broken(f"the node ended with status {status} when it was asked to")


def _expect_the_same(lives: dict[int, int], node: NodeProcess) -> None:
    """Raises Broken if a worker has ended meanwhile: want of room is no reason to."""
    now = node.workers_by_number()
    ended = [number for number, pid in lives.items() if now.get(number) != pid]
    if ended:
        raise Broken(f"worker {ended[0]} ended for want of room")


FAULTS = (
    Fault(
        name="full disk",
        point="Somebody else's file takes all of the disk with the data folder, or all but some MiB, while "
        "messages flow",
        promise="Messages are refused with storage-full and wait on the phones; deliveries and "
        "acknowledgements go on, in the same processes; with room again messages are taken within 30 s.",
        strike=_full_disk,
        seconds=(1.0, 6.0),
        needs=(Need.MOUNT,),
        errors=("storage_full",),
    ),
    Fault(
        name="full map",
        point="The node is started with a map of which less is left than the reserve, and that cannot grow",
        promise="Messages are refused with storage-full and wait on the phones; deliveries and "
        "acknowledgements go on, in the same processes.",
        strike=_full_map,
        seconds=(1.0, 6.0),
        weight=5,
        errors=("storage_full",),
    ),
)
