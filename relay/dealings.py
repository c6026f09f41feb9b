"""What a connection has to do with mailboxes: that of its own user, and those its device writes to.

A part of one connection's actor and in its task; here because it is a matter of its own.
Owns: which mailboxes the connection watches, and what the device has handed to each, so that a mailbox may
    die without the device noticing: its successor is told how far the device had come.
Not here: what the mailboxes do with it (mailbox.py), what the device is told (outgoing.py).
"""

from collections import deque
from collections.abc import Sequence

import trio

from actors import NORMAL, Actor, ActorDeadError, ActorRef, ExitReason, MailboxFullError
from protocol import (
    DeviceAddress,
    ErrorCode,
    GroupAddress,
    MessageNumber,
    Paused,
    Read,
    Send,
    SendGroup,
    Seq,
    Typing,
    UserId,
)
from relay.bus.chat import ChatId
from relay.bus.remote_mailbox import RemoteMailbox
from relay.config import REATTACH_LIMIT, REATTACH_WINDOW_SECONDS, SWEEP_SECONDS
from relay.errors import RefusalError
from relay.group import bus_side
from relay.group.groups import Groups
from relay.mailbox_handle import MailboxHandle, Waiting
from relay.mailboxes import Mailboxes
from relay.outgoing import Outgoing
from relay.rate_limits import whole_seconds
from relay.worker import Worker
from supervisors import ChildStartError


class Chat:
    """What a connection remembers of a user that its device writes to."""

    __slots__ = ("mailbox", "submitted")

    def __init__(self, mailbox: ActorRef) -> None:
        self.mailbox = mailbox  # which is monitored
        self.submitted = MessageNumber(0)  # the newest number handed to it


