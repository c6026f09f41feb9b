"""The devices of the load that speak XMPP, one class for each part that a device plays in a scenario."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from bench.load.endpoint import Endpoint
from bench.load.roles import Gathered, GroupWriting, Talking, Writing
from bench.peers.peer import DOMAIN, KEEPALIVE_SECONDS, PeerAccount
from bench.peers.xmpp.session import Session, number_of, receipt_of
from bench.peers.xmpp.stanzas import body_of, group_message, join, message, payload_of, receipt
from bench.peers.xmpp.stream import Element

if TYPE_CHECKING:
    from bench.load.crew import Crew
    from bench.scenarios.fanout import FanoutCrew
    from bench.scenarios.offline import WritersCrew
    from bench.scenarios.pairs import PairsCrew

ROOMS = f"conference.{DOMAIN}"


class XmppDevice(Endpoint):
    """Logs in, answers what the server asks, asks once an interval, and says nothing else."""

    __slots__ = ("session",)

    account: PeerAccount

    def __init__(self, crew: Crew, account: PeerAccount, source: str) -> None:
        super().__init__(crew, account, source)
        self.session: Session

    def begin(self, key: bytes | None) -> None:
        """A new session: nothing is known of the server, whatever the key says."""
        self.session = Session(DOMAIN, self.account.name, self.account.password)

    def receive(self, data: bytes, now: float) -> None:
        """Act on every stanza.

        Raises:
            XmppError: the server refuses us, or has ended the stream.
        """
        session = self.session
        for stanza in session.receive(data):
            self.hear(stanza, now)
        if session.is_available and not self.is_online:
            self.is_online = True
            self.keepalive = KEEPALIVE_SECONDS
            self.crew.came_online(self, now)

    def data_to_send(self) -> bytes:
        """What the session has."""
        return self.session.data_to_send()

    def ping(self) -> None:
        """A question of six words' length, which is answered: as much as a Roost device does."""
        self.session.ask()

    def hear(self, stanza: Element, now: float) -> None:
        """Act on a message or a presence."""


class Acknowledged:
    """Which of our messages the server has counted: messages are some of the stanzas that it counts."""

    __slots__ = ("_places", "upto")

    def __init__(self) -> None:
        self._places: deque[int] = deque()  # of messages among all stanzas, oldest first
        self.upto = 0

    def add(self, place: int) -> None:
        """A message was said, as so manieth stanza."""
        self._places.append(place)

    def count(self, stanzas: int) -> int:
        """The server has so many stanzas; returns up to which message that is, from 1."""
        while self._places and self._places[0] <= stanzas:
            self._places.popleft()
            self.upto += 1
        return self.upto


class XmppTalker(Talking, XmppDevice):
    """Writes to its partner, and sends a receipt for each message that comes."""

    def __init__(self, crew: PairsCrew, index: int) -> None:
        super().__init__(crew, crew.assignment.accounts[index], crew.source(index))
        self.begin_to_talk()
        self.body = body_of(b"c" * crew.assignment.plan.ciphertext_bytes)
        self.counted = Acknowledged()

    def write(self, number: int) -> None:
        """To the account: which of its devices is there, the server knows."""
        to = self.partner.account.address.encode()
        self.counted.add(self.session.say(message(to, number, self.body)))

    def hear(self, stanza: Element, now: float) -> None:
        """A message of the partner's, or its receipt for ours."""
        received = receipt_of(stanza)
        if received is not None:
            self.was_ticked(int(received), now)
        elif b"<body>" in stanza.text:
            number = number_of(stanza)
            self.has_come(number, now)
            self.session.say(receipt(stanza.attribute(b"from") or b"", b"%d" % number))

    def heard_all(self, now: float) -> None:
        """What the server has counted, and as much to send as was ticked."""
        self.was_accepted(self.counted.count(self.session.acknowledged), now)
        self.fill(now)


class XmppWriter(Writing, XmppDevice):
    """Writes to one who is away."""

    recipient: PeerAccount

    def __init__(
        self, crew: WritersCrew, account: PeerAccount, source: str, recipient: PeerAccount, count: int
    ) -> None:
        super().__init__(crew, account, source)
        self.begin_to_write(recipient, count)
        self.to = recipient.address.encode()
        self.body = body_of(crew.ciphertext)
        self.counted = Acknowledged()

    def write(self, number: int) -> None:
        """A message which the server keeps."""
        self.counted.add(self.session.say(message(self.to, number, self.body)))

    def heard_all(self, now: float) -> None:
        """What the server has counted, and as much to send."""
        self.was_accepted(self.counted.count(self.session.acknowledged), now)
        self.fill(now)


class XmppFetcher(XmppDevice):
    """Takes what waits for it; the session's count says that it has it."""

    def hear(self, stanza: Element, now: float) -> None:
        """Count messages."""
        if b"<body>" in stanza.text:
            self.crew.counts["drained"] += 1


class XmppMember(Gathered, XmppDevice):
    """Is in the room; the session's count says what it has."""

    def __init__(self, crew: FanoutCrew, index: int) -> None:
        super().__init__(crew, crew.assignment.accounts[index], crew.source(index))
        self.room = f"g{crew.assignment.plan.group:x}@{ROOMS}"

    def join(self) -> None:
        """Enter; whoever is first makes the room."""
        self.session.say(join(self.room, self.account.name))

    def hear(self, stanza: Element, now: float) -> None:
        """Note when a message came; a subject ends the entering."""
        payload = payload_of(stanza.text)
        if payload is not None:
            self.take(payload, now)
        elif stanza.name == b"message" and b"<subject" in stanza.text:
            self.crew.ready += 1

    def take(self, payload: bytes, now: float) -> None:
        """A message of the writer's is here."""
        self.crew.arrived(payload, now)


class XmppGroupWriter(GroupWriting, XmppMember):
    """Writes to the room."""

    def __init__(self, crew: FanoutCrew, index: int) -> None:
        super().__init__(crew, index)
        self.begin_to_write()
        self.counted = Acknowledged()

    def write(self, number: int, payload: bytes) -> None:
        """A groupchat message."""
        self.counted.add(self.session.say(group_message(self.room.encode(), number, body_of(payload))))

    def take(self, payload: bytes, now: float) -> None:
        """A room sends the writer its own messages, too: no delivery."""

    def heard_all(self, now: float) -> None:
        """Count what the server has counted."""
        before = self.counted.upto
        self.crew.counts["accepted"] += self.counted.count(self.session.acknowledged) - before
