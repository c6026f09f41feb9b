"""What is looked at while a history runs, because nobody could tell it afterwards.

- D1, at the moment a ✓ comes: the message is on a disk.
- No message key is used for two messages.
- What the node and the phones log as a surprise.
"""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from client.records import MessageState
from faults.simulation.people import Device
from faults.substitution import substituted
from protocol.e2e import sender_keys
from protocol.e2e.aead import MessageAead
from protocol.ids import DeviceAddress, UserId
from storage import Op
from storage.mailboxes import MESSAGE_CODEC, QueuedMessage
from storage.tables import QUEUE, Put

SEQ_BYTES = 8

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


class Disks:
    """What has ever been on a disk of the node."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._stored: dict[tuple[DeviceAddress, UserId], int] = {}
        """{(from, to): the highest number}"""
        self._once: dict[tuple[bytes, DeviceAddress, int], None] = {}

    def look(self, batches: Sequence[Sequence[Op]]) -> None:
        """At a commit."""
        for ops in batches:
            for op in ops:
                if isinstance(op, Put) and op.table == QUEUE:
                    self._note(op)

    def _note(self, op: Put) -> None:
        message = MESSAGE_CODEC.unpack(op.key, op.value)
        if not isinstance(message, QueuedMessage):
            return
        owner = op.key[:-SEQ_BYTES]
        once = (owner, message.sender, int(message.number))
        if once in self._once:
            self.problems.append(f"D4: number {message.number} of {message.sender} was stored twice")
        self._once[once] = None
        pair = (message.sender, UserId(int.from_bytes(owner[:8])))
        self._stored[pair] = max(self._stored.get(pair, 0), int(message.number))

    def find_false_tick(self, device: Device, message_id: str, state: MessageState) -> str | None:
        """What is wrong with a tick at the moment it comes."""
        phone = device.phone
        entry = phone.entry(message_id) if phone is not None else None
        if phone is None or entry is None or entry.group is not None:
            return None
        if state is MessageState.DELIVERED:
            return _find_false_delivery(device, message_id)
        if state is not MessageState.ACCEPTED:
            return None
        if entry.number is None or entry.user is None:
            return None
        stored = self._stored.get((phone.account.address, entry.user), 0)
        if stored >= entry.number:
            return None
        return f"D1: {entry.text!r} was ticked and is on no disk ({entry.number}, {stored} stored)"


def _find_false_delivery(device: Device, message_id: str) -> str | None:
    """D5, at the moment a ✓✓ comes: a device of the recipient has the message; looked at if all are on."""
    written = next((each for each in device.written if each.message_id == message_id), None)
    if written is None or written.to is None or written.to.is_moving:
        return None
    phones = [each.phone for each in written.to.devices]
    if None in phones:
        return None
    if any(phone is not None and phone.entry(message_id) is not None for phone in phones):
        return None
    return f"D5: {written.text!r} has ✓✓ and no device of {written.to.name} has it"


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


class Complaints(logging.Handler):
    """What was logged that no fault explains."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.problems: list[str] = []
        self.counts: dict[str, int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Count it, and keep it if it is a surprise."""
        event = record.getMessage()
        self.counts[event] = self.counts.get(event, 0) + 1
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
