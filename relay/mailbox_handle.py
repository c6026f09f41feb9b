"""How others talk to the mailbox of a user: its messages, and the handle that sends them.

Beside `mailbox.py` and not in it, because the two together would be longer than anybody likes to read.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeAlias

from actors import ActorRef, ActorSystem
from protocol import (
    ChangeSettings,
    DeviceAddress,
    DeviceId,
    GroupId,
    MessageNumber,
    Send,
    Seq,
    Settings,
    UploadPrekeys,
    UserId,
)
from relay.config import COMMIT_SECONDS
from relay.correspondent import Source
from relay.devices import DeviceChange, UserDevices
from relay.errors import RefusalError
from relay.outgoing import Outgoing
from relay.prekeys import PrekeyCount
from storage import JournalError, Op, Reader
from storage.accounts import NO_DEVICE

Waiting: TypeAlias = Coroutine[Any, Any, None]
"""What a plain handler has still to do and must wait for; it returns it, and the runtime awaits it."""


def name_of(user: UserId) -> tuple[str, UserId]:
    """The unique name under which the registry knows a user's mailbox."""
    return ("mailbox", user)


# ---- messages ----


# Slotted and not frozen: built for every read of a socket, and freezing triples the cost.
@dataclass(slots=True)
class Submission:
    """Messages of one sender for this user, in order: those that one read of a socket held."""

    sender: DeviceAddress
    source: Source  # the connection on which they came: what is refused is answered there
    messages: list[Send]


# Likewise: one for every read of a socket that holds an Ack.
@dataclass(slots=True)
class Acknowledge:
    """A device has stored everything up to a seq."""

    device: DeviceId
    seq: Seq


@dataclass(frozen=True, slots=True)
class MarkRead:
    """A device of this user says that a sender's messages were read up to a number."""

    sender: DeviceAddress
    number: MessageNumber


@dataclass(frozen=True, slots=True)
class MarkGroupRead:
    """A device of this user says that a group was read up to a number of its timeline."""

    group: GroupId
    gseq: int


@dataclass(frozen=True, slots=True)
class Activity:
    """Somebody is typing to this user, or has paused."""

    sender: DeviceAddress
    is_typing: bool


@dataclass(frozen=True, slots=True)
class Attach:
    """A device is connected; its outgoing side knows what the device has and was given."""

    device: DeviceId
    outgoing: Outgoing


@dataclass(frozen=True, slots=True)
class Detach:
    """That connection has ended."""

    device: DeviceId
    outgoing: Outgoing


@dataclass(frozen=True, slots=True)
class Settle:
    """A sender lost sight of its messages because the mailbox died: how far did they come?"""

    sender: DeviceAddress
    source: Source
    submitted: MessageNumber


@dataclass(frozen=True, slots=True)
class ReplaceDevices:
    """The user has registered anew: from now on there is this one device. Asked; answered when durable."""

    device: DeviceId
    ops: list[Op]


Judge: TypeAlias = Callable[[Reader], DeviceChange]
"""A decision about the user's devices, taken by the mailbox on what is durable. May raise RefusalError."""


@dataclass(frozen=True, slots=True)
class ChangeDevices:
    """Devices come or go. Asked; answered with the DeviceChange when it is durable, or refused."""

    judge: Judge
    spare: DeviceId
    """The connection of this device, if it goes, is left to whoever answers on it."""


@dataclass(frozen=True, slots=True)
class TakeBundles:
    """Somebody wants to write to this user's devices. Asked; answered when the prekeys are durably gone."""

    devices: tuple[DeviceId, ...] | None
    """Which; None: all."""


@dataclass(frozen=True, slots=True)
class StorePrekeys:
    """A device of this user has uploaded prekeys. Asked; answered with how many there are, when durable."""

    device: DeviceId
    prekeys: UploadPrekeys


@dataclass(frozen=True, slots=True)
class ChangeOwnSettings:
    """The user has changed settings. Asked; answered with how they stand, or a refusal, when durable."""

    change: ChangeSettings


@dataclass(frozen=True, slots=True)
class Keep:
    """Rows of the user that the mailbox itself has no use for. Asked; answered when they are durable."""

    ops: list[Op]


@dataclass(frozen=True, slots=True)
class RemoveAccount:
    """The user leaves for good. Asked; answered when everything is durably gone, and the mailbox with it."""

    spare: DeviceId
    """The connection of this device is not closed: there somebody waits for the answer."""


class Expire:
    """The sweep says that something waits here which has expired."""


class Crash:
    """Test hooks only: die."""


EXPIRE = Expire()
CRASH = Crash()


