"""Which of these phone numbers have an account here: the whole of contact discovery, for now.

A function and no actor: it reads what is durable and has nothing to remember. What keeps anybody from
drawing all numbers out of the directory stands in front of it (rate_limits.py).
"""

from collections.abc import Sequence

from protocol import UserId
from relay.phones import check_phone
from storage import Reader, accounts

NOBODY = UserId(0)


def find_users(reader: Reader, phones: Sequence[str]) -> tuple[UserId, ...]:
    """The users of these numbers, in their order; 0 where there is none, or where no number can be."""
    return tuple(_find(reader, phone) for phone in phones)


def _find(reader: Reader, phone: str) -> UserId:
    try:
        number = check_phone(phone)
    except ValueError:
        return NOBODY
    return accounts.find_user_by_phone(reader, number) or NOBODY
