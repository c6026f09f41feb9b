"""Makes one batch of submissions durable, and decides what each way of failing means.

    bad input      that submission alone gets InvalidOperationError; the others are committed without it
    map full       aborted; the map is grown and the batch written again as a new transaction;
                   if it cannot grow, as disk full
    disk full      aborted; a batch that makes room is given the ballast and written again; any other gets
                   StorageFullError; the environment is opened anew if LMDB gave up on it
    anything else  JournalFailedError, for good: the outcome is unknown, and a second fsync would lie
                   (it may report success for pages that the kernel has already thrown away)

Talks to: the environment, as its one writer. Not here: queue, threads, callbacks (journal.py).
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Sequence

import lmdb

from storage import batch
from storage.environment import Environment, disk_free_bytes
from storage.errors import JournalError, JournalFailedError, MapTooSmallError, StorageFullError
from storage.tables import Op, only_grows

log = logging.getLogger("roost.storage")

DISK_FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT)

# LMDB turns a write that was cut short by a full disk into EIO. It writes at most 64 pages in a go, so less
# than that is free then. A real EIO on a disk with more room than that is never taken for a full one.
FULL_DISK_FREE_BYTES = 64 * 4096

# What a malformed operation makes Python or LMDB raise before anything is committed.
BAD_INPUT = (TypeError, ValueError, KeyError, AttributeError, lmdb.BadValsizeError)


class Committer:
    """The writing side of one environment."""

    __slots__ = ("_attempt", "_environment")

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        # The number of the transaction that was begun last.
        self._attempt = 0

    def commit(self, submissions: Sequence[Sequence[Op]]) -> list[JournalError | None]:
        """Write all submissions in one transaction; returns for each its error, None for durable.

        Either all that are not invalid became durable, or none did.

        Raises:
            JournalFailedError: the outcome is unknown; nothing may be committed through this environment any
            more.
        """
        try:
            self._write_growing(submissions)
        except BAD_INPUT as error:
            return self._commit_without_invalid(submissions, error)
        except (MapTooSmallError, lmdb.Error, OSError) as error:
            refused = self._full_or_failed(error)
            if self._can_make_room(submissions, error):
                return self.commit(submissions)
            return [refused] * len(submissions)
        return [None] * len(submissions)

    def spare_bytes(self) -> int:
        """How much more room there is than the reserve; new messages may be stored unless it is negative."""
        spare = self._environment.room_bytes() - self._environment.reserve_bytes
        ballast = self._environment.ballast
        if 0 < ballast.missing_bytes <= spare:
            ballast.refill()
        return spare

    def _write_growing(self, submissions: Sequence[Sequence[Op]]) -> None:
        """Write the batch; as often as the map is too small for it, double the map and write it again."""
        while True:
            try:
                self._write(submissions)
                break
            except lmdb.MapFullError:
                # The transaction is aborted: nothing of it is there. LMDB demands that before the map is
                # moved.
                self._environment.grow()
        self._environment.grow_if_due()

    def _write(self, submissions: Sequence[Sequence[Op]]) -> None:
        tables = batch.merge(submissions)
        if not tables:
            return
        txn = self._environment.begin_write()
        self._attempt = txn.id()
        try:
            batch.apply(txn, self._environment.database, tables)
        except BaseException:
            txn.abort()
            raise
        # Returns when data and meta page are on the disk. If it raises, LMDB has aborted the transaction.
        txn.commit()

    def _commit_without_invalid(
        self, submissions: Sequence[Sequence[Op]], cause: Exception
    ) -> list[JournalError | None]:
        errors: list[JournalError | None] = [
            batch.check(ops, self._environment.has_table) for ops in submissions
        ]
        valid = [ops for ops, error in zip(submissions, errors, strict=True) if error is None]
        if len(valid) == len(submissions):
            # Every operation is well formed, so this is a bug of ours, and what state it left is anybody's
            # guess.
            raise JournalFailedError(f"a batch was refused without a reason: {cause!r}") from cause
        log.error("invalid_operations", extra={"submissions": len(submissions) - len(valid)})
        rest = iter(self.commit(valid))
        return [next(rest) if error is None else error for error in errors]

    def _full_or_failed(self, error: Exception) -> StorageFullError:
        """The error that a batch is answered with, if the journal can go on.

        Raises:
            JournalFailedError: it cannot.
        """
        if not (isinstance(error, MapTooSmallError) or self._is_disk_full(error)):
            raise JournalFailedError(f"a commit failed: {error}") from error
        self._recover_from_panic(error)
        log.error("storage_full", extra={"reason": str(error)})
        return StorageFullError(f"storage is full: {error}")

    def _can_make_room(self, submissions: Sequence[Sequence[Op]], error: Exception) -> bool:
        """Give up the ballast for a batch that did not fit on the disk, if the batch will empty it.

        A batch with a new message in it will not, and is refused; without it the others come again.
        """
        if isinstance(error, MapTooSmallError) or any(only_grows(ops) for ops in submissions):
            return False
        return self._environment.ballast.spend()

    def _is_disk_full(self, error: Exception) -> bool:
        code = error.errno if isinstance(error, OSError) else getattr(error, "code", 0)
        if code in DISK_FULL_ERRNOS:
            return True
        return code == errno.EIO and disk_free_bytes(self._environment.folder) < FULL_DISK_FREE_BYTES

    def _recover_from_panic(self, cause: Exception) -> None:
        """Open the environment anew if a meta page could not be written: until then even reads fail.

        Raises:
            JournalFailedError: the transaction that was reported as failed is there all the same.
        """
        try:
            with self._environment.read():
                return
        except lmdb.PanicError:
            self._environment.reopen()
        log.warning("environment_reopened", extra={"reason": str(cause)})
        if self._environment.last_transaction() >= self._attempt:
            raise JournalFailedError(f"a failed commit left its mark: {cause}") from cause
