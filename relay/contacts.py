"""Contact discovery: which of these phone numbers have an account here that the asker may find.

Plain objects and no actor: they read what is durable and have nothing to remember. What keeps anybody from
drawing all numbers out of the directory stands in front of them (rate_limits.py).

Rule 1: a number that nobody has, one whose owner is not to be found, and one whose owner blocks the asker get
    the same answer for the same work: a look into the directory, then the same rows of its owner, for whom
    somebody stands in who is not there. Any worker reads them through the memory map; nobody is asked.
    The owner's row has the last word: one who has changed the number has another there.
Rule 2: each number is looked at once for a request, however often it is in it: repetition would add up the
    little that times may still differ by.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from protocol import UserId
from relay.visibility import ReaderOf, Visibility
from storage import Reader, accounts

NOBODY = UserId(0)

_NOT_WRITTEN = str.maketrans("", "", " \u00a0-()./")
_NUMBER = re.compile(r"\+[1-9][0-9]{5,14}")


class Discovery:
    """The answers of one worker, for all users of the node."""

    __slots__ = ("_read_directory", "_reader_of", "_visibility")

    def __init__(
        self, read_directory: Callable[[], Reader], reader_of: ReaderOf, visibility: Visibility
    ) -> None:
        self._read_directory = read_directory
        self._reader_of = reader_of
        self._visibility = visibility

    def find(self, asker: UserId, phones: Sequence[str]) -> tuple[UserId, ...]:
        """The users of these numbers, in their order; 0 where `asker` finds nobody.

        Raises:
            CorruptRecordError: a row of the directory is damaged.
        """
        numbers = [plain_number(phone) for phone in phones]
        found = {number: self._found(asker, number, user) for number, user in self._holders(numbers)}
        return tuple(NOBODY if number is None else found[number] for number in numbers)

    def _holders(self, numbers: Iterable[str | None]) -> list[tuple[str, UserId]]:
        """Whom each of these numbers leads to, each once; or who stands in for nobody."""
        with self._read_directory() as reader:
            return [(number, _holder(reader, number)) for number in dict.fromkeys(numbers) if number]

    def _found(self, asker: UserId, number: str, user: UserId) -> UserId:
        with self._reader_of(user) as rows:
            is_theirs = accounts.has_number(rows, user, number)
        is_shown = self._visibility.discovery(user, asker)
        return user if is_shown and is_theirs else NOBODY


def plain_number(phone: str) -> str | None:
    """A number as the directory has it; None for what cannot be one.

    Not whether there can be such a number (phones.py): that takes a hundred times as long, and one that
    nobody can have is a number that nobody has.
    """
    number = phone.translate(_NOT_WRITTEN)
    return number if _NUMBER.fullmatch(number) else None


def _holder(reader: Reader, number: str) -> UserId:
    return accounts.find_user_by_phone(reader, number) or _stand_in(number)


def _stand_in(number: str) -> UserId:
    """An id that nobody has (but for one chance in 2^63), the same each time, in some part of the store."""
    return UserId(int.from_bytes(sha256(number.encode()).digest()[:8]) >> 1 or 1)
