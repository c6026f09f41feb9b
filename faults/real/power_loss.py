"""Faults: the power goes. What a store had not synced is lost in part, or comes in another order.

Killing a process loses nothing that it has written: the kernel has it. So what a worker does to its file is
recorded, all processes are killed in one moment, and the file is replaced by one that a disk might have had.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import trio

from faults.real.arena import Arena
from faults.real.fault import Broken, Fault, Stroke
from faults.real.images import Loss, Platter
from faults.real.needs import Need
from faults.real.node import NodeProcess
from faults.real.pauses import stopped
from faults.real.processes import PROC
from faults.real.replay import Outcome, RecordingError, replay
from faults.real.strace import Event, read_events
from faults.real.tracer import recorded
from storage import verify
from storage.folder import durable_folder

SYNCED_SECONDS = 30.0
"""For a worker to have synced its file once since the recording began: only from there on is it known."""

POLL_SECONDS = 0.2  # of a file that strace writes

REPLAYED_SUBMISSIONS = 250
REPLAYED_IMAGES = (100, 400)


# ---- a node ----


@dataclass(frozen=True, slots=True)
class _Tape:
    """The recording of one worker, and what was in its file as it began."""

    file: Path
    before: bytes
    recording: Path
    synced: tuple[int, ...]
    positions: dict[int, int]
    syncs: int
    """How often it had synced its file by then."""

    def events(self) -> Iterator[Event]:
        with self.recording.open() as lines:
            yield from read_events(lines, synced=self.synced, positions=self.positions)

    def has_synced(self) -> bool:
        """Whether all that was written before its file was read is on the disk by now."""
        # A sync that was under way as it was read is one of something before.
        return _count_syncs(self.recording) >= self.syncs + 2


async def _power_loss(arena: Arena, stroke: Stroke) -> str:
    node = arena.node
    with tempfile.TemporaryDirectory(dir=arena.folder) as folder:
        async with AsyncExitStack() as tracers:
            tapes = []
            for number, pid in node.workers_by_number().items():
                tape = await _begin(node, number, pid, Path(folder) / f"{number}.txt", tracers, arena)
                tapes.append(tape)
            await _until_synced(tapes)
            await trio.sleep(stroke.seconds)
            for pid in node.processes():
                os.kill(pid, signal.SIGKILL)
            await node.kill()
        told = [await trio.to_thread.run_sync(_lose, tape, stroke.random) for tape in tapes]
    await node.start()
    return "; ".join(told)


async def _begin(
    node: NodeProcess, number: int, pid: int, recording: Path, tracers: AsyncExitStack, arena: Arena
) -> _Tape:
    file = (durable_folder(node.data, number) / "data.mdb").resolve()
    synced, positions = _descriptors(pid, file)
    await tracers.enter_async_context(recorded(pid, recording, arena.watcher))
    async with stopped(pid):
        # What is in the file by now and was recorded, too, is written once more: to the same end.
        before = await trio.Path(file).read_bytes()
        syncs = _count_syncs(recording)
    return _Tape(file, before, recording, synced, positions, syncs)


def _count_syncs(recording: Path) -> int:
    with recording.open() as lines:
        return sum("fdatasync" in line and line.endswith("= 0\n") for line in lines)


def _descriptors(pid: int, file: Path) -> tuple[tuple[int, ...], dict[int, int]]:
    """The descriptors of a file in a process: those that write through to the disk, and where each stands."""
    synced, positions = [], {}
    for entry in (PROC / str(pid) / "fd").iterdir():
        if entry.readlink() == file:
            lines = (PROC / str(pid) / "fdinfo" / entry.name).read_text().splitlines()
            facts = dict(line.split(":", 1) for line in lines)
            positions[int(entry.name)] = int(facts["pos"])
            if int(facts["flags"], 8) & os.O_DSYNC:
                synced.append(int(entry.name))
    return tuple(synced), positions


async def _until_synced(tapes: list[_Tape]) -> None:
    waiting = list(tapes)
    with trio.move_on_after(SYNCED_SECONDS):
        while waiting:
            await trio.sleep(POLL_SECONDS)
            waiting = [tape for tape in waiting if not tape.has_synced()]
        return
    raise Broken(f"{len(waiting)} workers wrote nothing in {SYNCED_SECONDS:.0f} s: nothing was tried")


def _lose(tape: _Tape, random: Random) -> str:
    """Replace a file by one that a power loss might have left of it; what was lost, in words."""
    platter = Platter(str(tape.file), tape.before)
    for event in tape.events():
        platter.happens(event)
    loss = random.choice(list(Loss))
    at_risk = platter.bytes_at_risk
    tape.file.write_bytes(platter.after(loss, random))
    damage = verify(tape.file.parent)
    if damage:
        raise Broken(f"a power loss left {tape.file.parent.name} damaged: {damage[0]}")
    return f"{tape.file.parent.name}: {loss.value}, of {at_risk} bytes"


# ---- a store by itself ----


async def _replayed(arena: Arena, stroke: Stroke) -> str:
    fewest, most = REPLAYED_IMAGES
    images = fewest + int(stroke.size * (most - fewest))
    folder = arena.folder / "replay"
    folder.mkdir()
    look = partial(
        replay, folder, stroke.random.getrandbits(32), submissions=REPLAYED_SUBMISSIONS, count=images
    )
    try:
        findings = await trio.to_thread.run_sync(look)
    except RecordingError as error:
        raise Broken(str(error)) from error
    finally:
        shutil.rmtree(folder)
    if findings.counts.keys() - {Outcome.WHOLE}:
        raise Broken(f"{findings}: {findings.words[0]}")
    return str(findings)


FAULTS = (
    Fault(
        name="power loss",
        point="All processes of the node end in one moment; of what they had written and not synced, "
        "nothing, the beginning, or any pages or sectors are on the disk (recorded by strace)",
        promise="Each file is whole, to the last page, and the node starts on it.",
        strike=_power_loss,
        needs=(Need.LINUX, Need.STRACE),
        weight=6,
    ),
    Fault(
        name="power loss, replayed",
        point="A store that is not the node's, recorded by strace: any system call on its file, and all, "
        "nothing, the beginning, or any pages or sectors of what was not synced by then are on the disk",
        promise="Each image is whole to the last row, and has everything that was reported as durable.",
        strike=_replayed,
        needs=(Need.LINUX, Need.STRACE),
        weight=3,
    ),
)
