"""Makes the store in a data folder ready for a node with so many workers, before any of them starts.

This is the one place where environments are created, migrated, filled from one another and removed. It runs
in the node's parent process, which holds the folder's lock from then on; workers only open what it has left.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import lmdb

from protocol.slots import check_workers
from storage import resharding
from storage.environment import DEFAULT_MAP_BYTES, DEFAULT_RESERVE_BYTES, Environment, open_environment
from storage.errors import (
    FolderUnusableError,
    MissingEnvironmentError,
    StorageError,
    UnreadableStoreError,
)
from storage.folder import FolderLock, durable_folder, environment_numbers, layout_file, prepare_folder
from storage.layout import Layout, read_layout, write_layout
from storage.resharding import Tell
from storage.restoration import finish_restore
from storage.routing import create_routing_table
from storage.store import LEFTOVER_PATIENCE_SECONDS

log = logging.getLogger("roost.storage")


def prepare_store(
    data: Path,
    workers: int,
    progress: Tell,
    *,
    map_bytes: int = DEFAULT_MAP_BYTES,
    reserve_bytes: int = DEFAULT_RESERVE_BYTES,
) -> FolderLock:
    """Make the store in `data` ready for workers 0 to `workers` - 1; only in the node's parent process.

    Creates what is not there, brings an older schema up to date, moves users if the number of workers has
    changed, and empties the presence and routing table. Blocks for as long as that takes. Killed anywhere, it
    is repeated by the next start, and no row is lost or doubled.

    Args:
        data: the data folder; made if it is not there.
        workers: how many workers will run.
        progress: told in a line what takes long.
        map_bytes: address space for each environment.
        reserve_bytes: how much of the disk stays free.

    Returns:
        The right to run a node in this folder: a context manager, to be held until the workers have ended.

    Raises:
        FolderUnusableError: the folder cannot be made, read or written.
        DataFolderInUseError: another node runs here, or a worker that a killed one left behind does not end.
        NoRoomToMoveError: users have to move, and there is no room for their copies. Nothing was changed.
        StorageError: the store is too new, incomplete or damaged, or the disk was full. Nothing is lost.
        ValueError: there cannot be so many workers.
    """
    check_workers(workers)
    try:
        return _prepare_locked(data, workers, progress, map_bytes, reserve_bytes)
    except OSError as error:
        raise FolderUnusableError(data, error) from error
    except lmdb.Error as error:
        raise UnreadableStoreError(data, str(error)) from error


def _prepare_locked(
    data: Path, workers: int, progress: Tell, map_bytes: int, reserve_bytes: int
) -> FolderLock:
    lock = FolderLock(prepare_folder(data))
    try:
        finish_restore(data)

        def open_one(number: int) -> Environment:
            return open_environment(
                data,
                number,
                patience=LEFTOVER_PATIENCE_SECONDS,
                map_bytes=map_bytes,
                reserve_bytes=reserve_bytes,
            )

        _prepare(data, workers, open_one, progress)
        create_routing_table(data).close()
    except BaseException:
        lock.release()
        raise
    return lock


def _prepare(data: Path, workers: int, open_one: Callable[[int], Environment], tell: Tell) -> None:
    layout = read_layout(data)
    _refuse_missing(data, layout)
    is_new = not environment_numbers(data)
    with ExitStack() as stack:
        environments = [stack.enter_context(open_one(number)) for number in range(layout.environments)]
        if not layout_file(data).exists():
            write_layout(data, layout)
        resharding.sweep(data, environments, layout)
        if workers == layout.environments:
            return
        after = layout.changed_to(workers)
        if not is_new:  # else nobody moves
            resharding.check_room(data, environments, layout, after)
        try:
            added = range(layout.environments, workers)
            environments += [stack.enter_context(open_one(number)) for number in added]
            resharding.copy_moving_users(environments, layout, after, tell)
        except (StorageError, OSError, lmdb.Error):
            # The disk was full all the same. The copies mean nothing yet: give it its room back.
            _close_and_sweep(data, environments, layout)
            raise
        write_layout(data, after)
        if not is_new:
            facts = {"from_workers": layout.environments, "to_workers": workers}
            log.info("layout_changed", extra=facts)
        _close_and_sweep(data, environments, after)


def _close_and_sweep(data: Path, environments: list[Environment], layout: Layout) -> None:
    for surplus in environments[layout.environments :]:
        surplus.close()
    resharding.sweep(data, environments[: layout.environments], layout)


def _refuse_missing(data: Path, layout: Layout) -> None:
    """Refuse a store of which a part is not there.

    Raises:
        MissingEnvironmentError: there is a layout, so there was a store.
    """
    if not layout_file(data).exists():
        return
    for number in range(layout.environments):
        folder = durable_folder(data, number)
        if not (folder / "data.mdb").exists():
            raise MissingEnvironmentError(folder)
