"""A client of an MQTT broker on the load's loop: an endpoint that speaks MQTT.

It logs in with its name and password, sees that its topics are subscribed, and answers each message with a
PUBACK, in the write that its other words of this read go with. A session that the broker has kept is resumed,
subscriptions and all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bench.load.endpoint import Endpoint
from bench.peers.mqtt.decoder import PacketDecoder
from bench.peers.mqtt.errors import MalformedPacketError, RefusedError
from bench.peers.mqtt.packets import (
    ConnAck,
    Connect,
    Packet,
    PingReq,
    PingResp,
    PubAck,
    Publish,
    SubAck,
    Subscribe,
)
from bench.peers.peer import KEEPALIVE_SECONDS, PeerAccount

if TYPE_CHECKING:
    from bench.load.crew import Crew

RECEIPT_IDS: Final = 0x8000
"""Packet ids from here on are those of receipts, those below of messages: a PUBACK says which it is for."""

_LOGIN_SUBSCRIPTION: Final = 1
_LATER_SUBSCRIPTION: Final = 2

_PING: Final = PingReq().encode()


def message_topic(account: PeerAccount) -> bytes:
    """Where messages for somebody go."""
    return b"m/" + account.name.encode()


def receipt_topic(account: PeerAccount) -> bytes:
    """Where somebody is told how many of their messages have come."""
    return b"r/" + account.name.encode()


def message_id(number: int) -> int:
    """The packet id of the how manieth message, from 1; they are used again after 32,767."""
    return (number - 1) % (RECEIPT_IDS - 1) + 1


def receipt_id(number: int) -> int:
    """The packet id of a receipt for so many messages."""
    return RECEIPT_IDS + number % RECEIPT_IDS


class Client(Endpoint):
    """Logs in, pings, acknowledges what it gets, and says nothing else."""

    __slots__ = ("_decoder", "_out")

    account: PeerAccount

    def __init__(self, crew: Crew, account: PeerAccount, source: str) -> None:
        super().__init__(crew, account, source)
        self._decoder = PacketDecoder()
        self._out: list[bytes] = []  # packets for the next write

    # --- for scenarios to override ---

    def topics(self) -> tuple[bytes, ...]:
        """What it wants to hear."""
        return (message_topic(self.account),)

    def hear(self, topic: bytes, payload: bytes, now: float) -> None:
        """A message has come; its PUBACK is said already."""

    def was_taken(self, packet_id: int, now: float) -> None:
        """The broker has taken over what we sent with this id."""

    def was_subscribed(self) -> None:
        """What was asked for by `subscribe` is granted."""

    def was_answered(self) -> None:
        """The broker has answered a ping: it has heard everything that was said before it."""

    # --- the protocol ---

    def begin(self, key: bytes | None) -> None:
        """Say who this is.

        Args:
            key: anything for a session that is kept, None for one that ends with the connection.
        """
        name, password = self.account.name.encode(), self.account.password.encode()
        is_clean, keepalive = key is None, round(KEEPALIVE_SECONDS)
        self._decoder = PacketDecoder()
        self._out = [Connect(name, name, password, is_clean, keepalive).encode()]

    def receive(self, data: bytes, now: float) -> None:
        """Act on every packet.

        Raises:
            RefusedError: the broker does not want this client.
            MqttError: it does not speak our language.
        """
        for packet in self._decoder.receive(data):
            # The two kinds of a busy connection first.
            if isinstance(packet, Publish):
                self._out.append(packet.acknowledgement())
                self.hear(packet.topic, packet.payload, now)
            elif isinstance(packet, PubAck):
                self.was_taken(packet.packet_id, now)
            else:
                self._receive_rarely(packet, now)

    def say(self, packet: bytes) -> None:
        """Put a packet into the next write."""
        self._out.append(packet)

    def subscribe(self, *topics: bytes) -> None:
        """Ask for more topics; `was_subscribed` follows."""
        self.say(Subscribe(_LATER_SUBSCRIPTION, topics).encode())

    def data_to_send(self) -> bytes:
        """All packets that wait."""
        data = b"".join(self._out)
        self._out.clear()
        return data

    def ping(self) -> None:
        """Ping."""
        self.say(_PING)

    def _receive_rarely(self, packet: Packet, now: float) -> None:
        match packet:
            case ConnAck(code=0, is_session_present=True):
                self._come_online(now)
            case ConnAck(code=0):
                self.say(Subscribe(_LOGIN_SUBSCRIPTION, self.topics()).encode())
            case ConnAck(code=code):
                raise RefusedError(f"{self.account.name}'s login", code)
            case SubAck(codes=codes) if SubAck.REFUSED in codes:
                raise RefusedError(f"{self.account.name} a topic", SubAck.REFUSED)
            case SubAck(packet_id=number):
                if number == _LOGIN_SUBSCRIPTION:
                    self._come_online(now)
                else:
                    self.was_subscribed()
            case PingResp():
                self.was_answered()
            case _:
                raise MalformedPacketError(f"a broker does not send a {type(packet).__name__}")

    def _come_online(self, now: float) -> None:
        self.is_online = True
        self.keepalive = KEEPALIVE_SECONDS
        self.crew.came_online(self, now)
