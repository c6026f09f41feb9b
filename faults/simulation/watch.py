"""What is looked at while a history runs, because nobody could tell it afterwards.

- No message key is used for two messages.
- D9: whoever listens behind the channels' encryption, between the workers or at the disks reads no text.
- D7: no mailbox, journal or connection has ever held more than its bound.
- What the node and the phones log as a surprise.

What is on the disks is looked at by ``rows.py``.
"""

import hashlib
import logging
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from actors import ActorRef
from actors.introspection import actor_info
from actors.mailbox import Mailbox
from faults.simulation.link import SimLink
from faults.substitution import substituted
from protocol.e2e import sender_keys
from protocol.e2e.aead import MessageAead
from protocol.ids import DeviceAddress
from protocol.noise.transport import Transport

# Exceptions that no fault brings about: whoever raises one in an actor has a bug.
SURPRISES = (
    "AssertionError",
    "AttributeError",
    "ClosedResourceError",
    "CorruptRecordError",
    "IndexError",
    "KeyError",
    "LocalProtocolError",
    "MisuseError",
    "NameError",
    "OperationalError",
    "ProgrammingError",
    "RecursionError",
    "TypeError",
    "UnboundLocalError",
    "UnexpectedMessageError",
    "ValueError",
    "ZeroDivisionError",
)


class KeyUses:
    """Every message key that a phone has sealed with, and what."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._uses: dict[bytes, bytes] = {}

    def note(self, key: bytes, plaintext: bytes) -> None:
        """A key is used. The same text again would give the same ciphertext, and tell nobody anything."""
        name, said = hashlib.blake2b(key).digest()[:16], hashlib.blake2b(plaintext).digest()[:16]
        if self._uses.setdefault(name, said) != said:
            self.problems.append("a message key was used for two messages")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look on for the length of a block."""
        encrypt, step = MessageAead.encrypt, sender_keys.SenderKey.encrypt

        async def noted_encrypt(plaintext: bytes, key: bytes, associated_data: bytes) -> bytes:
            self.note(key, plaintext)
            return await encrypt(plaintext, key, associated_data)

        def noted_group_encrypt(
            own: sender_keys.SenderKey,
            plaintext: bytes,
            sender: DeviceAddress,
            context: sender_keys.GroupContext,
        ) -> bytes:
            self.note(own.encode(), plaintext)
            return step(own, plaintext, sender, context)

        with ExitStack() as stack:
            stack.enter_context(substituted(MessageAead, "encrypt", staticmethod(noted_encrypt)))
            stack.enter_context(substituted(sender_keys.SenderKey, "encrypt", noted_group_encrypt))
            yield


TEXT = re.compile(rb"p\d\d\.\d+ #\d|of p\d\d\.\d")
"""What people here write, and what they call their groups: no chance of it in what is encrypted."""


class Eavesdropper:
    """D9: reads all that the relay could read, and finds no text in it."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def read(self, data: bytes, where: str) -> None:
        """Look at some bytes."""
        found = TEXT.search(data)
        if found is not None:
            self.problems.append(f"D9: {found.group().decode()!r} can be read {where}")

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Read what comes out of the channels' encryption, at both ends, for the length of a block."""
        decrypt = Transport.decrypt

        def overheard(transport: Transport, message: bytes) -> bytes:
            plaintext = decrypt(transport, message)
            self.read(plaintext, "in a frame")
            return plaintext

        with substituted(Transport, "decrypt", overheard):
            yield


class Watermarks:
    """D7: how full queues have been, at the most."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def note_actor(self, ref: ActorRef) -> None:
        """A living actor's mailbox."""
        info = actor_info(ref)
        if info is not None and info.mailbox.peak > info.mailbox.limit:
            self._note(f"the mailbox of {ref}", info.mailbox.peak, info.mailbox.limit)

    def note_unsent(self, link: SimLink, data: bytes, limit: int) -> None:
        """A connection's: what is over the bound must be what the last writing has added."""
        if link.unsent_bytes > limit + len(data):
            self._note(f"what is unsent of {link.name}", link.unsent_bytes, limit + len(data))

    def note_backlog(self, peak: int, limit: int) -> None:
        """A journal's."""
        if peak > limit:
            self._note("a journal", peak, limit)

    def _note(self, what: str, peak: int, limit: int) -> None:
        self.problems.append(f"D7: {what} has held {peak}, and its bound is {limit}")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look at each mailbox when it is closed, for the length of a block."""
        close = Mailbox.close

        def looked_at(mailbox: Mailbox) -> list[object]:
            if mailbox.peak > mailbox.limit:
                self._note("the mailbox of an actor that has ended", mailbox.peak, mailbox.limit)
            return close(mailbox)

        with substituted(Mailbox, "close", looked_at):
            yield


class Complaints(logging.Handler):
    """What was logged that no fault explains."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.problems: list[str] = []
        self.counts: dict[str, int] = {}
        self.given_up: list[str] = []
        """Supervisors whose restart limit was reached."""

    def emit(self, record: logging.LogRecord) -> None:
        """Count it, and keep it if it is a surprise."""
        event = record.getMessage()
        self.counts[event] = self.counts.get(event, 0) + 1
        if event == "supervisor_gave_up":
            self.given_up.append(f"{vars(record).get('supervisor')} over {vars(record).get('child')}")
        facts = {key: value for key, value in vars(record).items() if key in _FACTS}
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        words = " ".join(str(value) for value in facts.values()) + " " + kind
        if any(name in words.replace("(", " ").replace(":", " ").split() for name in SURPRISES):
            self.problems.append(f"surprise: {event} {facts} {kind}")

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear what the house logs, and keep it from the terminal."""
        log = logging.getLogger("roost")
        before = log.level, log.propagate
        log.setLevel(logging.WARNING)
        log.propagate = False
        log.addHandler(self)
        try:
            yield
        finally:
            log.removeHandler(self)
            log.level, log.propagate = before


_FACTS = (
    "reason",
    "actor_class",
    "child",
    "supervisor",
    "error",
    "error_type",
    "raised_at",
    "last_message",
    "why",
)
