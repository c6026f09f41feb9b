"""Messages as machines read them: one object a message, the same fields in every command."""

from client.groups.records import GroupChange, Person
from client.records import EntryKind, HistoryEntry, MessageState
from protocol.e2e import ChatTimer, Contact, KeepHere, Location, NumberChanged
from protocol.e2e.content_schema import MICRODEGREES
from protocol.ids import GroupId
from protocol.membership import Settings

STATE_NAMES = {state: state.name.lower() for state in MessageState}
"""``pending``, ``accepted``, ``delivered``, ``read``, ``failed``, ``expired``; or ``received``, ``seen``."""


def who(entry: HistoryEntry) -> str:
    """The other side of a message: their number, or what the relay calls them as long as it is unknown.

    In a group it is the group.
    """
    if entry.group is not None:
        return group_id(entry.group)
    if entry.phone is not None:
        return entry.phone
    return f"{entry.user:016x}" if entry.user is not None else "?"


def group_id(group: GroupId) -> str:
    """A group as people and machines name it."""
    return f"g{group:016x}"


def author_of(entry: HistoryEntry) -> str:
    """Who wrote an incoming message: their number, or what the relay calls them."""
    if entry.phone is not None:
        return entry.phone
    user = entry.author or entry.user
    return f"{user:016x}" if user is not None else "?"


def event_of(entry: HistoryEntry) -> dict[str, object]:
    """A message that somebody sent us, as ``listen`` prints it."""
    event: dict[str, object] = {
        "event": "message",
        "id": entry.message_id,
        "from": author_of(entry),
        "text": entry.text,
        "sent_at": entry.sent_at,
    }
    if entry.text is None:
        event["kind"] = entry.kind.name.lower()
    return event | details(entry)


def line_of(entry: HistoryEntry) -> dict[str, object]:
    """A message in either direction, as ``history`` prints it."""
    return {
        "id": entry.message_id,
        "direction": "out" if entry.outgoing else "in",
        "with": who(entry),
        "kind": entry.kind.name.lower(),
        "text": entry.text,
        "sent_at": entry.sent_at,
        "state": STATE_NAMES[entry.state],
        "error": entry.error_name,
        "name": entry.name,
    } | details(entry)


def details(entry: HistoryEntry) -> dict[str, object]:
    """What not every message has; a field is there only if there is something to say."""
    found: dict[str, object] = {}
    if entry.group is not None:
        found |= {"group": group_id(entry.group), "group_name": entry.group_name}
        if not entry.outgoing:
            found["from"] = author_of(entry)
    if entry.change is not None:
        found["change"] = change_of(entry.change)
    if entry.book_name is not None:
        found["contact_name"] = entry.book_name
    if entry.kind is EntryKind.DELETED:
        found["deleted"] = True
    if entry.is_edited:
        found["edited"] = True
    if entry.quote is not None:
        found["reply_to"] = entry.quote.message_id
    if entry.mentions:
        found["mentions"] = [f"{user:016x}" for user in entry.mentions]
    if entry.reactions:
        found["reactions"] = [
            {"emoji": reaction.emoji, "direction": "out" if reaction.is_own else "in"}
            for reaction in entry.reactions
        ]
    if entry.mentioned:
        found["mentioned"] = [
            {"user": f"{each.user:016x}", "phone": each.phone, "name": each.name, "me": each.is_own}
            | ({} if each.book_name is None else {"contact_name": each.book_name})
            for each in entry.mentioned
        ]
    if entry.life is not None:
        found["disappears_after"] = entry.life
    if entry.forwards:
        found["forwards"] = entry.forwards
    if entry.kind in (EntryKind.VIEW_ONCE, EntryKind.VIEWED):
        found["view_once"] = "closed" if entry.kind is EntryKind.VIEW_ONCE else "opened"
    match entry.content:
        case ChatTimer(seconds=seconds):
            found["rule"] = {"disappear": seconds}
        case KeepHere(on=on):
            found["rule"] = {"keep_here": bool(on)}
        case NumberChanged(old=old, new=new):
            found["number_changed"] = {"old": old, "new": new}
        case Contact(name=name, phones=phones):
            found["contact"] = {"name": name, "phones": list(phones)}
        case Location(latitude=latitude, longitude=longitude, name=name):
            place = {"latitude": latitude / MICRODEGREES, "longitude": longitude / MICRODEGREES}
            found["location"] = place | {"name": name}
    return found


def person_of(person: Person) -> dict[str, object]:
    """Somebody in a group."""
    facts: dict[str, object] = {"user": f"{person.user:016x}", "phone": person.phone, "name": person.name}
    return facts if person.book_name is None else facts | {"contact_name": person.book_name}


def change_of(change: GroupChange) -> dict[str, object]:
    """What a line about a group says."""
    said: dict[str, object] = {"step": change.step.name.lower()}
    if change.author is not None:
        said["by"] = person_of(change.author)
    if change.people:
        said["people"] = [person_of(person) for person in change.people]
    if change.name is not None:
        said["name"] = change.name
    if change.settings is not None:
        said["settings"] = settings_of(change.settings)
    return said


def settings_of(settings: Settings) -> dict[str, bool]:
    """What holds in a group."""
    return {setting.name.lower(): setting in settings for setting in Settings if setting.name is not None}
