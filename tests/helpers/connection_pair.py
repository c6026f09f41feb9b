"""Both ends of a connection joined in memory: what one has to send, the other receives."""

import dataclasses
from collections.abc import Callable, Iterable

from protocol import (
    Bind,
    ClientConnection,
    DeviceId,
    Event,
    Handle,
    Hello,
    KeyPair,
    RelayConnection,
    UserId,
    Welcome,
)
from protocol.channel import Channel
from protocol.codec import join_frame, write_stanza
from protocol.frames import encode_frame
from protocol.schema import Sender

RELAY_KEY = KeyPair.from_private_bytes(bytes(range(32)))
DEVICE_KEY = KeyPair.from_private_bytes(bytes(range(32, 64)))


def counting_entropy(start: int = 0) -> Callable[[int], bytes]:
    """Entropy that is different at each call and the same in each run."""
    state = [start]

    def entropy(size: int) -> bytes:
        state[0] += 1
        return state[0].to_bytes(size)

    return entropy


def relay_connection(*, known: bool = True, test_hooks: bool = False) -> RelayConnection:
    return RelayConnection(RELAY_KEY, counting_entropy(1000), knows=lambda key: known, test_hooks=test_hooks)


def client_connection(*, xx: bool = False, hello: Hello | None = None) -> ClientConnection:
    relay_key = None if xx else RELAY_KEY.public
    return ClientConnection(DEVICE_KEY, relay_key, hello or Hello(client_name="test"), counting_entropy(2000))


def whole(data: bytes) -> Iterable[bytes]:
    """Give the bytes in one piece."""
    return [data] if data else []


def byte_by_byte(data: bytes) -> Iterable[bytes]:
    """Give each byte alone."""
    return [data[place : place + 1] for place in range(len(data))]


def hear(listener: Channel, data: bytes) -> list[Event]:
    """Let an end hear bytes; a relay that Confirmed has stopped goes on at once."""
    events = listener.receive_data(data)
    if isinstance(listener, RelayConnection):
        events += listener.proceed()
    return events


class ConnectionPair:
    """A client and a relay; `run` carries bytes until both are silent."""

    def __init__(
        self,
        *,
        xx: bool = False,
        known: bool = True,
        test_hooks: bool = False,
        hello: Hello | None = None,
        pieces: Callable[[bytes], Iterable[bytes]] = whole,
    ) -> None:
        self.relay = relay_connection(known=known, test_hooks=test_hooks)
        self.client = client_connection(xx=xx, hello=hello)
        self._pieces = pieces
        self.at_relay: list[Event] = []
        self.at_client: list[Event] = []

    def run(self) -> None:
        """Carry bytes both ways until there are none; the events pile up in at_relay and at_client."""
        while self.client.has_data_to_send or self.relay.has_data_to_send:
            for piece in self._pieces(self.client.data_to_send()):
                self.at_relay += hear(self.relay, piece)
            for piece in self._pieces(self.relay.data_to_send()):
                self.at_client += self.client.receive_data(piece)

    def take_events(self) -> tuple[list[Event], list[Event]]:
        """Carry bytes, then return and forget what both ends heard: (relay's events, client's events)."""
        self.run()
        heard = self.at_relay, self.at_client
        self.at_relay, self.at_client = [], []
        return heard


def welcome(user: int = 7, device: int = 1) -> Welcome:
    """A Welcome with ordinary terms."""
    return Welcome(UserId(user), DeviceId(device), 1_700_000_000_000, 30, 256, 0)


def online_pair(*, xx: bool = False, pieces: Callable[[bytes], Iterable[bytes]] = whole) -> ConnectionPair:
    """A pair after the Welcome, with nothing left to carry."""
    pair = ConnectionPair(xx=xx, pieces=pieces)
    pair.run()
    pair.relay.send(welcome())
    pair.take_events()
    return pair


def stranger_pair(*, xx: bool = False) -> ConnectionPair:
    """A pair whose client has no account, after the Welcome."""
    pair = ConnectionPair(xx=xx, known=False)
    pair.run()
    pair.relay.send(welcome(user=0, device=0))
    pair.take_events()
    return pair


def closed_pair() -> ConnectionPair:
    pair = online_pair()
    pair.relay.close()
    pair.client.close()
    return pair


def unwelcomed_pair() -> ConnectionPair:
    pair = ConnectionPair()
    pair.take_events()
    return pair


def unconfirmed_pair() -> ConnectionPair:
    """IK's second message has reached the client, its first frame has not reached the relay."""
    pair = ConnectionPair()
    pair.relay.receive_data(pair.client.data_to_send())
    pair.client.receive_data(pair.relay.data_to_send())
    return pair


def snapshot(end: Channel) -> tuple[object, ...]:
    """Everything that saying something wrong must not change."""
    return end.state, list(end._items), list(end._out), dict(end._handles._address_of)


def forced(speaker: Channel, stanzas: list[tuple[object, Sender]]) -> bytes:
    """A frame of stanzas that the speaker's own code may refuse to say; what they bind travels with them."""
    handle = Handle(0 if speaker.sender is Sender.CLIENT else 1)
    items = []
    for stanza, said_by in stanzas:
        if isinstance(stanza, Bind):
            stanza = dataclasses.replace(stanza, handle=handle)
        chat = getattr(stanza, "chat", None)
        if chat is not None and Bind in speaker.may_send[speaker.state]:
            items.append(write_stanza(Bind(handle, chat), speaker.sender, lambda address: handle))
        items.append(write_stanza(stanza, said_by, lambda address: handle))  # type: ignore[arg-type]  # any stanza
    assert speaker._transport is not None
    return encode_frame(speaker._transport.encrypt(join_frame(items)))
