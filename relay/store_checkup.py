"""What `roost doctor` looks at in the data folder: who may read it, whether it is whole, whether it has room.

Everything is read only, from outside, so it can be done while a node runs; then pages are not checked one by
one (they change under the eye), but every row is.
"""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from relay.checkup import Finding, Patient, Verdict
from storage import (
    CorruptSecretsError,
    NoStoreError,
    OutsideView,
    StorageError,
    check_records,
    is_backup,
    open_outside,
    read_secrets,
    verify,
)
from storage.directory import compare_directory
from storage.environment import DEFAULT_MAP_BYTES, DEFAULT_RESERVE_BYTES, disk_free_bytes
from storage.folder import FILE_MODE, FOLDER_MODE, environment_numbers, secrets_file
from storage.outside import environment_files
from storage.resharding import needed_bytes
from storage.tables import QUEUE, USERS

Report = Callable[[str, int, int], None]

LOW_DISK_BYTES = 1 << 30
"""Below this the operator should act; at the reserve (64 MiB) messages are refused."""

LOOSE_FACTOR = 4
"""A file so many times longer than what it holds is worth making small again."""

LOOSE_BYTES = 1 << 30

FUTURE_SECONDS = 3_600
"""How far ahead of the clock a file may have been written: another time zone is no excuse, skew is."""


def examine_store(patient: Patient, report: Report) -> Iterator[Finding]:
    """Every check of this module, in the order in which they are shown; `report` is told of long work."""
    data = patient.config.data
    folder = check_folder(data)
    yield folder
    if folder.verdict is Verdict.PROBLEM or not data.is_dir():
        return
    yield check_holder(patient)
    yield check_secrets(data)
    yield check_disk(disk_free_bytes(data))
    try:
        yield from _examine_contents(patient, report)
    except NoStoreError:
        yield Finding("store", Verdict.OK, "none yet: the first start of a node makes one")
    except StorageError as error:
        yield Finding("store", Verdict.PROBLEM, str(error), "restore a backup, or run a matching version")


def check_folder(data: Path) -> Finding:
    """Whether the folder is there, ours, and nobody else's to read."""
    if not data.is_dir():
        advice = "a node makes it at its first start; if there should be one, say where with --data"
        return Finding("data folder", Verdict.WARNING, f"{data} is not there", advice)
    if is_backup(data):
        advice = "put it in place with roost restore; a node does not run in it"
        return Finding("data folder", Verdict.PROBLEM, f"{data} is a backup", advice)
    status = data.stat()
    mode = stat.S_IMODE(status.st_mode)
    if status.st_uid != os.geteuid() and os.geteuid() != 0:
        advice = "run the doctor, and the node, as the folder's owner"
        return Finding("data folder", Verdict.PROBLEM, f"{data} belongs to user {status.st_uid}", advice)
    if mode & ~FOLDER_MODE:
        return Finding(
            "data folder", Verdict.PROBLEM, f"{data} has mode {mode:04o}", f"chmod {FOLDER_MODE:o} {data}"
        )
    return Finding("data folder", Verdict.OK, f"{data}, mode {mode:04o}")


def check_holder(patient: Patient) -> Finding:
    """Who has the folder open. Neither answer is wrong; other findings depend on it."""
    if patient.holder is None:
        return Finding("node", Verdict.OK, "none is running here")
    who = f"process {patient.holder}" if patient.holder else "another process"
    return Finding("node", Verdict.OK, f"running: {who}")


def check_secrets(data: Path) -> Finding:
    """Whether the node's keys are whole, and nobody else's to read."""
    path = secrets_file(data)
    if not path.exists():
        if environment_numbers(data):
            advice = f"restore {path} from a backup: with a new key every phone refuses this relay"
            return Finding("secrets", Verdict.PROBLEM, "the store is there, its secrets are not", advice)
        return Finding("secrets", Verdict.OK, "none yet: the first start of a node makes them")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & ~FILE_MODE:
        return Finding("secrets", Verdict.PROBLEM, f"mode {mode:04o}", f"chmod {FILE_MODE:o} {path}")
    try:
        secrets = read_secrets(data)
    except (CorruptSecretsError, OSError) as error:
        return Finding("secrets", Verdict.PROBLEM, str(error), "restore them from a backup")
    return Finding("secrets", Verdict.OK, f"whole, node {secrets.node_id.hex()}, mode {mode:04o}")


def check_disk(free: int) -> Finding:
    """Whether there is room to take messages, and to act before there is none."""
    seen = f"{free:,} bytes free"
    if free < DEFAULT_RESERVE_BYTES:
        advice = "make room now: messages are refused until there is more than the reserve"
        return Finding("disk", Verdict.PROBLEM, seen, advice)
    if free < LOW_DISK_BYTES:
        return Finding("disk", Verdict.WARNING, seen, "make room, before messages are refused")
    return Finding("disk", Verdict.OK, seen)


