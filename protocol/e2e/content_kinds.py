"""The kinds of content, one frozen class each; content_schema.py says how each is written.

Three families. A **message** stands in the history by itself: ``Text``, ``Contact``, ``Location``. A
**change** says something about an earlier message: ``Reaction``, ``Edit``, ``Deletion``, ``Opened``. Who may
say it is in its form: an edit and a deletion name a message by its id alone, and mean one by whoever sends
them, so that nobody can even express a wish to change what somebody else has written. A **rule** holds for
the chat from then on: ``ChatTimer``, ``KeepHere``.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from protocol.e2e.content_marks import NO_MARKS, Marks
from protocol.ids import UserId


class MessageRef(NamedTuple):
    """Which message is meant: whose it is, and the id that its content carries."""

    sender: UserId
    id: bytes


@dataclass(frozen=True, slots=True)
class Text:
    """A text message, perhaps an answer to an earlier one."""

    id: bytes
    sent_at: int
    text: str = field(repr=False)
    profile_key: bytes | None = field(default=None, repr=False)
    """What opens the sender's profile; travels with the first text, and with one after it has changed."""
    reply_to: MessageRef | None = None
    """The message that is answered. Its text is not repeated: a copy would outlive the message's deletion."""
    mentions: tuple[UserId, ...] = ()
    """Who is named in the text, where it has their number behind an ``@``."""
    marks: Marks = NO_MARKS


@dataclass(frozen=True, slots=True)
class Reaction:
    """A sign on a message; the same person's next one takes its place."""

    id: bytes
    sent_at: int
    target: MessageRef
    emoji: str | None = field(default=None, repr=False)
    """None takes the reaction back."""
    marks: Marks = NO_MARKS


@dataclass(frozen=True, slots=True)
class Edit:
    """Another wording of a text that the same person sent a short while ago (content_rules.py)."""

    id: bytes
    sent_at: int
    target: bytes
    text: str = field(repr=False)
    mentions: tuple[UserId, ...] = ()
    marks: Marks = NO_MARKS


@dataclass(frozen=True, slots=True)
class Deletion:
    """Asks to delete a message that the same person sent, for everyone (content_rules.py)."""

    id: bytes
    sent_at: int
    target: bytes
    marks: Marks = NO_MARKS


@dataclass(frozen=True, slots=True)
class Opened:
    """Says that a message to be viewed once has been viewed."""

    id: bytes
    sent_at: int
    target: MessageRef
    marks: Marks = NO_MARKS


@dataclass(frozen=True, slots=True)
class Contact:
    """Somebody's name and numbers. What else their card holds stays at home."""

    id: bytes
    sent_at: int
    name: str = field(repr=False)
    phones: tuple[str, ...] = field(repr=False)
    marks: Marks = NO_MARKS


@dataclass(frozen=True, slots=True)
class Location:
    """A place, in millionths of a degree (11 cm), perhaps with its name."""

    id: bytes
    sent_at: int
    latitude: int = field(repr=False)
    longitude: int = field(repr=False)
    name: str | None = field(default=None, repr=False)
    marks: Marks = NO_MARKS


@dataclass(frozen=True, slots=True)
class ChatTimer:
    """How long new messages of this chat live from now on, whoever sends them."""

    id: bytes
    sent_at: int
    seconds: int = 0
    """0: they stay."""
    marks: Marks = NO_MARKS


@dataclass(frozen=True, slots=True)
class KeepHere:
    """Asks that what is said in this chat stays in it: neither forwarded nor exported."""

    id: bytes
    sent_at: int
    on: int
    """1: asked; 0: not any more."""
    marks: Marks = NO_MARKS


@dataclass(frozen=True, slots=True)
class NumberChanged:
    """The sender has another number. It says so itself: who has which number is the relay's word."""

    id: bytes
    sent_at: int
    old: str
    new: str
    marks: Marks = NO_MARKS


@dataclass(frozen=True, slots=True)
class Unknown:
    """Content of a kind that this version does not know."""

    id: bytes
    sent_at: int
    kind: int
    encoded: bytes = field(repr=False)
    """The whole content as it came."""
    marks: Marks = NO_MARKS


Message = Text | Contact | Location
"""What stands in the history by itself."""

Change = Reaction | Edit | Deletion | Opened
"""What says something about an earlier message."""

Rule = ChatTimer | KeepHere
"""What holds for the chat from then on."""

Content = Message | Change | Rule | NumberChanged | Unknown