class MailboxHandle:
    """How others talk to a mailbox. Tells to one that has died are dropped, as OTP's casts are."""

    __slots__ = ("ref",)

    def __init__(self, ref: ActorRef) -> None:
        self.ref = ref

    # What comes with every message returns None, or what to await if the mailbox is full: that slows the
    # device's own connection, and nobody else.

    def submit(self, sender: DeviceAddress, source: Source, messages: list[Send]) -> Waiting | None:
        """Hand over messages."""
        return self.ref.offer(Submission(sender, source, messages))

    def acknowledge(self, device: DeviceId, seq: Seq) -> Waiting | None:
        """A device has stored everything up to `seq`."""
        return self.ref.offer(Acknowledge(device, seq))

    def mark_read(self, sender: DeviceAddress, number: MessageNumber) -> Waiting | None:
        """The user has read the messages of `sender` up to `number`."""
        return self.ref.offer(MarkRead(sender, number))

    def mark_group_read(self, group: GroupId, gseq: int) -> Waiting | None:
        """The user has read a group up to `gseq`."""
        return self.ref.offer(MarkGroupRead(group, gseq))

    async def attach(self, device: DeviceId, outgoing: Outgoing) -> None:
        """A device is connected through `outgoing`; welcomes it if nobody has, and delivers."""
        await self.ref.tell(Attach(device, outgoing))

    def attach_nowait(self, device: DeviceId, outgoing: Outgoing) -> None:
        """As `attach`.

        Raises:
            MailboxFullError: there is no room for it now.
        """
        self.ref.tell_nowait(Attach(device, outgoing))

    def detach(self, device: DeviceId, outgoing: Outgoing) -> Waiting | None:
        """That connection has ended; harmless if a newer one has taken its place."""
        return self.ref.offer(Detach(device, outgoing))

    async def settle(self, sender: DeviceAddress, source: Source, submitted: MessageNumber) -> None:
        """Have the sender told what became of its messages up to `submitted`."""
        await self.ref.tell(Settle(sender, source, submitted))

    async def expire(self) -> None:
        """Have what is too old dropped, and its senders told."""
        await self.ref.tell(EXPIRE)

    async def replace_devices(self, device: DeviceId, ops: list[Op]) -> None:
        """Make `device` the user's only one; `ops` are submitted with what this takes. Raises as `_ask`."""
        await self._ask(ReplaceDevices(device, ops))

    async def change_devices(self, judge: Judge, spare: DeviceId = NO_DEVICE) -> DeviceChange:
        """Have devices come or go; returns what changed, durably. Raises as `_ask`, and RefusalError."""
        answer: DeviceChange | RefusalError = await self._ask(ChangeDevices(judge, spare))
        if isinstance(answer, RefusalError):
            raise answer
        return answer

    async def take_bundles(self, devices: tuple[DeviceId, ...] | None = None) -> UserDevices:
        """One bundle for each of these devices of the user, of all if None. Raises as `_ask`."""
        bundles: UserDevices = await self._ask(TakeBundles(devices))
        return bundles

    async def store_prekeys(self, device: DeviceId, prekeys: UploadPrekeys) -> PrekeyCount:
        """Keep what a device has uploaded; returns how many one-time prekeys it has. Raises as `_ask`."""
        count: PrekeyCount = await self._ask(StorePrekeys(device, prekeys))
        return count

    async def change_settings(self, change: ChangeSettings) -> Settings:
        """Change the user's settings; returns how they stand. Raises as `_ask`, and RefusalError."""
        answer: Settings | RefusalError = await self._ask(ChangeOwnSettings(change))
        if isinstance(answer, RefusalError):
            raise answer
        return answer

    async def keep(self, ops: list[Op]) -> None:
        """Store rows of the user, with the mailbox as their only writer. Raises as `_ask`."""
        await self._ask(Keep(ops))

    async def remove_account(self, spare: DeviceId) -> None:
        """Remove all rows of the user, and end. Raises as `_ask`."""
        await self._ask(RemoveAccount(spare))

    async def _ask(self, message: object) -> Any:
        """Ask for something that has to become durable.

        Raises:
            JournalError: it did not.
            ActorDeadError, CallTimeoutError: the mailbox died, or the disk is slow: nobody knows.
        """
        answer = await self.ref.ask(message, timeout=COMMIT_SECONDS)
        if isinstance(answer, JournalError):
            raise answer
        return answer

    def activity(self, sender: DeviceAddress, *, is_typing: bool) -> None:
        """Pass on that `sender` types or has paused; dropped if the mailbox is busy: it is only a hint."""
        self.ref.tell_nowait(Activity(sender, is_typing))

    def crash(self) -> None:
        """Test hooks only."""
        self.ref.tell_nowait(CRASH)


def running_mailbox(system: ActorSystem, user: UserId) -> MailboxHandle | None:
    """The mailbox of a user if it is in memory."""
    ref = system.registry.whereis(name_of(user))
    return MailboxHandle(ref) if ref is not None else None
