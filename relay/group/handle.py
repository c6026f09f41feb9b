"""How others talk to the actor of a group: its messages, and the handle that sends them."""

from dataclasses import dataclass, field
from typing import Any

from actors import ActorRef, ActorSystem, MailboxFullError
from protocol import DeviceAddress, GroupId, GroupSeq, MessageNumber, SendGroup, UserId
from relay.config import COMMIT_SECONDS
from relay.correspondent import Source
from relay.errors import RefusalError
from relay.mailbox_handle import Activity, Settle, Waiting
from storage import JournalError


def name_of(group: GroupId) -> tuple[str, GroupId]:
    """The unique name under which the registry knows a group's actor."""
    return ("group", group)


# Slotted and not frozen: built for every read of a socket, and freezing triples the cost.
@dataclass(slots=True)
class GroupSubmission:
    """Messages of one sender for this group, in order: those that one read of a socket held."""

    sender: DeviceAddress
    source: Source
    messages: list[SendGroup]


@dataclass(slots=True)
class Arrived:
    """A worker has everything of this group up to here, durably."""

    worker: int
    gseq: GroupSeq
    gone: list[UserId]
    """Members who have no account any more."""


@dataclass(slots=True)
class Reached:
    """How far members are."""

    marks: list[tuple[UserId, int, int]]


@dataclass(frozen=True, slots=True)
class Append:
    """Append these entries to the log. Asked; answered with the next index or a refusal, when durable."""

    author: DeviceAddress
    entries: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class AskToJoin:
    """Somebody wants to be let in. Asked; answered when that is durable."""

    user: UserId
    invite: bytes = field(repr=False)
    proof: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Dismiss:
    """An admin does not let these in. Asked; answered when that is durable."""

    admin: UserId
    users: tuple[UserId, ...]


@dataclass(frozen=True, slots=True)
class Resend:
    """What a worker has not answered for may be lost."""

    worker: int


class GroupCrash:
    """Test hooks only: die."""


GROUP_CRASH = GroupCrash()


class GroupHandle:
    """How others talk to a group of this worker. Tells to one that has died are dropped, as OTP's casts."""

    __slots__ = ("ref",)

    def __init__(self, ref: ActorRef) -> None:
        self.ref = ref

    def submit(self, sender: DeviceAddress, source: Source, messages: list[SendGroup]) -> Waiting | None:
        """Hand over messages; returns None, or what to await if the group has no room."""
        return self.ref.offer(GroupSubmission(sender, source, messages))

    async def settle(self, sender: DeviceAddress, source: Source, submitted: MessageNumber) -> None:
        """Have the sender told what became of its messages up to `submitted`."""
        await self.ref.tell(Settle(sender, source, submitted))

    def arrived(self, worker: int, gseq: GroupSeq, gone: list[UserId]) -> None:
        """A worker has everything up to here; a group that has no room for it sends it once more."""
        self._hint(Arrived(worker, gseq, gone))

    def reached(self, marks: list[tuple[UserId, int, int]]) -> None:
        """How far members are; what a group has no room for is told with the next."""
        self._hint(Reached(marks))

    def activity(self, sender: DeviceAddress, *, is_typing: bool) -> None:
        """Somebody types, or has paused: a hint."""
        self._hint(Activity(sender, is_typing))

    def resend(self, worker: int) -> None:
        """What a worker has not answered for may be lost."""
        self._hint(Resend(worker))

    def crash(self) -> None:
        """Test hooks only."""
        self._hint(GROUP_CRASH)

    def _hint(self, message: object) -> None:
        try:
            self.ref.tell_nowait(message)
        except MailboxFullError:
            pass

    async def append(self, author: DeviceAddress, entries: tuple[bytes, ...]) -> int:
        """Append to the log; returns the next index. Raises as `_ask`."""
        index: int = await self._ask(Append(author, entries))
        return index

    async def ask_to_join(self, user: UserId, invite: bytes, proof: bytes) -> None:
        """Have the admins asked. Raises as `_ask`."""
        await self._ask(AskToJoin(user, invite, proof))

    async def dismiss(self, admin: UserId, users: tuple[UserId, ...]) -> None:
        """Forget that these have asked. Raises as `_ask`."""
        await self._ask(Dismiss(admin, users))

    async def _ask(self, message: object) -> Any:
        """Ask for something that has to become durable.

        Raises:
            RefusalError: it is refused by name.
            JournalError: it is not durable.
            ActorDeadError, CallTimeoutError: the group died, or the disk is slow: nobody knows.
        """
        answer = await self.ref.ask(message, timeout=COMMIT_SECONDS)
        if isinstance(answer, (RefusalError, JournalError)):
            raise answer
        return answer


def running_group(system: ActorSystem, group: GroupId) -> GroupHandle | None:
    """The actor of a group if it is in memory."""
    ref = system.registry.whereis(name_of(group))
    return GroupHandle(ref) if ref is not None else None
