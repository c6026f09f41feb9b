"""What devices of this worker have to do with users of other workers: what goes there, and what comes back.

A plain object and no actor: it acts within the turns of connections and of links. What it remembers of each
chat is with the connection (`Outgoing.abroad`), so that it goes when that goes.

The worry here is a message that nobody answers: its sender would wait for ever. On the way it may be lost
with an era of the bus, with the other worker, or with a mailbox there. So a connection remembers the newest
number that it has handed over and that was not answered; and whoever hears that something may be lost
*inquires* (settler.py): the inquiry goes the way of the messages, behind all of them, and when the mailbox
answers it, each of them was either judged or will never be.

Rule 1: nothing is told to a sender twice. An answer for what was answered before would be taken for one to
what was sent since. So an inquiry has a *round*, and only the answer to the latest counts, and only as long
as nothing else has answered. Rule 2: nothing from a connection is handed over once a newer one of the device
is here. So what an owner hears from a device comes in the order of its connections, and it need not know of
them.
"""

from collections.abc import Iterable, Iterator, Sequence

from protocol import DeviceAddress, ErrorCode, GroupAddress, Send, SendGroup, UserId
from relay.bus import messages as m
from relay.bus.bus import Bus
from relay.bus.chat import Chat, ChatId
from relay.bus.messages import Numbered
from relay.bus.peer import Peer
from relay.config import MAX_CHATS_REMEMBERED
from relay.outgoing import Outgoing
from relay.presence import Presence
from storage.progress import Progress


