"""What a connection remembers of a chat with a user of another worker: whether an answer is missing.

Pure: abroad.py keeps one for each such chat and acts on it; there are the rules, too.
"""

from protocol import MessageNumber

NOTHING = MessageNumber(0)


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