class Dealings:
    """One connection's dealings with mailboxes, once its device is logged in."""

    __slots__ = ("_actor", "_chats", "_mailboxes", "_outgoing", "_own", "_reattached", "_worker")

    def __init__(self, actor: Actor, worker: Worker, mailboxes: Mailboxes, outgoing: Outgoing) -> None:
        self._actor = actor  # the connection, which watches
        self._worker = worker
        self._mailboxes = mailboxes
        self._outgoing = outgoing
        self._own: MailboxHandle | None = None  # the mailbox of the device's user; monitored
        # Bounded by the handles of a connection (4,096); most connections have none, and make none.
        self._chats: dict[ChatId, Chat] | None = None
        self._reattached: deque[float] | None = None  # when, made at the first time

    @property
    def _device(self) -> DeviceAddress:
        device = self._outgoing.device
        assert device is not None  # the protocol lets nobody else say any of this
        return device

    # ---- its own mailbox ----

    def attach_nowait(self) -> bool:
        """As `attach`, at once; False if that would have to wait, and nothing was done."""
        own = self._mailboxes.get_nowait(self._device.user)
        if own is None:
            return False
        try:
            own.attach_nowait(self._device.device, self._outgoing)
        except MailboxFullError:
            return False
        self._own = own
        self._actor.monitor(own.ref)
        return True

    async def attach(self) -> None:
        """Have the user's mailbox welcome the device, and deliver. Raises as `Mailboxes.get`."""
        own = self._own = await self._mailboxes.get(self._device.user)
        self._actor.monitor(own.ref)
        await own.attach(self._device.device, self._outgoing)

    # What comes with every message or connection returns None, or what to await.

    def detach(self) -> Waiting | None:
        """The connection is over."""
        return self._own.detach(self._device.device, self._outgoing) if self._own is not None else None

    def acknowledge(self, seq: Seq) -> Waiting | None:
        """Pass an acknowledgement on."""
        if seq > self._outgoing.acked:
            self._outgoing.acked = seq
            if self._own is not None and not self._pass_by(seq):
                return self._own.acknowledge(self._device.device, seq)
        return None

    def _pass_by(self, seq: Seq) -> bool:
        """Acknowledge what fan-out rows bear by the mailbox's door, as porters and the journal use it.

        With a group of a thousand all devices acknowledge at once, and a message to each mailbox for it
        would cost as much as the rest. False: it is the mailbox's own business. What overtakes a message that
        waits there changes nothing for it: acknowledgements are cumulative.
        """
        flight = self._worker.flights.get(self._device.user)
        if flight is None or not flight.is_open or flight.door is None:
            return False
        if not flight.door.passes(self._device.device):
            return False
        flight.door.acknowledge(self._device.device, seq)
        return True

    def mark_read(self, event: Read) -> Waiting | None:
        """Pass on what the user has read."""
        sender, number = event.chat, MessageNumber(event.number)
        if isinstance(sender, GroupAddress):
            self._outgoing.was_read(sender, number)
            return self._own.mark_group_read(sender.group, number) if self._own is not None else None
        assert isinstance(sender, DeviceAddress)
        self._outgoing.was_read(sender, number)
        return self._own.mark_read(sender, number) if self._own is not None else None

    def crash(self) -> bool:
        """Test hooks only; says whether there was a mailbox to crash."""
        if self._own is None:
            return False
        self._own.crash()
        return True

    # ---- those of others ----

    def send(self, messages: list[Send]) -> Waiting | None:
        """Hand messages to their recipient's mailbox; whatever becomes of them is answered from there."""
        user = messages[0].chat
        if not self._may_send(messages):
            return None
        mailbox = self._mailboxes.reachable(user)
        if mailbox is None:
            return self._send_when_started(user, messages)
        return self._submit(mailbox, user, messages)

    def _may_send(self, messages: Sequence[Send | SendGroup]) -> bool:
        """Whether the account has a quota left for these; otherwise they are refused."""
        beat_seconds = self._worker.surroundings.beat * SWEEP_SECONDS
        wait = self._worker.limits.messages.take(self._device.user, beat_seconds, len(messages))
        if wait:
            for message in messages:
                self._outgoing.refused(message.chat, message.number, ErrorCode.WAIT, whole_seconds(wait))
        return not wait

    def send_group(self, messages: list[SendGroup]) -> Waiting | None:
        """Hand messages to their group, wherever it lives; it answers."""
        chat = messages[0].chat
        if not self._may_send(messages):
            return None
        peer = self._worker.bus.peer_of(chat)
        if peer is not None:
            return self._worker.abroad.submit_group(peer, self._device, self._outgoing, messages)
        group = Groups(self._worker).running(chat.group)
        if group is None:
            return self._send_when_group_started(messages)
        self._note(chat, group.ref, messages[-1].number)
        return group.submit(self._device, self._outgoing, messages)

    async def _send_when_group_started(self, messages: list[SendGroup]) -> None:
        chat = messages[0].chat
        group = await Groups(self._worker).get(chat.group)
        self._note(chat, group.ref, messages[-1].number)
        waiting = group.submit(self._device, self._outgoing, messages)
        if waiting is not None:
            await waiting

    async def _send_when_started(self, user: UserId, messages: list[Send]) -> None:
        """The same for a user whose mailbox nobody has in memory."""
        try:
            mailbox = await self._mailboxes.recipient(user)
        except RefusalError as refusal:
            for message in messages:
                self._outgoing.refused(user, message.number, refusal.code)
            return
        waiting = self._submit(mailbox, user, messages)
        if waiting is not None:
            await waiting

    def _submit(
        self, mailbox: MailboxHandle | RemoteMailbox, user: UserId, messages: list[Send]
    ) -> Waiting | None:
        if mailbox.ref is not None:
            self._note(user, mailbox.ref, messages[-1].number)
        return mailbox.submit(self._device, self._outgoing, messages)

    def activity(self, event: Typing | Paused) -> None:
        """Typing is passed on to those who are online, and to nobody else."""
        if isinstance(event.chat, GroupAddress):
            is_typing = type(event) is Typing
            bus_side.typing_of(self._worker, self._device, event.chat.group, is_typing=is_typing)
            return
        mailbox = self._mailboxes.reachable(event.chat)  # type: ignore[arg-type]  # a client's chat is a user
        if mailbox is not None:
            try:
                mailbox.activity(self._device, is_typing=type(event) is Typing)
            except MailboxFullError:
                pass

    def _note(self, user: ChatId, mailbox: ActorRef, submitted: MessageNumber) -> None:
        """Remember what was handed to whom, and watch whoever has it."""
        if self._chats is None:
            self._chats = {}
        chat = self._chats.get(user)
        if chat is None or chat.mailbox is not mailbox:
            chat = self._chats[user] = Chat(mailbox)
            self._actor.monitor(mailbox)
        chat.submitted = submitted

    # ---- mailboxes die ----

    async def mailbox_died(self, ref: ActorRef, reason: ExitReason) -> None:
        """Go on with its successor. One that left memory because it was idle owes nobody anything."""
        if self._outgoing.end is not None:
            return
        chats = self._chats or {}
        lost = [user for user, chat in chats.items() if chat.mailbox is ref]
        submitted = {user: chats.pop(user).submitted for user in lost}
        try:
            if self._own is not None and self._own.ref is ref:
                await self._reattach()
            if reason is not NORMAL:
                for user, number in submitted.items():
                    await self._settle(user, number)
        except (RefusalError, ChildStartError, ActorDeadError):
            self._outgoing.close(ErrorCode.INTERNAL)

    async def _reattach(self) -> None:
        """The device's own mailbox has a successor: attach; it sees from `_outgoing` what may be lost."""
        if self._reattached_too_often():
            raise RefusalError(ErrorCode.INTERNAL)
        await self.attach()

    def _reattached_too_often(self) -> bool:
        """Whether the mailbox crashes again and again: then the device's own back-off must end the loop."""
        now = trio.current_time()
        if self._reattached is None:
            self._reattached = deque(maxlen=REATTACH_LIMIT)
        often = (
            len(self._reattached) == REATTACH_LIMIT and now - self._reattached[0] < REATTACH_WINDOW_SECONDS
        )
        self._reattached.append(now)
        return often

    async def _settle(self, user: ChatId, submitted: MessageNumber) -> None:
        """Messages died in a mailbox's hands, or a group's: have its successor say which."""
        if isinstance(user, GroupAddress):
            group = await Groups(self._worker).get(user.group)
            self._note(user, group.ref, submitted)
            await group.settle(self._device, self._outgoing, submitted)
            return
        mailbox = await self._mailboxes.get(user)
        self._note(user, mailbox.ref, submitted)
        await mailbox.settle(self._device, self._outgoing, submitted)
