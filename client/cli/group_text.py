"""What is said of groups in sentences, for people."""

from collections.abc import Sequence

from client.cli.message_json import group_id
from client.cli.rendering import named, safe_text
from client.groups.records import GroupChange, GroupStep, Person
from client.phone_numbers import readable_number
from protocol.ids import GroupId
from protocol.membership import Settings

_SETTING_WORDS = {
    Settings.ADMINS_SEND: ("only admins write", "everybody may write"),
    Settings.ADMINS_DESCRIBE: ("only admins change the name", "everybody may change the name"),
    Settings.ADMINS_APPROVE: ("admins approve who joins", "whoever has the link may join"),
}

MOST_NAMED = 8
"""People that one line names."""


def group_name(group: GroupId, name: str | None) -> str:
    """A group by its name; by its id as long as nobody has told us the key to that."""
    return safe_text(name) if name else group_id(group)


def person_name(person: Person) -> str:
    """Somebody as they are called everywhere; ``you`` for oneself."""
    if person.is_self:
        return "you"
    number = readable_number(person.phone) if person.phone is not None else f"{person.user:016x}"
    return named(person.name, number, person.book_name)


def names(people: Sequence[Person]) -> str:
    """Several people: ``A, B and 3 more``."""
    first = [person_name(person) for person in people[:MOST_NAMED]]
    more = len(people) - len(first)
    if more:
        return f"{', '.join(first)} and {more} more"
    return first[0] if len(first) == 1 else f"{', '.join(first[:-1])} and {first[-1]}"


def settings_text(settings: Settings) -> str:
    """What holds in a group."""
    return ", ".join(on if setting in settings else off for setting, (on, off) in _SETTING_WORDS.items())


def change_sentence(change: GroupChange) -> str:
    """A change of a group as a line of its history."""
    by = "somebody" if change.author is None else person_name(change.author)
    people = names(change.people) if change.people else "nobody else"
    match change.step:
        case GroupStep.CREATED:
            called = f" “{safe_text(change.name)}”" if change.name else ""
            return f"{by} created the group{called} with {people}"
        case GroupStep.ADDED:
            return f"{by} added {people}"
        case GroupStep.REMOVED:
            return f"{by} removed {people}"
        case GroupStep.PROMOTED:
            return f"{by} made {people} admin"
        case GroupStep.DEMOTED:
            return f"{by} took the admin's rights from {people}"
        case GroupStep.LEFT:
            return f"{by} left"
        case GroupStep.JOINED:
            return f"{by} joined by the link"
        case GroupStep.SETTINGS:
            return f"{by} changed the settings: {settings_text(change.settings or Settings(0))}"
        case GroupStep.DESCRIBED:
            called = f": it is called “{safe_text(change.name)}” now" if change.name else ""
            return f"{by} changed the group's description{called}"
        case GroupStep.INVITED:
            return f"{by} made an invitation link"
        case GroupStep.REVOKED:
            return f"{by} withdrew an invitation link"
        case GroupStep.REKEYED:
            return f"{by} {_has(change.author)} a new phone"
        case GroupStep.INTRUDER:
            return f"WARNING: the relay lets {by} into this group, whom no admin has let in; no keys for them"
        case GroupStep.FORGED:
            return f"WARNING: the relay shows a change by {by} that does not count: it is not properly signed"
    raise AssertionError(change.step)


def _has(person: Person | None) -> str:
    return "have" if person is not None and person.is_self else "has"
