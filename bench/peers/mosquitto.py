"""mosquitto: an MQTT broker, the leanest way to bring a message from one client to another.

Everybody has a topic for their messages and one for receipts. A message is accepted with its PUBACK,
delivered when it is at the partner's, and ticked when the partner's receipt is back: a message that says how
many have come, one for everything that was read at once, as a Roost device acknowledges. MQTT has no word for
that, nor for who has sent a message and which it is, so payloads say it. A session is kept for everybody who
logs in, so messages wait for those who are away; a first login has one that ends with its connection.

mosquitto is one process, on one core.
"""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from bench.errors import BenchError
from bench.load.crew import Crew
from bench.load.endpoint import Endpoint
from bench.load.roles import Gathered, GroupWriting, Talking, Writing
from bench.peers.mqtt import NUMBER_BYTES, Connect, NumberedPublish, Publish
from bench.peers.mqtt.client import (
    RECEIPT_IDS,
    Client,
    message_id,
    message_topic,
    receipt_id,
    receipt_topic,
)
from bench.peers.mqtt.passwords import password_file
from bench.peers.peer import PeerAccount, Place, Promises
from bench.scenarios.fanout import FanoutCrew
from bench.scenarios.login import ChurnCrew, StormCrew
from bench.scenarios.offline import FetchersCrew, WritersCrew
from bench.scenarios.pairs import PairsCrew

CONFIGURATION: Final = "mosquitto.conf"

GROUP_TOPIC: Final = b"g/1"

SAVE_SECONDS = 60.0
SAVE_POLL_SECONDS = 0.01


def payload(sender: PeerAccount, ciphertext: bytes) -> bytes:
    """What a message carries behind its number."""
    return sender.name.encode() + ciphertext


def number_of(payload: bytes) -> int:
    """The number that a message or a receipt begins with."""
    return int.from_bytes(payload[:NUMBER_BYTES], "big")


class Talker(Talking, Client):
    """Writes to its partner, and tells it how many of its messages have come."""

    def __init__(self, crew: PairsCrew, index: int) -> None:
        super().__init__(crew, crew.assignment.accounts[index], crew.source(index))
        self.begin_to_talk()
        self.taken = 0  # messages of ours that the broker has
        self.heard = self.receipted = 0  # the partner's messages that are here, and those it was told of
        self._inbox = message_topic(self.account)
        self._messages: NumberedPublish
        self._receipts: bytes

    def topics(self) -> tuple[bytes, ...]:
        """Messages and receipts."""
        return (self._inbox, receipt_topic(self.account))

    def greet(self) -> None:
        """There is nothing to ask: prepare what is written to the partner."""
        partner = self.partner.account
        self._messages = NumberedPublish(message_topic(partner), payload(self.account, self.crew.ciphertext))
        self._receipts = receipt_topic(partner)
        super().greet()

    def write(self, number: int) -> None:
        """A PUBLISH, with a prepared ciphertext."""
        self.say(self._messages.encode(message_id(number), number))

    def hear(self, topic: bytes, payload: bytes, now: float) -> None:
        """One of the partner's messages, or how many of ours it has."""
        if topic == self._inbox:
            self.heard = number_of(payload)
            self.has_come(self.heard, now)
        else:
            self.was_ticked(number_of(payload), now)

    def was_taken(self, packet_id: int, now: float) -> None:
        """PUBACKs come in the order of what they are for."""
        if packet_id < RECEIPT_IDS:
            self.taken += 1
            self.was_accepted(self.taken, now)

    def heard_all(self, now: float) -> None:
        """One receipt for everything that was read, and as much to send as was ticked."""
        if self.heard != self.receipted:
            self.receipted = self.heard
            count = self.heard.to_bytes(NUMBER_BYTES, "big")
            self.say(Publish(self._receipts, receipt_id(self.heard), count).encode())
        self.fill(now)


class TalkersCrew(PairsCrew):
    """Of `pairs`."""

    def make_device(self, index: int) -> Endpoint:
        """A talker; who its partner is comes later."""
        return Talker(self, index)


class Member(Gathered, Client):
    """Of `fanout`: subscribes to the group's topic."""

    def __init__(self, crew: FanoutCrew, index: int) -> None:
        super().__init__(crew, crew.assignment.accounts[index], crew.source(index))

    def join(self) -> None:
        """Subscribe."""
        self.subscribe(GROUP_TOPIC)

    def was_subscribed(self) -> None:
        """A member."""
        self.crew.ready += 1

    def hear(self, topic: bytes, payload: bytes, now: float) -> None:
        """Note when it came."""
        self.crew.arrived(payload, now)


class GroupWriter(GroupWriting, Client):
    """The first member: writes, and does not subscribe, because nobody needs their own messages."""

    def __init__(self, crew: FanoutCrew, index: int) -> None:
        super().__init__(crew, crew.assignment.accounts[index], crew.source(index))
        self.begin_to_write()

    def join(self) -> None:
        """A topic is there for whoever writes to it."""
        self.crew.ready += 1

    def write(self, number: int, payload: bytes) -> None:
        """A PUBLISH, with the sender behind the payload, in which the number is."""
        signed = payload + self.account.name.encode()
        self.say(Publish(GROUP_TOPIC, message_id(number), signed).encode())

    def was_taken(self, packet_id: int, now: float) -> None:
        """One more is accepted."""
        self.crew.counts["accepted"] += 1


