"""Who may see what of whom: decided from what both have chosen, on what is durable.

Pure but for reading the store, which any worker may do for any user. A refusal always looks as if there were
nothing to see: nobody learns that he is blocked, or only not a contact, from what he is not shown.

Rule 1: who blocks somebody is shown nothing of theirs that is mutual, and shows them nothing.
Rule 2: what cannot be read is not shown: who asks has nothing to do with a damaged row of somebody else.
Rule 3: presence and read receipts are mutual. Whoever hides them from somebody does not see theirs either;
    otherwise everybody would hide, and nobody would have anything to look at.
"""

import logging
from collections.abc import Callable
from typing import TypeAlias

from protocol import Audience, Privacy, UserId
from storage import Reader, StorageError, settings

log = logging.getLogger("roost.relay")

ReaderOf: TypeAlias = Callable[[UserId], Reader]
"""Opens the store where the rows of a user are, for a moment."""


class Visibility:
    """The answers for one worker."""

    __slots__ = ("_reader_of",)

    def __init__(self, reader_of: ReaderOf) -> None:
        self._reader_of = reader_of

    def presence(self, watcher: UserId, watched: UserId) -> bool:
        """Whether `watcher` may know if `watched` is online, and when last."""
        return self._shows_presence(watched, watcher) and self._shows_presence(watcher, watched)

    def receipts(self, reader: UserId, sender: UserId) -> bool:
        """Whether `sender` may know what `reader` has read of theirs."""
        return self._shows_receipts(reader, sender) and self._shows_receipts(sender, reader)

    def receipts_to_groups(self, reader: UserId) -> bool:
        """Whether what `reader` has read in groups is told: to all there, so only if all may know."""
        try:
            with self._reader_of(reader) as rows:
                return settings.load_privacy(rows, reader).read_receipts is Audience.EVERYONE
        except StorageError as error:
            log.error("settings_unreadable", extra={"user": f"{reader:016x}", "reason": str(error)})
            return False

    def profile(self, owner: UserId, asker: UserId) -> bool:
        """Whether `asker` may have the profile of `owner`; one's own is always one's own."""
        if owner == asker:
            return True
        return self._shows(owner, asker, lambda privacy: privacy.profile)

    def discovery(self, owner: UserId, asker: UserId) -> bool:
        """Whether `asker` finds `owner` by the number.

        Whatever the answer is, the same rows are read, so that the time it takes says nothing either: not
        even for a user who is not there, whom nothing is known of.
        """
        try:
            with self._reader_of(owner) as rows:
                audience = settings.load_privacy_evenly(rows, owner).discoverable
                is_blocked = settings.is_blocked(rows, owner, asker)
                is_contact = settings.is_contact(rows, owner, asker)
        except StorageError as error:
            log.error("settings_unreadable", extra={"user": f"{owner:016x}", "reason": str(error)})
            return False
        if owner == asker:
            return True
        if is_blocked or audience is Audience.NOBODY:
            return False
        return audience is Audience.EVERYONE or is_contact

    def _shows_presence(self, owner: UserId, other: UserId) -> bool:
        return self._shows(owner, other, lambda privacy: privacy.last_seen)

    def _shows_receipts(self, owner: UserId, other: UserId) -> bool:
        return self._shows(owner, other, lambda privacy: privacy.read_receipts)

    def _shows(self, owner: UserId, other: UserId, choice: Callable[[Privacy], Audience]) -> bool:
        try:
            with self._reader_of(owner) as rows:
                return _shows(rows, owner, other, choice(settings.load_privacy(rows, owner)))
        except StorageError as error:
            log.error("settings_unreadable", extra={"user": f"{owner:016x}", "reason": str(error)})
            return False


def _shows(rows: Reader, owner: UserId, other: UserId, audience: Audience) -> bool:
    """Whether `owner`, who has chosen this audience for something, lets `other` have it."""
    if audience is Audience.NOBODY or settings.is_blocked(rows, owner, other):
        return False
    return audience is Audience.EVERYONE or settings.is_contact(rows, owner, other)
