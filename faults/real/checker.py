"""The checker: says of every message what became of it, and what of that was not promised.

It reads what the clients have written down, and nothing of the node, the proxy or the plan. Guarantees are
those of docs/delivery.md.

- Who is owed an accepted message: every device of the person it is to, or of each other member of the group,
  and every other device of its writer; each if it had its account before the message was about to be written.
- What a device has is its shelf, at the end. A device that never showed its shelf is a violation by itself,
  and nothing is said of what it has.
- Legal: a message that was about to be written when its writer was killed and never was; one that never got
  a tick, of a writer who did not live to the end, delivered or not; a message that came in without a word,
  because its device was killed before it could say so.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from faults.real.glances import Glances
from faults.real.ledger import Entry, Record
from faults.real.story import TEXT, TICKED, Device, Message, Story, tell


class Fate(Enum):
    """What became of a message; the worst thing, if several."""

    LOST = "accepted, and lost on a device"
    DOUBLED = "doubled on a device"
    REORDERED = "after a later one on a device"
    DELIVERED = "accepted, and delivered once"
    EXPIRED = "accepted, and expired"
    FAILED = "refused for good, and on no device"
    FAILED_AND_DELIVERED = "refused for good, and delivered"
    UNSETTLED = "neither accepted nor refused, of a writer who is there"
    UNKNOWN_DELIVERED = "never ticked, and delivered: its writer is gone"
    UNKNOWN = "never ticked, and not delivered: its writer is gone"
    NEVER_WRITTEN = "about to be written, and never was"


@dataclass(frozen=True, slots=True)
class Violation:
    """Something that is promised, and did not hold."""

    rule: str
    """`D1` to `D6`, `phantom`, `liveness`, ..."""
    text: str
    """The message; empty: it is about none in particular."""
    sentence: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.sentence}"


@dataclass(slots=True)
class Findings:
    """What the checker has to say."""

    fates: dict[str, Fate] = field(default_factory=dict)
    """{text}"""
    violations: list[Violation] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    """Why messages failed."""
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def held(self) -> bool:
        """Whether all that is promised held."""
        return not self.violations

    def of_rule(self, rule: str) -> list[Violation]:
        """The violations of one rule."""
        return [violation for violation in self.violations if violation.rule == rule]


def check(records: Iterable[Record]) -> Findings:
    """Judge by the records of all clients; those of one device are in their order."""
    return _Checker(tell(records)).findings


class _Checker:
    """One judgement."""

    def __init__(self, story: Story) -> None:
        self.findings = Findings()
        self._story = story
        self._glances = Glances(story)
        self._bad: dict[str, Fate] = {}
        """{text} of what went wrong on a device."""
        self._names = {device.user: device.person for device in story.devices.values()}
        for device in story.devices.values():
            self._check_device(device)
        for stop in story.stops:
            self._blame("liveness", "", f"the phone of {stop.who} gave up: {stop.reason}")
        for message in story.messages.values():
            self.findings.fates[message.text] = self._check_message(message)
        self.findings.counts = self._counts()

    def _blame(self, rule: str, text: str, sentence: str, fate: Fate | None = None) -> None:
        self.findings.violations.append(Violation(rule, text, sentence))
        if fate is not None:
            self._bad.setdefault(text, fate)

    # ---- what a device shows ----

    def _check_device(self, device: Device) -> None:
        for word, texts in (("shown", device.shown), ("told of", device.elsewhere)):
            for text in _doubles(texts):
                self._blame("D4", text, f"{device.who} was {word} {text} twice", Fate.DOUBLED)
        if device.shelf is None:
            self._blame("liveness", "", f"{device.who} never came to show what it has")
            return
        self._check_doubles(device, device.shelf)
        self._check_order(device, device.shelf)
        for entry in device.shelf:
            self._check_entry(device, entry)

    def _check_doubles(self, device: Device, shelf: tuple[Entry, ...]) -> None:
        for is_outgoing in (False, True):
            texts = (each.text for each in shelf if each.kind == TEXT and each.is_outgoing is is_outgoing)
            for text in _doubles(texts):
                self._blame("D4", text, f"{device.who} has {text} twice", Fate.DOUBLED)

    def _check_order(self, device: Device, shelf: tuple[Entry, ...]) -> None:
        """D3: what one device has written into one chat stands in the order in which it was written."""
        latest: dict[tuple[str, str], Message] = {}
        for entry in shelf:
            message = self._story.messages.get(entry.text)
            if message is None or entry.kind != TEXT or message.writer == device.who:
                continue
            before = latest.setdefault((message.writer, message.to), message)
            if before.place > message.place:
                sentence = f"{device.who} has {message.text} after {before.text}"
                self._blame("D3", message.text, sentence, Fate.REORDERED)
            else:
                latest[message.writer, message.to] = message

    def _check_entry(self, device: Device, entry: Entry) -> None:
        match entry.kind:
            case "undecryptable":
                name = self._names.get(entry.user, "somebody")
                self._blame("D2", "", f"{device.who} cannot open something of {name}")
            case "security_code_changed":
                name = self._names.get(entry.user, "somebody")
                self._blame("phantom", "", f"{device.who} says that {name} has other keys, who has not")
            case "text":
                self._check_origin(device, entry)
            case _:
                pass

    def _check_origin(self, device: Device, entry: Entry) -> None:
        message = self._story.messages.get(entry.text)
        if message is None:
            self._blame("phantom", entry.text, f"{device.who} has {entry.text}, which nobody wrote")
        elif not self._belongs(device, entry, message):
            self._blame("phantom", entry.text, f"{device.who} has {entry.text} in a wrong place")
        elif self._was_never_written(message):
            self._blame("phantom", entry.text, f"{device.who} has {entry.text}, which was never written")

    def _belongs(self, device: Device, entry: Entry, message: Message) -> bool:
        """Whether a message may stand there: on this device, in this chat, as from this person."""
        writer = self._story.writer(message)
        if entry.group != (message.to if message.to in self._story.groups else ""):
            return False
        if entry.is_outgoing:
            return device.person == writer.person
        return device.person in self._story.addressees(message) and entry.user == writer.user

    # ---- what became of a message ----

    def _check_message(self, message: Message) -> Fate:
        if self._was_never_written(message):
            return self._bad.get(message.text, Fate.NEVER_WRITTEN)
        state = self._last_state(message)
        if message.has_been(*TICKED) and state in ("failed", "pending"):
            self._blame("D1", message.text, f"{message.text} had a tick, and is {state}")
        if state in TICKED:
            return self._check_accepted(message, state)
        if state == "failed":
            return self._check_failed(message)
        if state == "expired":
            return self._check_expired(message)
        return self._check_unticked(message)

    def _last_state(self, message: Message) -> str:
        """The state of a message in the end, as its writer's device knows it."""
        writer = self._story.writer(message)
        entry = writer.outgoing.get(message.text)
        if entry is not None:
            return entry.state
        if writer.shelf is not None:
            self._blame("D1", message.text, f"{message.writer} has lost its own {message.text}", Fate.LOST)
        return message.ticks[-1].state if message.ticks else "pending"

    def _was_never_written(self, message: Message) -> bool:
        """Whether it is known to have come to nothing; a writer who is gone leaves that open."""
        gone = self._story.writer(message).shelf is None
        return message.is_declined or not (message.id or gone)

    def _check_accepted(self, message: Message, state: str) -> Fate:
        for device in self._story.owed(message):
            if device.shelf is not None and not _has(device, message):
                sentence = f"{device.who} never got {message.text}, which is {state}"
                self._blame("D2", message.text, sentence, Fate.LOST)
        self._check_delivered(message)
        self._check_read(message)
        if state == "accepted":
            self._check_lone_tick(message)
        return self._bad.get(message.text, Fate.DELIVERED)

    def _check_delivered(self, message: Message) -> None:
        """D5: ✓✓ only if a device of everybody it is to has it."""
        if not message.has_been("delivered", "read"):
            return
        for person in self._story.addressees(message):
            devices = self._story.of_person(person)
            if all(device.shelf is not None and not _has(device, message) for device in devices):
                self._blame("D5", message.text, f"{message.text} has ✓✓, and {person} does not have it")

    def _check_read(self, message: Message) -> None:
        """D5: read only if everybody it is to had looked by then."""
        for tick in message.ticks:
            if tick.state != "read":
                continue
            for person in self._story.addressees(message):
                if not self._glances.had_looked(person, message, tick.at):
                    self._blame("D5", message.text, f"{message.text} is read, and {person} had not looked")

    def _check_lone_tick(self, message: Message) -> None:
        """✓✓ has to come in the end to what everybody has; what somebody has not is lost anyway."""
        if all(_has(device, message) for device in self._story.owed(message)):
            self._blame("liveness", message.text, f"everybody has {message.text}, and its ✓✓ never came")

    def _check_failed(self, message: Message) -> Fate:
        error = next((tick.error for tick in reversed(message.ticks) if tick.state == "failed"), "")
        self.findings.refusals[error or "unknown"] += 1
        holders = self._holders(message)
        for device in holders:
            sentence = f"{device.who} has {message.text}, which has failed ({error})"
            self._blame("failed and delivered", message.text, sentence, Fate.FAILED_AND_DELIVERED)
        return self._bad.get(message.text, Fate.FAILED)

    def _check_expired(self, message: Message) -> Fate:
        self._blame("D6", message.text, f"{message.text} has expired, and is minutes old")
        return self._bad.get(message.text, Fate.EXPIRED)

    def _check_unticked(self, message: Message) -> Fate:
        if self._story.writer(message).shelf is not None:
            self._blame("liveness", message.text, f"{message.text} is neither accepted nor refused")
            return self._bad.get(message.text, Fate.UNSETTLED)
        fate = Fate.UNKNOWN_DELIVERED if self._holders(message) else Fate.UNKNOWN
        return self._bad.get(message.text, fate)

    def _holders(self, message: Message) -> list[Device]:
        """The devices of others that have a message."""
        devices = self._story.devices.values()
        return [device for device in devices if message.text in device.incoming]

    # ---- figures ----

    def _counts(self) -> dict[str, int]:
        story, fates = self._story, Counter(self.findings.fates.values())
        messages = story.messages.values()
        return {
            "people": len(self._names),
            "devices": len(story.devices),
            "lives": sum(device.lives for device in story.devices.values()),
            "written": sum(bool(message.id) for message in messages),
            "accepted": sum(message.has_been(*TICKED) for message in messages),
            "delivered": sum(message.has_been("delivered", "read") for message in messages),
            "read": sum(message.has_been("read") for message in messages),
            "shown": sum(len(device.shown) for device in story.devices.values()),
            "failed": fates[Fate.FAILED] + fates[Fate.FAILED_AND_DELIVERED],
            "expired": fates[Fate.EXPIRED],
            "unknown": fates[Fate.UNKNOWN] + fates[Fate.UNKNOWN_DELIVERED],
            "never written": fates[Fate.NEVER_WRITTEN],
            "lost": fates[Fate.LOST],
            "doubled": fates[Fate.DOUBLED],
            "reordered": fates[Fate.REORDERED],
        }


def _has(device: Device, message: Message) -> bool:
    """Whether a device shows a message, as come in or, of its own account, as sent."""
    return message.text in device.incoming or message.text in device.outgoing


def _doubles(texts: Iterable[str]) -> Iterator[str]:
    """What is there more than once."""
    for text, count in Counter(text for text in texts if text).items():
        if count > 1:
            yield text
