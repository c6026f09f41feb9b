"""Whom a person means: a number, or a group by its name or id."""

from client.phone import Phone
from client.phone_numbers import checked_number
from client.store import Store
from protocol.ids import UserId


def addressee(store: Store, text: str) -> str | UserId:
    """The chat that is meant: a number in E.164, or a group, whose id stands where a user's would.

    Raises:
        PhoneNumberError: it looks like a number, and cannot be one.
        GroupError: there is no such group here, or more than one.
    """
    if looks_like_number(text):
        return checked_number(text)
    return UserId(store.groups.find(text).id)


def looks_like_number(text: str) -> bool:
    """Whether a person means a phone number by this. A group's id begins with a ``g``."""
    return text.strip().startswith(("+", "00")) or text.replace(" ", "").isdecimal() or not text.strip()


def addressee_of(phone: Phone, text: str) -> str | UserId:
    """The same on an open phone. Raises PhoneNumberError, GroupError."""
    return checked_number(text) if looks_like_number(text) else UserId(phone.find_group(text).id)
