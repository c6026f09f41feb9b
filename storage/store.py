"""The store as one worker sees it: its own environment for writing, those of the other workers for reading.

    environment 0      the directory (phones, static keys, codes), and the users of worker 0's slots
    environment k      the users of worker k's slots

Every row has one writer, the worker that owns it; so there are no locks and no transactions across
environments. What belongs to two of them is written in an order in which a crash between does no harm.
Readers anywhere see what is durable, of everybody.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import lmdb

from protocol.ids import UserId
from protocol.slots import owner_of, slot_of
from storage.environment import (
    DEFAULT_MAP_BYTES,
    DEFAULT_RESERVE_BYTES,
    Environment,
    Readable,
    Reader,
    open_environment,
)
from storage.errors import FolderUnusableError, NoStoreError, UnreadableStoreError
from storage.layout import read_layout
from storage.peer import PeerEnvironment

log = logging.getLogger("roost.storage")

DIRECTORY_ENVIRONMENT = 0

LEFTOVER_PATIENCE_SECONDS = 5.0
"""How long to wait for a worker whose parent was killed: it notices at once, and ends its journal."""


class Store:
    """All environments of a node; one of them is this worker's own.

    Made by `open_store`. A test or simulation with several workers in one process opens every environment
    once, and makes a `Store(each, all_of_them)` for each.
    """

    def __init__(self, own: Environment, environments: Sequence[Readable] | None = None) -> None:
        """Bring environments together.

        Args:
            own: this worker's; it is closed with the store.
            environments: all, in the order of their numbers, `own` at its place; None if it is the only one.
        """
        self.own = own
        self.worker = own.number
        self._environments: tuple[Readable, ...] = (own,) if environments is None else tuple(environments)
        self.workers = len(self._environments)
        if self._environments[self.worker] is not own:
            raise ValueError(f"environment {self.worker} of all is not the own one")

    def owner(self, user: UserId) -> int:
        """The number of the worker that owns `user`."""
        return owner_of(slot_of(user), self.workers)

    def owns(self, user: UserId) -> bool:
        """Whether `user` is this worker's."""
        return self.owner(user) == self.worker

    def read_of(self, user: UserId) -> Reader:
        """A read transaction in the environment that has the rows of `user`, to be entered with `with`.

        What another worker has on its way to the disk is not seen.
        """
        return self._environments[self.owner(user)].read()

    def read_directory(self) -> Reader:
        """A read transaction in the environment of the directory: phones, static keys, codes."""
        return self._environments[DIRECTORY_ENVIRONMENT].read()

    def clear_stale_readers(self) -> int:
        """Free the read slots that killed processes left in the own environment; returns how many.

        To be called now and then: a stale one keeps every page that was freed since from being used again.
        """
        freed = self.own.reader_check()
        if freed:
            log.info("stale_readers_cleared", extra={"readers": freed})
        return freed

    def close(self) -> None:
        """Close the own environment and what `open_store` has opened beside it. Close the journal first."""
        for environment in self._environments:
            if isinstance(environment, PeerEnvironment):
                environment.close()
        self.own.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_store(
    data: Path,
    worker: int,
    *,
    map_bytes: int = DEFAULT_MAP_BYTES,
    max_map_bytes: int | None = None,
    reserve_bytes: int = DEFAULT_RESERVE_BYTES,
) -> Store:
    """Open the store in the data folder `data` as worker `worker`, after `prepare_store`.

    Only the own environment is opened at once; the others when they are first read. Waits some seconds for
    a worker of the same number that is about to end.

    Args:
        data: the data folder.
        worker: the number of the own environment.
        map_bytes: address space to start with, for each environment.
        max_map_bytes: a limit for the growth of the own one, None for as far as the disk has room.
        reserve_bytes: how far from full new messages are refused.

    Raises:
        NoStoreError: nobody has prepared one for a worker of this number.
        DataFolderInUseError: another process has the own environment open.
        FolderUnusableError: the folder cannot be read or written: a disk that has failed, for one.
        UnreadableStoreError: its pages are damaged.
        CorruptLayoutError, SchemaTooNewError: it cannot be used.
    """
    layout = read_layout(data)
    if not 0 <= worker < layout.environments:
        raise NoStoreError(data)
    try:
        own = open_environment(
            data,
            worker,
            patience=LEFTOVER_PATIENCE_SECONDS,
            map_bytes=map_bytes,
            max_map_bytes=max_map_bytes,
            reserve_bytes=reserve_bytes,
        )
    except OSError as error:
        raise FolderUnusableError(data, error) from error
    except lmdb.Error as error:
        raise UnreadableStoreError(data, str(error)) from error
    peers = (PeerEnvironment(data, number, map_bytes=map_bytes) for number in range(layout.environments))
    return Store(own, [own if peer.number == worker else peer for peer in peers])