def _examine_contents(patient: Patient, report: Report) -> Iterator[Finding]:
    data = patient.config.data
    files = environment_files(data)
    if patient.holder is None:
        # First, and without LMDB: a file whose pages are damaged could crash whoever opens it.
        finding = check_pages(files, report)
        yield finding
        if finding.verdict is not Verdict.OK:
            return
    with open_outside(data) as view:
        finding = check_rows(view, report)
        yield finding
        if finding.verdict is Verdict.OK:
            yield check_directory(view, report)
        # A running node has divided it as it was told to, perhaps by a flag that we do not see.
        workers = patient.config.workers if patient.holder is None else view.layout.environments
        yield check_division(view, workers, disk_free_bytes(data))
        yield check_map(files, view.live_bytes())
    yield check_age(files, patient.clock.now())


def check_pages(files: Sequence[Path], report: Report) -> Finding:
    """Whether the structure of every page is right; only of files that nobody writes to."""
    for number, file in enumerate(files):
        report("checking pages", number, len(files))
        problems = verify(file.parent)
        if problems:
            advice = "do not start a node on it: restore the newest backup (roost restore --force keeps this)"
            seen = f"{len(problems)} damaged in {file.parent.name}: {problems[0]}"
            return Finding("pages", Verdict.PROBLEM, seen, advice)
    return Finding("pages", Verdict.OK, "the structure of every page is right")


def check_rows(view: OutsideView, report: Report) -> Finding:
    """Whether every row has its checksum."""
    rows = view.rows()
    total = sum(rows.values())
    damaged = check_records(
        *view.environments, report=lambda done: report("checking rows", done, max(done, total))
    )
    if damaged:
        advice = "look at the disk (smartctl, dmesg), then restore the newest backup"
        return Finding("rows", Verdict.PROBLEM, f"{len(damaged)} damaged: {damaged[0]}", advice)
    seen = f"{total:,} whole: {rows[USERS]:,} accounts, {rows[QUEUE]:,} queued messages; schema {view.schema}"
    return Finding("rows", Verdict.OK, seen)


def check_directory(view: OutsideView, report: Report) -> Finding:
    """Whether who can be looked up is there, and who is there can be looked up."""
    report("checking directory", 0, 1)
    figures = compare_directory(view)
    report("checking directory", 1, 1)
    if figures.numbers_to_nowhere:
        seen = f"{figures.numbers_to_nowhere:,} numbers lead to no account"
        advice = "parts of the store are of different times: restore the newest backup"
        return Finding("directory", Verdict.PROBLEM, seen, advice)
    cut_short = figures.unfindable_accounts + figures.keys_to_nowhere
    remark = f"; {cut_short:,} left by registrations that were cut short, harmless" if cut_short else ""
    return Finding("directory", Verdict.OK, f"agrees with the accounts{remark}")


def check_division(view: OutsideView, workers: int, free: int) -> Finding:
    """Whether the next start has to move users between workers, and has the room."""
    present = view.layout.environments
    if present == workers:
        return Finding("workers", Verdict.OK, f"the store is divided for {present}")
    needed = needed_bytes(view.environments, view.layout, view.layout.changed_to(workers))
    seen = f"the store is divided for {present}, the settings say {workers}: the next start moves users"
    if free < needed + DEFAULT_RESERVE_BYTES:
        advice = f"make room for {needed:,} bytes, or start it with --workers {present}"
        return Finding("workers", Verdict.PROBLEM, seen, advice)
    return Finding("workers", Verdict.OK, seen)


def check_map(files: Sequence[Path], live: int) -> Finding:
    """How much of the maps is in use, and whether the files are much longer than what they hold."""
    size = sum(file.stat().st_size for file in files)
    maps = f"map {DEFAULT_MAP_BYTES:,}" if len(files) == 1 else f"{len(files)} maps of {DEFAULT_MAP_BYTES:,}"
    seen = f"{live:,} bytes in use, on disk {size:,}, {maps} and growing by itself"
    if size > LOOSE_BYTES and size > LOOSE_FACTOR * live:
        advice = "backup and restore make it small again; free pages in it are used first anyway"
        return Finding("map", Verdict.WARNING, seen, advice)
    return Finding("map", Verdict.OK, seen)


def check_age(files: Sequence[Path], now: float) -> Finding:
    """Whether the store was written in the past."""
    ahead = max(file.stat().st_mtime for file in files) - now
    if ahead > FUTURE_SECONDS:
        seen = f"the store was written {ahead / 3600:.0f} hours from now"
        return Finding("time of the store", Verdict.PROBLEM, seen, "the clock went back: set it, use NTP")
    return Finding("time of the store", Verdict.OK, "in the past")
