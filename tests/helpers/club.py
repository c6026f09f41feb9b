"""A group in a test of the relay: entries with made-up keys and signatures, which no relay looks into."""

from collections.abc import Sequence

from protocol import (
    AppendEntries,
    Deliver,
    DeviceAddress,
    EntriesAppended,
    Failed,
    GroupAddress,
    GroupId,
    MessageNumber,
    SendGroup,
    UserId,
)
from protocol.membership import (
    NO_ENTRY,
    Action,
    Add,
    Create,
    Entry,
    Leave,
    NewMember,
    Remove,
    Settings,
    SignedEntry,
    entry_hash,
)
from tests.helpers.device import Device

KEY = b"k" * 32


class Club:
    """A group's log as its members see it, and how they speak in it."""

    def __init__(self, group: int = 0x0123456789ABCDEF) -> None:
        self.group = GroupId(group)
        self.chat = GroupAddress(self.group)
        self.entries: list[bytes] = []
        self._requests = 1_000

    def sign(self, author: DeviceAddress, action: Action, index: int | None = None) -> bytes:
        """The next entry, by this author; it counts as appended."""
        previous = entry_hash(self.entries[-1]) if self.entries else NO_ENTRY
        place = len(self.entries) if index is None else index
        entry = Entry(self.group, place, previous, author, KEY, 1_700_000_000, action)
        signed = SignedEntry(entry, entry.encode(), b"s" * 64).encode()
        self.entries.append(signed)
        return signed

    def create(self, author: DeviceAddress, users: Sequence[UserId], settings: int = 0) -> bytes:
        """The entry that begins the group."""
        members = tuple(NewMember(user, KEY) for user in users)
        return self.sign(author, Create(members, Settings(settings), b"info"))

    def add(self, author: DeviceAddress, *users: UserId) -> bytes:
        """The entry that takes people in."""
        return self.sign(author, Add(tuple(NewMember(user, KEY) for user in users)))

    def remove(self, author: DeviceAddress, *users: UserId) -> bytes:
        """The entry that puts members out."""
        return self.sign(author, Remove(users))

    def leave(self, author: DeviceAddress) -> bytes:
        """The entry by which somebody goes."""
        return self.sign(author, Leave())

    @property
    def epoch(self) -> int:
        """The newest entry."""
        return len(self.entries) - 1

    def ask_to_append(self, device: Device, *entries: bytes) -> None:
        """Say so, and wait for no answer."""
        self._requests += 1
        device.say(AppendEntries(self._requests, self.group, entries))

    async def append(self, device: Device, *entries: bytes) -> int:
        """Append entries; the next index."""
        self.ask_to_append(device, *entries)
        answer = await device.take((EntriesAppended, Failed))
        assert isinstance(answer, EntriesAppended), answer
        return answer.next

    async def refused(self, device: Device, *entries: bytes) -> Failed:
        """Try to append entries, which are refused; they do not count."""
        self.ask_to_append(device, *entries)
        answer = await device.take((EntriesAppended, Failed))
        assert isinstance(answer, Failed), answer
        for entry in entries:
            if entry in self.entries:
                self.entries.remove(entry)
        return answer

    def send(
        self, device: Device, number: int, ciphertext: bytes = b"sealed", epoch: int | None = None
    ) -> None:
        """Say something to the group."""
        known = self.epoch if epoch is None else epoch
        device.say(SendGroup(self.chat, MessageNumber(number), known, ciphertext))


async def messages(device: Device, count: int) -> list[bytes]:
    """What the next so many messages of groups say; entries of the log between them are passed over."""
    said: list[bytes] = []
    while len(said) < count:
        delivery = await device.expect(Deliver)
        if not delivery.is_entry:
            said.append(delivery.ciphertext)
    return said
