"""The outgoing side of one connection: whoever has something for the device puts it here.

No actor, and no message to one: as any Erlang process may write to a port, mailboxes and the journal's
callbacks append here directly, within their own turn. At the end of the turn everything gathered leaves as
one frame: one encryption, one system call, no task switch. Cumulative stanzas (✓, ✓✓, read) replace one
another until then.

Owns: what waits for the end of this turn. Bounded by the window for deliveries, by the answers to one
    read of the socket, and beyond the socket by `max_unsent_bytes`: a reader slower than that is closed.
Rule 1: nothing here waits or raises because of the peer; after the end everything is a no-op.
Not here: what comes in, and the life of the connection (connection.py).
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from actors import ActorRef
from actors.network import Link, Network
from protocol import (
    Accepted,
    Delivered,
    DeviceAddress,
    ErrorCode,
    Expired,
    GroupAddress,
    LocalProtocolError,
    MemberAddress,
    MessageNumber,
    Paused,
    Presence,
    Read,
    Refused,
    RelayConnection,
    Run,
    Seq,
    Stanza,
    Tick,
    Typing,
    UserId,
)
from relay.bus.chat import Chat, ChatId
from relay.config import MAX_CHATS_REMEMBERED
from relay.correspondent import Source
from relay.metrics import Counters
from storage import READ_ERRORS
from storage.mailboxes import GroupMessage, Queued

log = logging.getLogger("roost.relay")

_BIND_ERRORS: Final = (LocalProtocolError, *READ_ERRORS)

Ticks = dict[ChatId, MessageNumber]  # {recipient: the newest number}


@dataclass(slots=True)
class Surroundings:
    """What the outgoing sides of a worker have in common."""

    network: Network
    counters: Counters
    phone_of: Callable[[UserId], str | None]
    max_unsent_bytes: int
    beat: int = 0
    """Sweeps so far: the clock of everything that needs none better than seconds."""
    awake: "dict[Outgoing, None]" = field(default_factory=dict)
    """Those that have said or heard something just now, and so keep their cipher objects."""
    full: "dict[Outgoing, None]" = field(default_factory=dict)
    """Those whose peers have not taken everything yet."""

    def forget(self, outgoing: "Outgoing") -> None:
        """It has ended."""
        self.awake.pop(outgoing, None)
        self.full.pop(outgoing, None)


class Outgoing:
    """What a device is about to be sent."""

    __slots__ = (
        "_accepted",
        "_channel",
        "_delivered",
        "_flush_planned",
        "_link",
        "_read",
        "_shared",
        "_stalled_at",
        "_taken",
        "_written",
        "abroad",
        "acked",
        "device",
        "end",
        "given",
        "heard_at",
        "identified",
        "look_at",
        "number",
        "owner",
        "readings",
        "spoke_at",
        "welcomed",
    )

    def __init__(
        self,
        number: int,
        owner: ActorRef | None,
        link: Link,
        channel: RelayConnection,
        shared: Surroundings,
    ) -> None:
        self.number = number  # of the connection, for logs
        self.owner = owner  # the connection's actor; None as long as nobody is known to be there
        self.device: DeviceAddress | None = None  # who is logged in
        self.identified = False  # the handshake is over
        self.welcomed = False  # the Welcome was sent
        self.end: str | None = None  # why the connection is over, once it is
        self.acked = Seq(0)  # the highest seq that the device says it has stored
        self.given = Seq(0)  # the highest seq sent through here
        # What the device says was read here, of each sender or group; None: nothing. At most
        # MAX_CHATS_REMEMBERED.
        self.readings: dict[DeviceAddress | GroupAddress, int] | None = None
        # Chats with users of other workers; bounded in bus/abroad.py. Made when there is one.
        self.abroad: dict[ChatId, Chat] | None = None
        self.heard_at = self.spoke_at = shared.beat  # in beats
        self.look_at = 0  # the beat of the sweeper's next look (deadlines.py)
        self._link = link
        self._channel = channel
        self._shared = shared
        self._flush_planned = False
        # Ticks that wait for the end of the turn; made when needed, because most connections are idle.
        self._accepted: Ticks | None = None
        self._delivered: Ticks | None = None
        self._read: Ticks | None = None
        self._written = 0  # bytes given to the link, ever
        self._taken = 0  # bytes that the kernel had taken when the sweeper looked last
        self._stalled_at: int | None = None  # the beat since which it has taken none

    # ---- what is said to the device ----

    def push(self, stanza: Stanza) -> None:
        """Say something; it leaves at the end of this turn."""
        if self.end is not None:
            return
        try:
            self._channel.send(stanza)
        except LocalProtocolError as error:
            self._give_up(error)
        else:
            self.plan_flush()

    def deliver(self, seq: Seq, message: Queued, *, waited: bool) -> None:
        """Deliver a message; how long it waited is said only if it did."""
        self.given = seq
        if self.end is not None:
            return
        sender = message.sender
        if not self._channel.is_bound(sender) and not self._bind(sender):
            return
        try:
            self._channel.send_delivery(seq, sender, _said_of(message, waited=waited))
        except LocalProtocolError as error:
            self._give_up(error)
        else:
            self.plan_flush()

    def accepted(self, user: ChatId, number: MessageNumber) -> None:
        """✓ for everything sent to `user` up to `number`."""
        if self._accepted is None:
            self._accepted = {}
        self._accepted[user] = number
        self.plan_flush()

    def delivered(self, user: ChatId, number: MessageNumber) -> None:
        """✓✓, likewise."""
        if self._delivered is None:
            self._delivered = {}
        self._delivered[user] = number
        self.plan_flush()

    def read(self, user: ChatId, number: MessageNumber) -> None:
        """Blue ✓✓, likewise."""
        if self._read is None:
            self._read = {}
        self._read[user] = number
        self.plan_flush()

    def expired(self, user: ChatId, runs: Sequence[Run]) -> None:
        """✗: these messages to `user` are gone. Said before the ticks of this turn, which are cumulative.

        Not before the Welcome, behind which a device asks for its progress and finds it there.
        """
        if self.welcomed:
            for run in runs:
                self.push(Expired(user, run.first, run.last))

    def refused(
        self,
        user: ChatId,
        number: MessageNumber,
        code: ErrorCode,
        detail: int | tuple[int, ...] | None = None,
    ) -> None:
        """A message to `user` was not accepted."""
        self._shared.counters.refuse(code.wire_name)
        # Ticks come first: what was accepted before must not be told after what was refused behind it.
        self._queue_ticks()
        self.push(Refused(user, number, code, detail))

    def voided(self, user: ChatId, first: MessageNumber, last: MessageNumber, code: ErrorCode) -> None:
        """See correspondent.py."""
        for number in range(first, last + 1):
            self.refused(user, MessageNumber(number), code)

    def replaces(self, source: Source) -> bool:
        """See correspondent.py; a device has one connection at a time."""
        return source is not self

    def activity(self, sender: DeviceAddress | MemberAddress, *, is_typing: bool) -> None:
        """Somebody types, or has paused; in a group as its member."""
        if not self.welcomed:
            return
        if self.end is None and not self._channel.is_bound(sender):
            self._bind(sender)
        self.push(Typing(sender) if is_typing else Paused(sender))

    def presence(self, user: UserId, is_online: bool, last_seen: int | None) -> None:
        """How somebody is whom the device watches."""
        if self.welcomed:
            self.push(Presence(user, int(is_online), last_seen))

    def close(self, code: ErrorCode, detail: int | None = None) -> None:
        """Tell the peer why, and end the connection; what is unsent goes out first, for a bounded time."""
        if self.end is not None:
            return
        self._queue_ticks()
        self._channel.close(code, detail)
        self.end_with(code.wire_name)

    def end_with(self, reason: str) -> None:
        """The protocol has closed the connection: send its last word, if there is one, and end the link."""
        self.end = reason
        data = self._channel.data_to_send()
        if data:
            self._link.write(data)
        self._link.close()

    def ended(self, reason: str) -> None:
        """The link has ended; a reason that was there before stands."""
        if self.end is None:
            self.end = reason

    # ---- how it leaves ----

    def plan_flush(self) -> None:
        """Have everything sent at the end of this turn."""
        if not self._flush_planned and self.end is None:
            self._flush_planned = True
            self._shared.network.call_at_turn_end(self.flush)

    def flush(self) -> None:
        """Send everything now."""
        self._flush_planned = False
        if self.end is not None:
            return
        self._queue_ticks()
        data = self._channel.data_to_send()
        if not data:
            return
        self._shared.awake[self] = None
        self._write(data)
        if self._link.unsent_bytes > self._shared.max_unsent_bytes:
            self.close(ErrorCode.TOO_SLOW)

    def heard(self) -> None:
        """Something has come from the device."""
        shared = self._shared
        self.heard_at = shared.beat
        shared.counters.frames_in += 1
        shared.awake[self] = None

    def answer_keepalive(self, data: bytes) -> bool:
        """Answer what has come from the device if it is a lone Ping, and have the link read on.

        False: it is something else, nothing was done, and it is for the actor. So is a second Ping within a
        beat: what is answered here is charged to nobody's account.
        """
        shared = self._shared
        if self.heard_at == shared.beat or self.end is not None:
            return False
        answer = self._channel.hear_keepalive(data)
        if answer is None:
            return False
        self.heard_at = shared.beat
        shared.counters.frames_in += 1
        if answer:
            self._write(answer)
        if self not in shared.awake:
            self._channel.rest()
        self._link.resume()
        return True

    def _write(self, data: bytes) -> None:
        shared = self._shared
        shared.counters.frames_out += 1
        self.spoke_at = shared.beat
        self._written += len(data)
        self._link.write(data)
        if self._link.unsent_bytes:
            shared.full[self] = None

    def was_read(self, sender: DeviceAddress | GroupAddress, number: int) -> None:
        """The device says that it has read a sender's messages, or a group, up to a number.

        It may name any sender that it likes, so of too many the oldest is forgotten.
        """
        if self.readings is None:
            self.readings = {}
        self.readings.pop(sender, None)
        if len(self.readings) >= MAX_CHATS_REMEMBERED:
            del self.readings[next(iter(self.readings))]
        self.readings[sender] = number

    @property
    def has_unsent(self) -> bool:
        """Whether the peer has still something to take."""
        return self._link.unsent_bytes > 0

    def stalled_for(self, beat: int) -> int:
        """For how many beats the peer has taken nothing of what waits for it; asked once a beat."""
        unsent = self._link.unsent_bytes
        taken = self._written - unsent
        if not unsent or taken != self._taken or self._stalled_at is None:
            self._taken = taken
            self._stalled_at = beat
        return beat - self._stalled_at

    def rest(self) -> None:
        """Give back what an idle connection does not need."""
        self._channel.rest()

    def _queue_ticks(self) -> None:
        if not self.welcomed:
            return  # a device that is not welcomed yet understands none; the Welcome takes them along
        if self._accepted:
            ticks, self._accepted = self._accepted, None
            for user, number in ticks.items():
                self._tick(Accepted, user, number)
        if self._delivered:
            ticks, self._delivered = self._delivered, None
            for user, number in ticks.items():
                self._tick(Delivered, user, number)
        if self._read:
            ticks, self._read = self._read, None
            for user, number in ticks.items():
                self._tick(Read, user, number)

    def _tick(self, tick: type[Tick], user: ChatId, number: MessageNumber) -> None:
        if self.end is not None:
            return
        try:
            self._channel.send_tick(tick, user, number)
        except LocalProtocolError as error:
            self._give_up(error)

    def _bind(self, address: DeviceAddress | MemberAddress) -> bool:
        """Introduce a sender by phone number, the directory's word for who this is. False: it failed."""
        try:
            self._channel.bind(address, self._shared.phone_of(address.user))
        except _BIND_ERRORS as error:
            self._give_up(error)
            return False
        return True

    def _give_up(self, error: Exception) -> None:
        """Our own fault, or the store's; it must end this connection and not who happened to speak."""
        log.error("outgoing_failed", extra={"connection": self.number, "reason": type(error).__name__})
        self.close(ErrorCode.INTERNAL)


def _said_of(message: Queued, *, waited: bool) -> tuple[object, ...]:
    """The fields of its Deliver behind the chat; of a group's, put together once for all who get it."""
    if type(message) is GroupMessage:
        said = message.said
        return (*said[:2], message.accepted_at, *said[3:]) if waited else said
    if waited:
        return (message.number, message.ciphertext, message.accepted_at)
    return (message.number, message.ciphertext)
