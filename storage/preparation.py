"""Makes the store in a data folder ready for a node with so many workers, before any of them starts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from protocol.slots import check_workers
from storage.environment import DEFAULT_MAP_BYTES, open_environment
from storage.errors import StorageError
from storage.folder import FolderLock, layout_file, prepare_folder
from storage.layout import Layout, read_layout, write_layout
from storage.routing import create_routing_table
from storage.store import LEFTOVER_PATIENCE_SECONDS

Tell = Callable[[str], None]


def prepare_store(
    data: Path, workers: int, progress: Tell, *, map_bytes: int = DEFAULT_MAP_BYTES
) -> FolderLock:
    """Make the store in `data` ready for workers 0 to `workers` - 1; only in the node's parent process.

    Creates what is not there, brings an older schema up to date, moves users if the number of workers has
    changed, and empties the presence and routing table. Blocks for as long as that takes.

    Args:
        data: the data folder; made if it is not there.
        workers: how many workers will run.
        progress: told in a line what takes long.
        map_bytes: address space for each environment.

    Returns:
        The right to run a node in this folder: a context manager, to be held until the workers have ended.

    Raises:
        DataFolderInUseError: another node runs here, or a worker that a killed one left behind does not end.
        StorageError: the store is too new or damaged, or there is no room. Nothing is lost.
        ValueError: there cannot be so many workers.
    """
    check_workers(workers)
    lock = FolderLock(prepare_folder(data))
    try:
        with open_environment(data, patience=LEFTOVER_PATIENCE_SECONDS, map_bytes=map_bytes):
            if not layout_file(data).exists():
                write_layout(data, read_layout(data))
        layout = read_layout(data)
        if layout.environments != workers:
            if layout.environments > workers:
                raise StorageError("fewer workers than before: not yet")
            for number in range(workers):
                open_environment(
                    data, number, patience=LEFTOVER_PATIENCE_SECONDS, map_bytes=map_bytes
                ).close()
            write_layout(data, Layout(workers, layout.generation + 1))
        create_routing_table(data).close()
    except BaseException:
        lock.release()
        raise
    return lock
