"""Drops what is kept of verification codes that were not used in time: many are of people who never came.

A part of the registration desk, called within its turns: only so can no row be dropped that was just written
anew. What it has missed, the next round finds.
"""

import logging

from relay.config import CODE_SECONDS
from relay.worker import Worker
from storage import CorruptRecordError, JournalError, codes

log = logging.getLogger("roost.relay")

SWEEP_SECONDS = float(CODE_SECONDS)
"""A row lies on the disk for at most this much longer than it says anything. All of them are read, each time:
as many as people ask for codes in that time."""

SWEEP_CODES = 1_000
"""In one commit; more are for the next round."""


class SweepCodes:
    """The desk's note to itself: the next round."""


SWEEP_CODES_NOW = SweepCodes()


async def sweep_codes(worker: Worker) -> None:
    """Drop the rows of codes that are neither good any more nor keep anybody waiting for another."""
    try:
        with worker.store.read_directory() as reader:
            phones = codes.codes_expired(reader, worker.clock.now(), SWEEP_CODES)
        if phones:
            await worker.journal.commit([op for phone in phones for op in codes.remove_code(phone)])
    except (CorruptRecordError, JournalError) as error:
        # Better than a desk that crashes in each round, and registers nobody.
        log.error("codes_not_swept", extra={"reason": str(error)})
