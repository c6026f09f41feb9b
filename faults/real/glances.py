"""Who had looked how far, and when: what a word of having read is held against.

Having read is told as "up to here": of the messages of one device, or of a group's timeline. So it is true of
a message if by then its reader had looked at it, or at one that stands behind it there.
"""

from bisect import bisect_right
from dataclasses import dataclass, field

from faults.real.story import Device, Message, Story


@dataclass(slots=True)
class Glance:
    """How far somebody had looked on one device, in one line of messages."""

    times: list[float] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    """The furthest place so far, at each of these times."""

    def note(self, at: float, place: int) -> None:
        """They look at the message in this place, later than all before."""
        self.times.append(at)
        self.places.append(max(place, self.places[-1]) if self.places else place)

    def furthest(self, at: float) -> int:
        """The furthest place that had been looked at by then; -1: none."""
        index = bisect_right(self.times, at)
        return self.places[index - 1] if index else -1


class Glances:
    """Of all devices."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._glances: dict[tuple[str, str], Glance] = {}
        """{(device, line)}"""
        for device in story.devices.values():
            self._note(device)

    def _note(self, device: Device) -> None:
        for looks in device.looked:
            for text in looks.texts:
                message, place = self._story.messages.get(text), device.incoming.get(text)
                if message is not None and place is not None:
                    key = device.who, self._line(message)
                    self._glances.setdefault(key, Glance()).note(looks.at, place)

    def _line(self, message: Message) -> str:
        return message.to if message.to in self._story.groups else message.writer

    def had_looked(self, person: str, message: Message, at: float) -> bool:
        """Whether somebody had looked at a message by then, on any of their devices.

        Also if that cannot be told, because a device of theirs does not show what it has.
        """
        return any(self._on(device, message, at) for device in self._story.of_person(person))

    def _on(self, device: Device, message: Message, at: float) -> bool:
        if device.shelf is None:
            return True
        place = device.incoming.get(message.text)
        glance = self._glances.get((device.who, self._line(message)))
        return place is not None and glance is not None and glance.furthest(at) >= place
