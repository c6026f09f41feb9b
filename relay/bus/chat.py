"""What a connection remembers of a chat with a user of another worker: whether an answer is missing.

Pure: abroad.py keeps one for each such chat and acts on it; there are the rules, too.
"""

from typing import TypeAlias

from protocol import GroupAddress, MessageNumber, UserId

ChatId: TypeAlias = UserId | GroupAddress
"""Whom a device writes to."""

NOTHING = MessageNumber(0)


def id_of(chat: ChatId) -> UserId:
    """The id that says where a chat's rows lie: users and groups share one space of ids, and its slots."""
    return UserId(chat.group) if isinstance(chat, GroupAddress) else chat


class Chat:
    """One sender's side of one chat."""

    __slots__ = ("round", "submitted")

    def __init__(self) -> None:
        self.submitted = NOTHING  # the newest number that was handed over; 0 if all is answered
        self.round = 0  # of the latest inquiry

    def inquire(self) -> int:
        """Begin another round, and return its number."""
        self.round += 1
        return self.round

    def answered(self, number: int) -> None:
        """Everything up to `number` is answered: if that is all, no inquiry is open any more."""
        if self.submitted and number >= self.submitted:
            self.submitted = NOTHING
            self.round += 1
