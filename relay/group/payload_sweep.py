"""Begins what a killed worker has left: groups with something on their way, payloads that nobody refers to.

An actor because it looks through all queues, a slice at a time. It does so once after the start, and again
after queues were removed whole: then nobody counts the rows that refer to their payloads (payload_counts.py).
Restarts as: permanent; a new one begins anew.
"""

import logging

from actors import Actor
from relay.group.groups import Groups
from relay.worker import Worker
from storage import CorruptRecordError, JournalError, groups, mailboxes, payloads
from storage.payloads import PayloadKey
from supervisors import ChildSpec

log = logging.getLogger("roost.relay")

SLICE_ROWS = 1_024
"""Rows looked at in one read transaction: some milliseconds, after which others have their turn."""

SLICE_SECONDS = 0.2
"""Between two slices: a million queued messages are looked through in three minutes."""

ROUND_SECONDS = 600.0
"""After which it looks whether there is anything for it to do."""


class LookOn:
    """The sweep's note to itself: the next slice."""


LOOK_ON = LookOn()


def child_spec(worker: Worker) -> ChildSpec:
    """The one sweep of a worker."""
    return ChildSpec(id="payload sweep", start=lambda: PayloadSweep(worker))


class PayloadSweep(Actor):
    """Marks what rows refer to, and deletes the rest."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._after: bytes | None = None  # the last row looked at; None: no round is under way
        self._candidates: dict[PayloadKey, None] = {}  # what no row was seen to refer to; all uncounted

    async def on_start(self) -> None:
        """Have what is on its way go on, and begin a round soon."""
        with self._worker.environment.read() as reader:
            waiting = list(groups.groups_with_items(reader))
        directory = Groups(self._worker)
        for group in waiting:
            directory.get_nowait(group)
        self.send_after(SLICE_SECONDS, LOOK_ON)

    def handle(self, message: object) -> None:
        """One slice."""
        if message is not LOOK_ON:
            self.unexpected(message)
            return
        try:
            is_over = self._look_on()
        except CorruptRecordError as error:
            # What lies behind a damaged row is not looked at, so nothing may be deleted.
            log.error("payload_sweep_stuck", extra={"reason": str(error)})
            self._after, is_over = None, True
        if is_over:
            self._candidates = {}  # after a start they are all payloads of the worker
        self.send_after(ROUND_SECONDS if is_over else SLICE_SECONDS, LOOK_ON)

    def _look_on(self) -> bool:
        """One slice; whether nothing is left to look at."""
        counts = self._worker.payload_counts
        with self._worker.environment.read() as reader:
            if self._after is None:
                if not counts.has_uncounted:
                    return True
                # Set back now: whatever loses its count during the round is for the next one.
                counts.has_uncounted = False
                keys = payloads.payloads_after(reader, None, 2**31)
                borne = self._worker.unsettled.payloads()  # those may get rows behind our back
                self._candidates = {key: None for key in keys if key not in counts and key not in borne}
                if not self._candidates:
                    return True
                self._after = b""
            self._after, found = mailboxes.group_rows_after(reader, self._after, SLICE_ROWS)
        for key in found:
            self._candidates.pop(key, None)
        if self._after is not None:
            return False
        self._delete([key for key in self._candidates if key not in counts])
        return True

    def _delete(self, keys: list[PayloadKey]) -> None:
        if not keys:
            return
        try:
            self._worker.journal.submit(payloads.remove_payloads(keys), _ignore)
        except JournalError:
            self._worker.payload_counts.has_uncounted = True
        else:
            log.info("payloads_swept", extra={"count": len(keys)})


def _ignore(_error: JournalError | None) -> None:
    """What is left is found after the next start."""