class Abroad:
    """The senders' side of all chats with users of other workers."""

    __slots__ = ("_bus", "_presence")

    def __init__(self, bus: Bus, presence: Presence) -> None:
        self._bus = bus
        self._presence = presence
        bus.on(m.Accepted, self._accepted)
        bus.on(m.Delivered, self._delivered)
        bus.on(m.Read, self._read)
        bus.on(m.Expired, self._expired)
        bus.on(m.Refused, self._refused)
        bus.on(m.Voided, self._voided)
        bus.on(m.Close, self._close)

    # ---- what goes there ----

    async def submit(
        self, peer: Peer, sender: DeviceAddress, source: Outgoing, messages: Sequence[Send]
    ) -> None:
        """Hand over messages to one user; waits for room, which slows this connection and nobody else.

        What is handed over while the peer is down is lost, and found to be when it is back.
        """
        user = messages[0].chat
        if not await self._may_submit(peer, sender, source):
            return
        chat_of(source, user).submitted = messages[-1].number
        numbered: list[Numbered] = [numbered_of(message) for message in messages]
        peer.tell(m.Submit(sender, source.number, user, numbered))

    async def submit_group(
        self, peer: Peer, sender: DeviceAddress, source: Outgoing, messages: Sequence[SendGroup]
    ) -> None:
        """As `submit`, for messages to one group."""
        chat = messages[0].chat
        if not await self._may_submit(peer, sender, source):
            return
        chat_of(source, chat).submitted = messages[-1].number
        numbered = [(each.number, each.epoch, each.ciphertext, each.life_s) for each in messages]
        peer.tell(m.SubmitGroup(sender, source.number, chat.group, numbered))

    async def _may_submit(self, peer: Peer, sender: DeviceAddress, source: Outgoing) -> bool:
        """Wait for room; whether the connection is still that of the device."""
        if peer.is_up and peer.is_behind:
            await peer.room()
            # While it waited the device may have left, and perhaps come back: it sends all this again.
            return self._presence.of_device(sender) is source
        return self._presence.of_device(sender) in (source, None)

    def activity(self, peer: Peer, sender: DeviceAddress, user: UserId, *, is_typing: bool) -> None:
        """Pass on that `sender` types or has paused: a hint."""
        peer.hint(m.Activity(sender, user, int(is_typing)))

    def remember(self, outgoing: Outgoing, users: Iterable[ChatId]) -> None:
        """A device has asked for the ticks of these chats: if some are lost, they are told again."""
        for user in users:
            if self._bus.peer_of(user) is not None:
                chat_of(outgoing, user)

    # ---- settling ----

    def connections(self) -> Iterator[tuple[Outgoing, DeviceAddress]]:
        """The connections that have chats here, as they were when asked."""
        for outgoing in self._presence.connections():
            if outgoing.abroad and outgoing.device is not None:
                yield outgoing, outgoing.device

    def settle(
        self, peer: Peer, outgoing: Outgoing, device: DeviceAddress, user: ChatId, progress: Progress
    ) -> None:
        """Tell a device again how far a chat has come, and inquire after what is not answered by that.

        Args:
            peer: the owner of `user`. From now on it reaches us, so nothing newer than `progress` is missed.
            outgoing: the connection.
            device: whose it is.
            user: the chat.
            progress: as the disk has it.
        """
        chat = outgoing.abroad.get(user) if outgoing.abroad else None
        if chat is None or self._presence.of_device(device) is not outgoing:
            return
        if progress.expired:
            outgoing.expired(user, progress.expired)
        if chat.submitted and progress.accepted:
            outgoing.accepted(user, progress.accepted)
            chat.answered(progress.accepted)
        if progress.delivered:
            outgoing.delivered(user, progress.delivered)
        if progress.read:
            outgoing.read(user, progress.read)
        if isinstance(user, GroupAddress) and progress.delivered < progress.accepted:
            # Its actor may have ended before it could tell: one that begins looks how far members are.
            peer.tell(m.GroupReached(user.group, []))
        if chat.submitted:
            peer.tell(m.Inquire(device, outgoing.number, user, chat.submitted, chat.inquire()))

    # ---- what comes back ----

    def _accepted(self, _peer: Peer, message: m.Accepted) -> None:
        outgoing = self._presence.of_device(message.device)
        if outgoing is not None:
            outgoing.accepted(message.user, message.number)
            if outgoing.abroad and (chat := outgoing.abroad.get(message.user)) is not None:
                chat.answered(message.number)

    def _delivered(self, _peer: Peer, message: m.Delivered) -> None:
        outgoing = self._presence.of_device(message.device)
        if outgoing is not None:
            outgoing.delivered(message.user, message.number)

    def _read(self, _peer: Peer, message: m.Read) -> None:
        outgoing = self._presence.of_device(message.device)
        if outgoing is not None:
            outgoing.read(message.user, message.number)

    def _expired(self, _peer: Peer, message: m.Expired) -> None:
        outgoing = self._presence.of_device(message.device)
        if outgoing is not None:
            outgoing.expired(message.user, message.runs)

    def _refused(self, _peer: Peer, message: m.Refused) -> None:
        """To the connection on which the message came; another one has sent it anew."""
        outgoing = self._presence.of_device(message.device)
        if outgoing is None or outgoing.number != message.connection:
            return
        chat = chat_of(outgoing, message.user)
        if message.round and message.round != chat.round:
            return  # Rule 1
        outgoing.refused(message.user, message.number, ErrorCode(message.code), message.detail)
        chat.answered(message.number)

    def _voided(self, _peer: Peer, message: m.Voided) -> None:
        """As in flight.py: a connection that has taken its place waits for the ✓ of duplicates."""
        outgoing = self._presence.of_device(message.device)
        if outgoing is None:
            return
        if outgoing.number == message.connection:
            outgoing.voided(message.user, message.first, message.last, ErrorCode(message.code))
            chat_of(outgoing, message.user).answered(message.last)
        else:
            outgoing.close(ErrorCode(message.code))

    def _close(self, _peer: Peer, message: m.Close) -> None:
        outgoing = self._presence.of_device(message.device)
        if outgoing is not None:
            outgoing.close(ErrorCode(message.code))


def chat_of(outgoing: Outgoing, user: ChatId) -> Chat:
    """What a connection remembers of a user; made at the first time, if need be in the place of the oldest.

    A device names whom it likes, and binds its handles again and again: so it is bounded here. A chat that
    waits for an answer is never forgotten; how many of these there are is bounded by what a device may send.
    """
    if outgoing.abroad is None:
        outgoing.abroad = {}
    chats = outgoing.abroad
    chat = chats.get(user)
    if chat is None:
        if len(chats) >= MAX_CHATS_REMEMBERED:
            oldest = next((other for other, known in chats.items() if not known.submitted), None)
            if oldest is not None:
                del chats[oldest]
        chat = chats[user] = Chat()
    return chat


def numbered_of(message: Send) -> Numbered:
    """A message as it crosses the bus; most have no life of their own, and pay nothing for it."""
    if message.life_s is None:
        return message.number, message.parts
    return message.number, message.parts, message.life_s
