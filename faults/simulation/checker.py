"""The checker: what every person saw, against what was promised. Read once all is healed and quiet.

It knows nothing of plans and faults. Its facts are what devices noted (people.py), the histories on the
phones, and what was looked at on the way (watch.py). Guarantees are those of docs/delivery.md.

Who is owed a message that has a ✓: every device of the recipient, or of each member that the writer's phone
knew, that was linked before the message was written and is not logged out; and every other such device of the
writer. Everybody else may have it, once and in order.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from client.phone import Phone
from client.records import EntryKind, HistoryEntry, MessageState
from client.store import Store
from faults.simulation.people import Device, Person, Written
from faults.simulation.town import Town
from protocol.ids import GroupId

TICKED = (MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.READ)

NEIGHBOURS_SECONDS = 1.0
"""What a message may take between people whom nothing has harmed. The network here takes no time."""


@dataclass
class Shelf:
    """The history of one device, read once."""

    device: Device
    incoming: list[HistoryEntry]
    outgoing: dict[str, HistoryEntry]
    """{text}"""
    states: dict[str, HistoryEntry]
    """{message id of what was written here}"""

    def count(self, text: str) -> int:
        return sum(entry.text == text for entry in self.incoming)


class Settling:
    """What has not come to its end yet: healing waits until there is nothing. What has is not asked again."""

    def __init__(self, town: Town) -> None:
        self._town = town
        self._settled: dict[tuple[str, str], None] = {}  # {(writer, message id)}

    def waits(self) -> bool:
        """Whether anything is open."""
        return next(self.open(), None) is not None

    def open(self) -> Iterator[str]:
        """What is open, in words."""
        if len(self._town.node.living) < self._town.plan.workers:
            yield "a worker is down"
        for person in self._town.people:
            if person.is_moving:
                yield f"{person.name} is registering"
            if person.is_linking:
                yield f"{person.name} is linking"
            for device in person.alive:
                if device.phone is None:
                    yield f"{device.name} is off"
                else:
                    yield from self._open_of(person, device, device.phone)

    def _open_of(self, person: Person, device: Device, phone: Phone) -> Iterator[str]:
        for written in device.written:
            place = (device.name, written.message_id)
            if place in self._settled:
                continue
            what = self._open_end(person, device, phone, written)
            if what is None:
                self._settled[place] = None
            else:
                yield f"{written.text!r} {what}"

    def _open_end(self, person: Person, device: Device, phone: Phone, written: Written) -> str | None:
        entry = phone.entry(written.message_id)
        if entry is None:
            return "is nowhere"
        if entry.state is MessageState.PENDING:
            return "is pending"
        if entry.state is MessageState.FAILED:
            return None
        if entry.state is MessageState.ACCEPTED and _awaits(self._town, person, written):
            return "is accepted"
        if _has_left(person, written):
            return None
        for somebody in (person, *_addressees(self._town, device, written)):
            for other in somebody.devices:
                if other is not device and _is_owed(other, somebody, written) and not other.has(written):
                    return f"is not known to {other.name}"
        return None


def _awaits(town: Town, writer: Person, written: Written) -> bool:
    """Whether the end of a message is its delivery.

    In a group whose members have come and gone it need not be: ✓✓ waits for everybody who was meant, and a
    device that has been logged out never comes for what it was owed. Nor if everybody else had left before
    it was written: nobody can have it.
    """
    if written.to is not None:
        return bool(written.to.alive)
    others = [person for person in town.people if person.user in written.members and person is not writer]
    if not others:
        return False
    return not any(person.registered_anew or written.group in person.left for person in (*others, writer))


def check(town: Town) -> list[str]:
    """What is wrong, in words."""
    shelves = {device.name: _shelf(device) for person in town.people for device in person.devices}
    problems = [f"liveness: {what}" for what in Settling(town).open()]
    authors = {
        written.text: (device, written)
        for person in town.people
        for device in person.devices
        for written in device.written
    }
    for person in town.people:
        for device in person.devices:
            problems += device.false_ticks
            problems += _check_shelf(town, shelves[device.name], authors)
            for written in device.written:
                problems += _check_written(town, shelves, device, written)
    return problems


def _shelf(device: Device) -> Shelf:
    with _store(device) as store:
        entries = store.history(None, None)
        states = {
            written.message_id: entry
            for written in device.written
            if (entry := store.entry(written.message_id)) is not None
        }
    incoming = [entry for entry in entries if not entry.outgoing]
    outgoing = {entry.text: entry for entry in entries if entry.outgoing and entry.text is not None}
    return Shelf(device, incoming, outgoing, states)


@contextmanager
def _store(device: Device) -> Iterator[Store]:
    if device.phone is not None:
        yield device.phone._store
    else:
        with device.open_store() as store:
            yield store


def check_neighbours(town: Town) -> list[str]:
    """D7, of a history in which single devices were harmed and nothing else: the others notice nothing."""
    problems: list[str] = []
    calm = [person for person in town.people if not person.was_disturbed]
    for writer in calm:
        for written in [each for device in writer.devices for each in device.written]:
            if not written.was_online or written.group in writer.left:
                continue
            for person in calm:
                if written.to is person or (person is not writer and person.user in written.members):
                    problems += _find_delays(person, written)
    return problems


def _find_delays(person: Person, written: Written) -> list[str]:
    delays = {device.name: device.shown_at.get(written.text, math.inf) for device in person.devices}
    return [
        f"D7: {name} was shown {written.text!r} after {shown_at - written.at:.3f} s, and nobody had harmed it"
        for name, shown_at in delays.items()
        if shown_at - written.at > NEIGHBOURS_SECONDS and _is_owed_in(person, written)
    ]


def _is_owed_in(person: Person, written: Written) -> bool:
    return written.group is None or written.group not in person.left


# ---- what came in ----


def _check_shelf(town: Town, shelf: Shelf, authors: dict[str, tuple[Device, Written]]) -> list[str]:
    problems: list[str] = []
    name = shelf.device.name
    last: dict[tuple[str, GroupId | None], int] = {}
    seen: dict[str, None] = {}
    for entry in shelf.incoming:
        # Who has registered anew asks for what was sealed before the others knew its new key; an answer that
        # cannot be given yet is asked for again after an hour, which is longer than a history heals.
        is_new = entry.group is not None and shelf.device.person.registered_anew
        if entry.kind is EntryKind.UNDECRYPTABLE and not is_new:
            problems.append(
                f"D2: {name} cannot read something of {entry.phone} in {entry.group}: {entry.error_name}"
            )
        if entry.text is None or entry.kind is not EntryKind.TEXT:
            continue
        if entry.text in seen:
            problems.append(f"D4: {name} has {entry.text!r} twice")
        seen[entry.text] = None
        author, written = authors.get(entry.text, (None, None))
        if author is None or written is None:
            problems.append(f"phantom: {name} has {entry.text!r}, which nobody wrote")
            continue
        if written.group != entry.group or (written.to is not None and written.to is not shelf.device.person):
            problems.append(f"phantom: {name} has {entry.text!r}, which was not for it")
        place = author.written.index(written)
        line = (author.name, entry.group)
        if last.get(line, -1) > place:
            problems.append(f"D3: {name} has {entry.text!r} after a later one of {author.name}")
        last[line] = max(last.get(line, -1), place)
    problems += [
        f"D4: {name} was shown {text!r} twice" for text in _doubles(shelf.device.shown) if text != "?"
    ]
    return problems


def _doubles(texts: Sequence[str]) -> list[str]:
    seen: dict[str, None] = {}
    doubled: dict[str, None] = {}
    for text in texts:
        if text in seen:
            doubled[text] = None
        seen[text] = None
    return list(doubled)


# ---- what became of what was written ----


def _check_written(town: Town, shelves: dict[str, Shelf], writer: Device, written: Written) -> list[str]:
    entry = shelves[writer.name].states.get(written.message_id)
    if entry is None:
        return [f"D1: {writer.name} has lost its own {written.text!r}"]
    problems: list[str] = []
    ticked = entry.state in TICKED
    is_owed_to_others = ticked and not _has_left(writer.person, written)
    for person in _addressees(town, writer, written):
        for device in person.devices:
            has = shelves[device.name].count(written.text)
            if has and entry.state is MessageState.FAILED:
                problems.append(
                    f"failed and delivered: {device.name} has {written.text!r} ({entry.error_name})"
                )
            if is_owed_to_others and not has and _is_owed(device, person, written):
                problems.append(f"D2: {device.name} never got {written.text!r}, which has {entry.state.name}")
    if ticked:
        problems += [
            f"D2: {device.name} never heard of {written.text!r} of its own account"
            for device in writer.person.devices
            if device is not writer
            and _is_owed(device, writer.person, written)
            and written.text not in shelves[device.name].outgoing
        ]
    problems += _check_ticks(town, shelves, writer, written, entry)
    return problems


def _addressees(town: Town, writer: Device, written: Written) -> Iterable[Person]:
    if written.to is not None:
        return [written.to]
    return [
        person for person in town.people if person is not writer.person and person.user in written.members
    ]


def _has_left(writer: Person, written: Written) -> bool:
    """Whether the writer left the group, or was put out of it: who knows shows nothing more of them.

    Not what was on its way just then, either: that it was written before is only the writer's word.
    """
    return written.group is not None and written.group in writer.left


def _is_owed(device: Device, person: Person, written: Written) -> bool:
    if device.is_gone or device.linked_at > written.at:
        return False
    if written.group is None:
        return True
    return written.group not in person.left and not person.registered_anew


def _check_ticks(
    town: Town, shelves: dict[str, Shelf], writer: Device, written: Written, entry: HistoryEntry
) -> list[str]:
    """D5: ✓✓ and read need somebody who has it, and who has looked."""
    if entry.state not in (MessageState.DELIVERED, MessageState.READ) or _has_left(writer.person, written):
        return []
    problems: list[str] = []
    for person in _addressees(town, writer, written):
        if written.group is not None and (written.group in person.left or person.registered_anew):
            continue
        if not any(shelves[device.name].count(written.text) for device in person.devices):
            problems.append(f"D5: {written.text!r} has ✓✓ and {person.name} does not have it")
        if entry.state is MessageState.READ and not _has_looked(person, writer, written):
            problems.append(f"D5: {written.text!r} is read and {person.name} has not looked")
    return problems


def _has_looked(person: Person, writer: Device, written: Written) -> bool:
    """Whether somebody has looked at this or at something later: a word of having read is cumulative."""
    place = writer.written.index(written)
    later = [
        each.text for each in writer.written[place:] if (each.to, each.group) == (written.to, written.group)
    ]
    return any(text in device.seen for device in person.devices for text in later)
