"""What ledgers say together: devices, messages and what phones show, each in its place. No judgement yet."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from faults.real.ledger import (
    Declined,
    Elsewhere,
    Entry,
    Grouped,
    Intends,
    Life,
    Link,
    Looks,
    Record,
    Shelf,
    Shown,
    Tick,
    Wrote,
)

TICKED = ("accepted", "delivered", "read")
TEXT = "text"


@dataclass(slots=True)
class Message:
    """One message, as its writer's device knows it."""

    text: str
    writer: str
    """The device."""
    to: str
    """A person, or a group."""
    at: float
    """When it was about to be written."""
    place: int
    """How many its device had written before."""
    id: str = ""
    is_declined: bool = False
    ticks: list[Tick] = field(default_factory=list)

    def has_been(self, *states: str) -> bool:
        """Whether a tick has ever said one of these."""
        return any(tick.state in states for tick in self.ticks)


@dataclass(slots=True)
class Device:
    """One device, what came in there, and what it shows at the end."""

    who: str
    person: str
    user: str
    since: float
    """When it had its account for the first time."""
    lives: int = 0
    shown: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    looked: list[Looks] = field(default_factory=list)
    shelf: tuple[Entry, ...] | None = None
    """None: it never came to show it."""
    incoming: dict[str, int] = field(default_factory=dict)
    """{text: its first place on the shelf}"""
    outgoing: dict[str, Entry] = field(default_factory=dict)
    """{text}"""

    def put_up(self, entries: tuple[Entry, ...]) -> None:
        """This is what it shows."""
        self.shelf, self.incoming, self.outgoing = entries, {}, {}
        for place, entry in enumerate(entries):
            if entry.kind != TEXT:
                continue
            if entry.is_outgoing:
                self.outgoing[entry.text] = entry
            else:
                self.incoming.setdefault(entry.text, place)


@dataclass(slots=True)
class Story:
    """All of it."""

    devices: dict[str, Device] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    """{text}"""
    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """{group: members}"""
    ids: dict[tuple[str, str], Message] = field(default_factory=dict)
    """{(device, message id)} of what was written there."""
    stray_ticks: dict[tuple[str, str], list[Tick]] = field(default_factory=dict)
    """Ticks that came before the word that their message was written."""
    written: dict[str, int] = field(default_factory=dict)
    """{device: how many messages it was about to write}"""
    stops: list[Link] = field(default_factory=list)
    """Whenever a phone gave up."""

    def of_person(self, person: str) -> list[Device]:
        """Somebody's devices."""
        return [device for device in self.devices.values() if device.person == person]

    def writer(self, message: Message) -> Device:
        """The device that wrote a message."""
        return self.devices[message.writer]

    def addressees(self, message: Message) -> list[str]:
        """The people a message is to, without its writer."""
        members = self.groups.get(message.to, (message.to,))
        return [person for person in members if person != self.writer(message).person]

    def owed(self, message: Message) -> Iterator[Device]:
        """The devices that have to have it once it is accepted: those that were there before it was."""
        for person in (*self.addressees(message), self.writer(message).person):
            for device in self.of_person(person):
                if device.who != message.writer and device.since <= message.at:
                    yield device

    # ---- from records ----

    def note(self, record: Record) -> None:
        """Take in a record; those of one device in their order."""
        match record:
            case Life(at=at, who=who, person=person, user=user):
                device = self.devices.setdefault(who, Device(who, person, user, at))
                device.lives += 1
            case Grouped(group=group, members=members):
                self.groups[group] = members
            case Intends(at=at, who=who, text=text, to=to):
                place = self.written.get(who, 0)
                self.written[who] = place + 1
                self.messages[text] = Message(text, who, to, at, place)
            case Wrote(who=who, text=text, id=message_id):
                self._name(self.messages[text], who, message_id)
            case Declined(text=text):
                self.messages[text].is_declined = True
            case Tick(who=who, id=message_id):
                self._note_tick(who, message_id, record)
            case Link(state="stopped"):
                self.stops.append(record)
            case Shown() | Elsewhere() | Looks() | Shelf():
                self._note_news(self.devices[record.who], record)
            case _:
                pass

    def _note_news(self, device: Device, record: Shown | Elsewhere | Looks | Shelf) -> None:
        match record:
            case Shown(text=text):
                device.shown.append(text)
            case Elsewhere(text=text):
                device.elsewhere.append(text)
            case Looks():
                device.looked.append(record)
            case Shelf(entries=entries):
                device.put_up(entries)
                self._name_from(device)

    def _name(self, message: Message, who: str, message_id: str) -> None:
        message.id = message_id
        self.ids[who, message_id] = message
        message.ticks += self.stray_ticks.pop((who, message_id), [])

    def _name_from(self, device: Device) -> None:
        """A life may have ended between writing a message and the word of it: the shelf knows its id."""
        for text, entry in device.outgoing.items():
            message = self.messages.get(text)
            if message is not None and message.writer == device.who and not message.id:
                self._name(message, device.who, entry.id)

    def _note_tick(self, who: str, message_id: str, tick: Tick) -> None:
        message = self.ids.get((who, message_id))
        if message is None:
            self.stray_ticks.setdefault((who, message_id), []).append(tick)
        else:
            message.ticks.append(tick)


def tell(records: Iterable[Record]) -> Story:
    """What the records say together."""
    story = Story()
    for record in records:
        story.note(record)
    return story
