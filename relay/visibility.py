"""Who may see what of whom: decided from what both have chosen, on what is durable.

Pure but for reading the store, which any worker may do for any user. A refusal always looks as if there were
nothing to see: nobody learns that he is blocked, or only not a contact, from what he is not shown.

Rule 1: who blocks somebody is shown nothing of theirs that is mutual, and shows them nothing.
Rule 2: presence and read receipts are mutual. Whoever hides them from somebody does not see theirs either;
    otherwise everybody would hide, and nobody would have anything to look at.
"""

from collections.abc import Callable
from typing import TypeAlias

from protocol import Audience, UserId
from storage import Reader, settings

ReaderOf: TypeAlias = Callable[[UserId], Reader]
"""Opens the store where the rows of a user are, for a moment."""


class Visibility:
    """The answers for one worker."""

    __slots__ = ("_reader_of",)

    def __init__(self, reader_of: ReaderOf) -> None:
        self._reader_of = reader_of

    def presence(self, watcher: UserId, watched: UserId) -> bool:
        """Whether `watcher` may know if `watched` is online, and when last.

        Raises:
            CorruptRecordError: a row is damaged; likewise below.
        """
        return self._shows_presence(watched, watcher) and self._shows_presence(watcher, watched)

    def receipts(self, reader: UserId, sender: UserId) -> bool:
        """Whether `sender` may know what `reader` has read of theirs."""
        return self._shows_receipts(reader, sender) and self._shows_receipts(sender, reader)

    def profile(self, owner: UserId, asker: UserId) -> bool:
        """Whether `asker` may have the profile of `owner`; one's own is always one's own."""
        if owner == asker:
            return True
        with self._reader_of(owner) as rows:
            return _shows(rows, owner, asker, settings.load_privacy(rows, owner).profile)

    def _shows_presence(self, owner: UserId, other: UserId) -> bool:
        with self._reader_of(owner) as rows:
            return _shows(rows, owner, other, settings.load_privacy(rows, owner).last_seen)

    def _shows_receipts(self, owner: UserId, other: UserId) -> bool:
        with self._reader_of(owner) as rows:
            return _shows(rows, owner, other, settings.load_privacy(rows, owner).read_receipts)


def _shows(rows: Reader, owner: UserId, other: UserId, audience: Audience) -> bool:
    """Whether `owner`, who has chosen this audience for something, lets `other` have it."""
    if audience is Audience.NOBODY or settings.is_blocked(rows, owner, other):
        return False
    return audience is Audience.EVERYONE or settings.is_contact(rows, owner, other)