class GroupCrew(FanoutCrew):
    """Of `fanout`."""

    sees_ticks = True

    def make_device(self, index: int) -> Endpoint:
        """The very first one writes."""
        is_writer = self.assignment.first + index == 0
        return GroupWriter(self, index) if is_writer else Member(self, index)


class Writer(Writing, Client):
    """Of `offline`: writes to somebody who is away."""

    def __init__(
        self, crew: WritersCrew, account: PeerAccount, source: str, recipient: PeerAccount, count: int
    ) -> None:
        super().__init__(crew, account, source)
        self.begin_to_write(recipient, count)
        self.taken = 0
        self._messages = NumberedPublish(message_topic(recipient), payload(account, crew.ciphertext))

    def write(self, number: int) -> None:
        """A PUBLISH, with a prepared ciphertext."""
        self.say(self._messages.encode(message_id(number), number))

    def was_taken(self, packet_id: int, now: float) -> None:
        """PUBACKs come in the order of what they are for."""
        self.taken += 1
        self.was_accepted(self.taken, now)

    def heard_all(self, now: float) -> None:
        """As much to send as was accepted."""
        self.fill(now)


class MosquittoWritersCrew(WritersCrew):
    """Of `offline`."""

    def make_writer(self, account: PeerAccount, source: str, recipient: PeerAccount, count: int) -> Writing:
        """One that has so many messages for this recipient."""
        return Writer(self, account, source, recipient, count)


class Fetcher(Client):
    """Of `offline`: was away, and acknowledges whatever waits.

    The broker sends everything at once and answers no PUBACK. So a ping follows those of each read, and
    messages count as fetched when it is answered: the broker has heard the PUBACKs by then.
    """

    __slots__ = ("_heard", "_unconfirmed")

    def __init__(self, crew: Crew, account: PeerAccount, source: str) -> None:
        super().__init__(crew, account, source)
        self._heard = 0  # in this read
        self._unconfirmed: deque[int] = deque()  # how many each ping is for that is not answered yet

    def hear(self, topic: bytes, payload: bytes, now: float) -> None:
        """One that waited."""
        self._heard += 1

    def heard_all(self, now: float) -> None:
        """Ask whether the PUBACKs have been heard."""
        if self._heard:
            self._unconfirmed.append(self._heard)
            self._heard = 0
            self.ping()

    def was_answered(self) -> None:
        """They have, unless this was the ping of somebody who has nothing to say."""
        if self._unconfirmed:
            self.crew.counts["drained"] += self._unconfirmed.popleft()


class MosquittoFetchersCrew(FetchersCrew):
    """Of `offline`."""

    def make_device(self, index: int) -> Endpoint:
        """A fetcher."""
        return Fetcher(self, self.assignment.accounts[index], self.source(index))


class ClientsCrew(Crew):
    """Clients that log in and say nothing: of `idle`, and of those who have been there once and are away."""

    def make_device(self, index: int) -> Endpoint:
        """A client."""
        return Client(self, self.assignment.accounts[index], self.source(index))


class LoginCrew(ClientsCrew, ChurnCrew):
    """Of `login`."""


class ReturningCrew(ClientsCrew, StormCrew):
    """Of the storm of `login`."""


class Mosquitto:
    """The peer."""

    name = "mosquitto"
    package = "mosquitto"
    program = "mosquitto"
    hello = Connect(b"hello").encode()  # which is refused, because it has no password
    promises = Promises(
        durable="nothing yet: everything is saved once a second, so a crash loses what came since",
        encrypted="no",
        receipts="the partner, by a message of its own",
        order="per topic",
        login="a password (PBKDF2, 101 rounds)",
    )
    crews: Mapping[str, type[Crew]] = MappingProxyType(
        {
            "pairs": TalkersCrew,
            "idle": ClientsCrew,
            "login": LoginCrew,
            "storm": ReturningCrew,
            "fanout": GroupCrew,
            "absentees": ClientsCrew,
            "writers": MosquittoWritersCrew,
            "fetchers": MosquittoFetchersCrew,
        }
    )

    def prepare(self, place: Place, accounts: Sequence[PeerAccount]) -> None:
        """Write its configuration and the password file."""
        passwords = place.folder / "passwords"
        passwords.write_text(password_file((each.name, each.password) for each in accounts))
        passwords.chmod(0o600)  # it warns of others
        place.configure(CONFIGURATION, CONFIGURATION, passwords=passwords)

    def command(self, place: Place, program: str) -> list[str]:
        """The words that start it in the foreground."""
        return [program, "-c", str(place.folder / CONFIGURATION)]

    def save(self, place: Place, pid: int) -> None:
        """Tell it to save: what it holds when it hears that is in the next file that it writes.

        Raises:
            BenchError: there is no new file after a minute.
        """
        database = place.data / "mosquitto.db"
        before, deadline = _identity(database), time.monotonic() + SAVE_SECONDS
        os.kill(pid, signal.SIGUSR1)
        while _identity(database) == before:
            if time.monotonic() > deadline:
                raise BenchError(f"mosquitto did not save within {SAVE_SECONDS:.0f} s")
            time.sleep(SAVE_POLL_SECONDS)

    def environment(self, place: Place) -> Mapping[str, str]:
        """Nothing besides."""
        return {}


def _identity(file: Path) -> tuple[int, int] | None:
    """Which file is there now: a new one takes the place of the old when it is complete."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


PEER = Mosquitto()
