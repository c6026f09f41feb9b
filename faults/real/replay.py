"""A store is recorded at its work, and brought back from every power loss that could have struck meanwhile.

    python -m faults.real.replay [--seed N] [--submissions N] [--images N] [--without-sync]

The writer is the product's storage code, in a process of its own under strace (recorded_writer.py). From what
it did to its file every image is made that a power loss could have left (images.py), opened by the product's
code again, and compared with what had been promised by then: whole to the last row, and nothing missing.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from random import Random

import lmdb

from faults.real.images import Loss, Platter
from faults.real.recorded_writer import MAP_BYTES, WITHOUT_SYNC
from faults.real.storage_work import Submission, count_stored, draw_submissions, rows_after, stored_rows
from faults.real.strace import WORDS, Event, Said, read_events
from storage import StorageError, check_records, open_environment, verify
from storage.folder import durable_folder

SOURCE = Path(__file__).parents[2]

DEFAULT_SUBMISSIONS = 600
DEFAULT_IMAGES = 3_000

RECORDING_SECONDS = 120.0


class Outcome(Enum):
    """What an image was found to be."""

    WHOLE = "whole"
    CORRUPT = "corrupt"
    """It cannot be opened, or is not what any number of submissions makes."""
    LOST = "lost"
    """Something is missing that had been promised."""


@dataclass(frozen=True, slots=True)
class Image:
    """What a power loss has left, and what had been promised by then."""

    point: int
    """How many of the recorded events had happened."""
    loss: Loss
    content: bytes
    promised: int


@dataclass(slots=True)
class Findings:
    """What was found in the images."""

    counts: Counter[Outcome] = field(default_factory=Counter)
    bytes_at_risk: int = 0
    """How much was not synced at the power losses together: with nothing at risk, nothing was tried."""
    words: list[str] = field(default_factory=list)
    """Of each image that is not whole, what is wrong."""

    @property
    def images(self) -> int:
        return self.counts.total()

    def __str__(self) -> str:
        return (
            f"{self.images} images, {self.counts[Outcome.CORRUPT]} corrupt, {self.counts[Outcome.LOST]} lost "
            "something"
        )


class RecordingError(Exception):
    """The writer could not be recorded, so nothing was tried."""


def record(folder: Path, seed: int, submissions: int, *, sync: bool = True) -> list[Event]:
    """Have a writer store submissions in an empty folder, and write down what it does.

    Raises:
        RecordingError: it did not come to its end.
    """
    data, recording = folder / "recorded", folder / "strace.txt"
    writer = [sys.executable, "-m", "faults.real.recorded_writer", str(data), str(seed), str(submissions)]
    if not sync:
        writer.append(WITHOUT_SYNC)
    with (folder / "said.txt").open("wb") as said:
        done = subprocess.run(
            [*WORDS, "--seccomp-bpf", "-o", str(recording), *writer],
            cwd=SOURCE,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.PIPE,
            timeout=RECORDING_SECONDS,
            check=False,
        )
    if done.returncode != 0:
        raise RecordingError(f"the writer ended with {done.returncode}: {done.stderr.decode().strip()}")
    with recording.open() as lines:
        return list(read_events(lines))


def store_file(folder: Path) -> str:
    """The file that `record` has its writer write, as events name it."""
    return str((durable_folder(folder / "recorded", 0) / "data.mdb").resolve())


def images(events: Sequence[Event], file: str, random: Random, count: int) -> Iterator[Image]:
    """Images of a file, as power losses leave them: of every kind at each event, or a sample of them."""
    # Saying something changes no file: a power loss is one right before that, or right after.
    points = [point for point, event in enumerate(events) if not isinstance(event, Said)] + [len(events)]
    chosen = list(itertools.product(points, Loss))
    if len(chosen) > count:
        chosen = sorted(random.sample(chosen, count), key=lambda each: each[0])
    platter = Platter(file)
    promised = happened = 0
    for point, loss in chosen:
        for event in events[happened:point]:
            platter.happens(event)
            if isinstance(event, Said):
                promised = int(event.data.split()[-1])
        happened = point
        during = events[point] if point < len(events) else None
        yield Image(point, loss, platter.after(loss, random, during), promised)


def examine(image: Image, folder: Path, submissions: Sequence[Submission]) -> tuple[Outcome, str]:
    """Put an image in the place of a store, and open it; returns what it is, and in words what is wrong."""
    shutil.rmtree(folder, ignore_errors=True)
    durable = durable_folder(folder, 0)
    durable.mkdir(parents=True)
    if image.content:  # else there was no such file yet
        (durable / "data.mdb").write_bytes(image.content)
        damage = verify(durable)
        if damage:
            return Outcome.CORRUPT, damage[0]
    try:
        with open_environment(folder, map_bytes=MAP_BYTES, reserve_bytes=0) as environment:
            damaged = check_records(environment)
            if damaged:
                return Outcome.CORRUPT, str(damaged[0])
            with environment.read() as reader:
                stored, rows = count_stored(reader), stored_rows(reader)
    except (StorageError, lmdb.Error) as error:
        return Outcome.CORRUPT, str(error)
    if stored < image.promised:
        return Outcome.LOST, f"{image.promised} were promised and {stored} are there"
    if rows != rows_after(submissions[:stored]):
        return Outcome.CORRUPT, f"it says that it has {stored}, and its rows are not theirs"
    return Outcome.WHOLE, ""


def replay(folder: Path, seed: int, *, submissions: int, count: int, sync: bool = True) -> Findings:
    """Record a writer, and look at up to `count` images of power losses during its work."""
    random = Random(seed)
    work = draw_submissions(seed, submissions)
    events = record(folder, seed, submissions, sync=sync)
    findings = Findings()
    for image in images(events, store_file(folder), random, count):
        outcome, words = examine(image, folder / "image", work)
        findings.counts[outcome] += 1
        if outcome is not Outcome.WHOLE:
            findings.words.append(f"at event {image.point}, {image.loss.value}: {words}")
    return findings


def main(words: Sequence[str] | None = None) -> int:
    """Record, replay, and say what was found; 1 if something was corrupt or lost."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0, help="what the work and the images are drawn from")
    parser.add_argument("--submissions", type=int, default=DEFAULT_SUBMISSIONS, help="how many are stored")
    parser.add_argument("--images", type=int, default=DEFAULT_IMAGES, help="how many are looked at, at most")
    parser.add_argument(WITHOUT_SYNC, action="store_true", help="a store that does not wait for the disk")
    args = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        findings = replay(
            Path(folder),
            args.seed,
            submissions=args.submissions,
            count=args.images,
            sync=not args.without_sync,
        )
    print(findings)
    for line in findings.words[:5]:
        print(f"  {line}")
    return 0 if findings.counts.keys() <= {Outcome.WHOLE} else 1


if __name__ == "__main__":
    sys.exit(main())
