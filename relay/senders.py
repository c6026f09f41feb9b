"""How far the messages of each sending device have come, for one recipient: ✓, ✓✓ and read, as numbers.

Pure but for reading the store: a mailbox owns one, tells it what happened, and submits what it returns.

Rule: what is remembered is ahead of the disk by what is on its way there. So nothing is forgotten while
anything is on its way.
"""

from collections.abc import Sequence
from typing import Final

from protocol import DeviceAddress, MemberAddress, MessageNumber, UserId
from relay.device_queue import InFlight
from storage import Environment, Op
from storage.progress import Progress, list_senders, load_progress, put_progress

MAX_SENDERS_REMEMBERED = 1_024
"""Senders whose numbers are kept in memory (about 250 bytes each); the store has them all."""

Ticks = dict[DeviceAddress, MessageNumber]  # {sender: delivered up to}


class SenderState:
    """How far the messages of one sending device have come."""

    __slots__ = ("durable", "progress")

    def __init__(self, progress: Progress) -> None:
        self.progress = progress  # as it will be when everything that was submitted is durable
        self.durable: int = progress.accepted  # the accepted number that is on disk


_NO_STATES: Final[dict[DeviceAddress, SenderState]] = {}  # of all who have none; never written to


class Senders:
    """What a mailbox knows of those who write to its user."""

    __slots__ = ("_environment", "_states", "_user")

    def __init__(self, environment: Environment, user: UserId) -> None:
        self._environment = environment
        self._user = user
        # Few more than MAX_SENDERS_REMEMBERED; made for the first: nobody writes to most who are online.
        self._states: dict[DeviceAddress, SenderState] = _NO_STATES

    @property
    def are_many(self) -> bool:
        """Whether it is time for `forget`."""
        return len(self._states) >= MAX_SENDERS_REMEMBERED

    def forget(self) -> None:
        """Read from the store again. Only while nothing is on its way there."""
        self._states = _NO_STATES

    def of(self, sender: DeviceAddress) -> SenderState:
        """How far a sender's messages have come; from memory, or from the store at its first message.

        Raises:
            CorruptRecordError: the row is damaged.
        """
        state = self._states.get(sender)
        if state is None:
            state = self._load(sender)
            self._remember(sender, state)
        return state

    def _remember(self, sender: DeviceAddress, state: SenderState) -> None:
        if self._states is _NO_STATES:
            self._states = {}
        self._states[sender] = state

    def _load(self, sender: DeviceAddress) -> SenderState:
        with self._environment.read() as reader:
            return SenderState(load_progress(reader, self._user, sender))

    def put(self, sender: DeviceAddress, state: SenderState) -> Op:
        """What makes durable how far a sender's messages have come."""
        return put_progress(self._user, sender, state.progress)

    def everybody(self, *, on_disk: bool) -> dict[DeviceAddress, Progress]:
        """How far the messages of all who ever wrote to the user have come.

        Args:
            on_disk: as the disk has it; False for what is on its way there included.

        Raises:
            CorruptRecordError: a row is damaged.
        """
        with self._environment.read() as reader:
            stored = dict(list_senders(reader, self._user))
        return (
            stored if on_disk else stored | {sender: state.progress for sender, state in self._states.items()}
        )

    def replace(self, sender: DeviceAddress, progress: Progress) -> Op:
        """Let `progress` hold from now on; returns what makes it durable."""
        state = self._states.get(sender)
        if state is not None:
            state.progress = progress
        return put_progress(self._user, sender, progress)

    def delivered(self, done: Sequence[InFlight], *, is_only_device: bool = True) -> tuple[Ticks, list[Op]]:
        """A device has acknowledged these: the ✓✓ to tell, and what makes them durable.

        One step for each sender, however many messages of theirs were acknowledged. With several devices the
        first to acknowledge makes the tick. But ✓✓ counts for all below it too, and a device that was linked
        later has never got what came before: then the tick waits until an older one has acknowledged that.

        Args:
            done: what was acknowledged, in order.
            is_only_device: there is no other device that could have got what this one has not.
        """
        own = [
            (delivery.sender, MessageNumber(delivery.number))
            for delivery in done
            if not isinstance(delivery.sender, MemberAddress)  # those of groups are not ours
        ]
        newest = dict(own)
        oldest = {} if is_only_device else dict(reversed(own))
        ticks: Ticks = {}
        ops: list[Op] = []
        for sender, number in newest.items():
            state = self.of(sender)
            progress = state.progress
            if number > progress.delivered:
                if oldest and _leaves_out_some(progress, oldest[sender]):
                    continue
                state.progress = Progress(progress.accepted, number, progress.read, progress.expired)
                ops.append(self.put(sender, state))
                ticks[sender] = number
        return ticks, ops

    def read(self, sender: DeviceAddress, number: MessageNumber) -> tuple[MessageNumber, list[Op]]:
        """A sender's messages were read; never more than was delivered, whatever a client says.

        Returns:
            Up to where they were, and what makes it durable; nothing if that is known already.
        """
        state = self._states.get(sender) or self._load(sender)
        progress = state.progress
        number = min(number, progress.delivered)
        if number <= progress.read:
            return number, []  # a device may name senders that have never written: these are not remembered
        self._remember(sender, state)
        state.progress = Progress(progress.accepted, progress.delivered, number, progress.expired)
        return number, [self.put(sender, state)]


def _leaves_out_some(progress: Progress, first: int) -> bool:
    """Whether a message before `first` has neither been delivered nor expired."""
    waits = progress.delivered + 1
    return first > waits and not any(run.first <= waits and first - 1 <= run.last for run in progress.expired)
