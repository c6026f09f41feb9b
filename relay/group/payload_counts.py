"""How many devices each payload of this environment waits for; without any left it is deleted.

A plain object, as old as the process. What was there before it is not counted, and neither is what a queue
took along that was removed whole: that is for the sweep (payload_sweep.py). So a count may be missing, but it
is never too low, and nothing is deleted that a row refers to.

Devices for which a fan-out row has a message count like those with a row of their own. As long as there is
the fan-out row nothing is deleted: it brings along a payload that is needed, and most are never written.
"""

from collections.abc import Callable, Iterable

from relay.journal import RelayJournal
from storage import JournalError, payloads
from storage.payloads import PayloadKey


class PayloadCounts:
    """The counts of one worker."""

    __slots__ = ("_at_turn_end", "_borne", "_counts", "_dead", "_journal", "has_uncounted")

    def __init__(self, journal: RelayJournal, at_turn_end: Callable[[Callable[[], None]], None]) -> None:
        self._journal = journal
        self._at_turn_end = at_turn_end
        self._counts: dict[PayloadKey, int] = {}  # bounded by the payloads that there are
        self._borne: dict[
            PayloadKey, bool
        ] = {}  # what fan-out rows have: whether it waits for nobody any more
        self._dead: list[PayloadKey] = []  # in this turn
        self.has_uncounted = True  # whether there may be payloads that only a sweep can delete

    def __contains__(self, key: PayloadKey) -> bool:
        return key in self._counts

    def __len__(self) -> int:
        return len(self._counts)

    def hold(self, key: PayloadKey, devices: int, *, is_borne: bool = False) -> None:
        """A payload is about to wait for so many devices; whether for some of them in a fan-out row."""
        self._counts[key] = self._counts.get(key, 0) + devices
        if is_borne:
            self._borne[key] = False

    def put_down(self, keys: Iterable[PayloadKey]) -> None:
        """The fan-out rows that had these are durably gone."""
        for key in keys:
            if self._borne.pop(key, False):
                self._bury(key)

    def release(self, keys: Iterable[PayloadKey]) -> None:
        """One device has each of these, and its row is durably gone if it had one."""
        counts = self._counts
        for key in keys:
            left = counts.get(key)
            if left is None:
                self.has_uncounted = True  # perhaps it was the last, and nobody knows
            elif left > 1:
                counts[key] = left - 1
            else:
                del counts[key]
                if key in self._borne:
                    self._borne[key] = True
                else:
                    self._bury(key)

    def _bury(self, key: PayloadKey) -> None:
        if not self._dead:
            self._at_turn_end(self._delete)
        self._dead.append(key)

    def uncount(self, keys: Iterable[PayloadKey]) -> None:
        """Nobody knows any more how many rows refer to these, or will."""
        for key in keys:
            self._counts.pop(key, None)
            if key in self._borne:
                self._borne[key] = False  # an acknowledgement that was counted may have been forgotten
            self.has_uncounted = True

    def uncount_all(self) -> None:
        """Queues are removed, with rows that nobody has looked at."""
        self._counts.clear()
        self.has_uncounted = True

    def _delete(self) -> None:
        dead, self._dead = self._dead, []
        try:
            self._journal.submit(payloads.remove_payloads(dead), _ignore)
        except JournalError:
            self.has_uncounted = True  # the sweep finds them


def _ignore(_error: JournalError | None) -> None:
    """What could not be deleted is found by the sweep of the next start."""
