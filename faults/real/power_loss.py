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
from faults.real.processes import PROC, is_running
from faults.real.replay import Outcome, RecordingError, replay
from faults.real.strace import Event, read_events
from faults.real.tracer import recorded
from faults.real.victims import any_worker, until
from storage import verify
from storage.folder import durable_folder

SYNC_SECONDS = 60.0
"""For a worker to sync its file so many times: somebody writes something every second."""

CERTAIN_SYNCS = 2
"""After so many, what is on the disk is known: the first may have begun before the recording."""

MOST_SYNCS = 12

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

    def events(self) -> Iterator[Event]:
        with self.recording.open() as lines:
            yield from read_events(lines, synced=self.synced, positions=self.positions)

    def count_syncs(self) -> int:
        """How often it has synced its file since."""
        with self.recording.open() as lines:
            return sum("fdatasync" in line and line.endswith("= 0\n") for line in lines)


async def _power_loss(arena: Arena, stroke: Stroke) -> str:
    node, random = arena.node, stroke.random
    victim, victim_pid = await any_worker(node, random)
    # Between two commits nothing is at risk: so it goes as a worker is about to sync what it has written.
    last_sync = random.randint(CERTAIN_SYNCS + 1, MOST_SYNCS)
    with tempfile.TemporaryDirectory(dir=arena.folder) as folder:
        async with AsyncExitStack() as tracers:
            tapes = {}
            for number, pid in node.workers_by_number().items():
                recording = Path(folder) / f"{number}.txt"
                last = last_sync if number == victim else None
                tapes[number] = await _begin(node, number, pid, recording, tracers, arena, last)
            await until(
                lambda: not is_running(victim_pid),
                SYNC_SECONDS,
                f"worker {victim} did not sync {last_sync} times in {SYNC_SECONDS:.0f} s: nothing was tried",
            )
            for pid in node.processes():
                os.kill(pid, signal.SIGKILL)
            await node.kill()
        # Of one that has not synced since, nobody knows what of its file is on the disk; it lost nothing.
        known = [tape for tape in tapes.values() if tape.count_syncs() >= CERTAIN_SYNCS]
        told = [await trio.to_thread.run_sync(_lose, tape, random) for tape in known]
    await node.start()
    return "; ".join(told)


async def _begin(
    node: NodeProcess,
    number: int,
    pid: int,
    recording: Path,
    tracers: AsyncExitStack,
    arena: Arena,
    last_sync: int | None,
) -> _Tape:
    file = (durable_folder(node.data, number) / "data.mdb").resolve()
    async with stopped(pid):
        await tracers.enter_async_context(recorded(pid, recording, arena.watcher, last_sync=last_sync))
        synced, positions = _descriptors(pid, file)
        return _Tape(file, await trio.Path(file).read_bytes(), recording, synced, positions)


def _descriptors(pid: int, file: Path) -> tuple[tuple[int, ...], dict[int, int]]:
    """The descriptors of a file in a process: those that write through to the disk, and where each stands."""
    synced, positions = [], {}
    for entry in (PROC / str(pid) / "fd").iterdir():
        # Not asked itself: it may be gone, as the one is that this folder is read with.
        if os.path.realpath(entry) == str(file):
            lines = (PROC / str(pid) / "fdinfo" / entry.name).read_text().splitlines()
            facts = dict(line.split(":", 1) for line in lines)
            positions[int(entry.name)] = int(facts["pos"])
            if int(facts["flags"], 8) & os.O_DSYNC:
                synced.append(int(entry.name))
    return tuple(synced), positions


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
        point="All processes of the node end as a worker is about to sync; of what they had written and not "
        "synced, nothing, the beginning, or any pages or sectors are on the disk (recorded by strace)",
        promise="Each file is whole, to the last page, and the node starts on it.",
        strike=_power_loss,
        needs=(Need.LINUX, Need.ROOT, Need.STRACE),
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
