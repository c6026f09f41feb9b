"""Faults: a disk on which nothing can be written any more, and single calls to it that fail."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import trio

from faults.real.arena import Arena
from faults.real.fault import Broken, Fault, Stroke
from faults.real.full import small_disk, until_none_refuses
from faults.real.needs import Need
from faults.real.tracer import Failure, failing, has_failed
from faults.real.victims import any_worker, living, until, until_gone, until_killing_is_fair

FAIL_SECONDS = 30.0
"""For a call to come that is to fail: somebody writes something every second."""

SENTENCE_SECONDS = 30.0
"""For the node to say what is wrong with its disk, after somebody has written something."""

MOST_CALLS = 12
"""One of so many calls fails: with the first only, it would always be the same story."""

READ_ONLY = "read-only file system"


# ---- the whole disk ----


async def _read_only_disk(arena: Arena, stroke: Stroke) -> str:
    disk, node = small_disk(arena), arena.node
    before = node.log.stat().st_size
    await disk.fail()
    try:
        await until(
            lambda: READ_ONLY in node.log.read_text(errors="replace")[before:].lower(),
            SENTENCE_SECONDS,
            f"the node did not say within {SENTENCE_SECONDS:.0f} s that its disk is read-only",
        )
        await trio.sleep(stroke.seconds)
        had_ended = not node.is_running
    finally:
        # Its workers end and are started again, until it gives up: it need not have, within these seconds.
        await node.kill()
        await disk.mend()
        await node.start()
    if "Traceback" in node.log.read_text(errors="replace")[before:]:
        raise Broken("the node's log has a traceback instead of a sentence")
    ended = "the node had ended by itself" if had_ended else "the node still tried"
    return f"for {stroke.seconds:.1f} s; {ended}; mounted anew, started again"


# ---- single calls ----


@dataclass(frozen=True, slots=True)
class _Story:
    """What fails in a worker, and what is to come of it."""

    call: str
    error: str
    ends_worker: bool


async def _failing_call(story: _Story, arena: Arena, stroke: Stroke) -> str:
    node = arena.node
    await until_killing_is_fair(node)
    number, pid = await any_worker(node, stroke.random)
    failure = Failure(story.call, story.error, stroke.random.randint(1, MOST_CALLS))
    notes = arena.folder / "strace.txt"
    notes.unlink(missing_ok=True)
    async with failing(pid, failure, notes, arena.watcher):
        await until(
            partial(has_failed, notes),
            FAIL_SECONDS,
            f"worker {number} made no {failure.when} calls of {story.call} in {FAIL_SECONDS:.0f} s: nothing "
            "was tried",
        )
    if story.ends_worker:
        await until_gone(pid)
        await living(node, number, other_than=pid)
    elif node.workers_by_number().get(number) != pid:
        raise Broken(f"worker {number} ended because of {story.error}, for which it need not")
    else:
        await until_none_refuses(node)
    return f"{story.error} for the {failure.when}. {story.call} of worker {number}"


FAULTS = (
    Fault(
        name="read-only disk",
        point="The file system with the data folder takes no writes any more, as after an error of its "
        "device (remount,abort), while messages flow; it is mounted anew later",
        promise="Nothing is ticked; the node says in a sentence that the file system is read-only, and "
        "starts again when it is mounted anew.",
        strike=_read_only_disk,
        seconds=(1.0, 6.0),
        needs=(Need.MOUNT,),
        weight=4,
        errors=("journal_failed", "child_terminated", "storage_full", "supervisor_gave_up", "tree_ended"),
    ),
    Fault(
        name="failing fsync",
        point="fdatasync of a worker's store fails with EIO (strace), at any of its next calls",
        promise="Nothing of that batch is ticked, nor synced again: the worker ends, its successor goes on.",
        strike=partial(_failing_call, _Story("fdatasync", "EIO", ends_worker=True)),
        needs=(Need.ROOT, Need.STRACE),
        errors=("journal_failed", "child_terminated"),
    ),
    Fault(
        name="failing write",
        point="pwrite64 of a worker, of a page or of what ends a transaction, fails with EIO (strace)",
        promise="Nothing of that batch is ticked: the worker ends, and its successor goes on.",
        strike=partial(_failing_call, _Story("pwrite64", "EIO", ends_worker=True)),
        needs=(Need.ROOT, Need.STRACE),
        errors=("journal_failed", "child_terminated"),
    ),
    Fault(
        name="no room at a write",
        point="pwrite64 of a worker, of a page or of what ends a transaction, fails with ENOSPC (strace)",
        promise="That batch is refused with storage-full; the worker goes on in the same process.",
        strike=partial(_failing_call, _Story("pwrite64", "ENOSPC", ends_worker=False)),
        needs=(Need.ROOT, Need.STRACE),
        errors=("storage_full",),
    ),
)
