"""A client logs in, sees that its topics are subscribed, and acknowledges what it gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.load.crew import Assignment, Crew
from bench.load.endpoint import Endpoint
from bench.load.loop import Loop
from bench.peers.mqtt import (
    ConnAck,
    Connect,
    Disconnect,
    MalformedPacketError,
    Packet,
    PacketDecoder,
    PingReq,
    PingResp,
    PubAck,
    Publish,
    RefusedError,
    SubAck,
    Subscribe,
)
from bench.peers.mqtt.client import RECEIPT_IDS, Client, message_id, receipt_id
from bench.peers.peer import KEEPALIVE_SECONDS, PeerAccount

ANN = PeerAccount("ann", "secret")
SESSION = b""


class Listener(Client):
    """Remembers what it has heard."""

    def __init__(self, crew: Crew, account: PeerAccount, source: str) -> None:
        super().__init__(crew, account, source)
        self.heard: list[tuple[bytes, bytes]] = []
        self.taken: list[int] = []
        self.subscribed = self.answered = 0

    def hear(self, topic: bytes, payload: bytes, now: float) -> None:
        self.heard.append((topic, payload))

    def was_taken(self, packet_id: int, now: float) -> None:
        self.taken.append(packet_id)

    def was_subscribed(self) -> None:
        self.subscribed += 1

    def was_answered(self) -> None:
        self.answered += 1


class OneListener(Crew):
    def connect_next(self) -> None:
        """There is no network here."""

    def make_device(self, index: int) -> Endpoint:
        return Listener(self, ANN, "")


@pytest.fixture
def client() -> Listener:
    crew = OneListener(Loop(), Assignment(0, 1, ("127.0.0.1", 1), SESSION, [ANN], 0, None))
    client = crew.devices[0]
    assert isinstance(client, Listener)
    client.begin(SESSION)
    return client


def said(client: Client) -> list[Packet]:
    return list(PacketDecoder().receive(client.data_to_send()))


def hear(client: Client, *packets: Packet) -> None:
    client.receive(b"".join(packet.encode() for packet in packets), 1.0)


@pytest.mark.parametrize(("key", "is_clean"), [(SESSION, False), (None, True)])
def test_a_first_login_keeps_no_session_and_others_do(
    client: Listener, key: bytes | None, *, is_clean: bool
) -> None:
    client.begin(key)
    assert said(client) == [Connect(b"ann", b"ann", b"secret", is_clean, round(KEEPALIVE_SECONDS))]


def test_a_new_session_is_online_when_its_topic_is_subscribed(client: Listener) -> None:
    said(client)
    hear(client, ConnAck(is_session_present=False, code=0))
    assert client.crew.counts["logins"] == 0
    assert said(client) == [Subscribe(1, (b"m/ann",))]
    hear(client, SubAck(1, (1,)))
    assert client.is_online
    assert client.keepalive == KEEPALIVE_SECONDS
    assert client.crew.counts["logins"] == 1
    assert client.subscribed == 0


def test_a_session_that_was_kept_is_online_at_once(client: Listener) -> None:
    said(client)
    hear(client, ConnAck(is_session_present=True, code=0))
    assert client.is_online
    assert said(client) == []


def test_a_login_that_is_refused_says_whose_and_why(client: Listener) -> None:
    with pytest.raises(RefusedError, match="refused ann's login \\(0x05\\)") as caught:
        hear(client, ConnAck(is_session_present=False, code=5))
    assert (caught.value.what, caught.value.code) == ("ann's login", 5)


def test_a_topic_that_is_refused_is_an_error(client: Listener) -> None:
    with pytest.raises(RefusedError, match="ann a topic"):
        hear(client, SubAck(1, (1, SubAck.REFUSED)))


def test_messages_of_one_read_are_acknowledged_in_one_write(client: Listener) -> None:
    said(client)
    hear(client, Publish(b"m/ann", 7, b"one"), Publish(b"m/ann", 8, b"two"))
    assert client.heard == [(b"m/ann", b"one"), (b"m/ann", b"two")]
    assert said(client) == [PubAck(7), PubAck(8)]


def test_it_is_told_what_the_broker_has_taken_over_and_subscribed_later(client: Listener) -> None:
    said(client)
    client.subscribe(b"g/1")
    assert said(client) == [Subscribe(2, (b"g/1",))]
    hear(client, SubAck(2, (1,)), PubAck(3), PubAck(4))
    assert client.subscribed == 1
    assert client.taken == [3, 4]


def test_a_ping_is_answered_and_nothing_follows(client: Listener) -> None:
    said(client)
    client.ping()
    assert said(client) == [PingReq()]
    hear(client, PingResp())
    assert client.answered == 1
    assert said(client) == []


@pytest.mark.parametrize("packet", [PingReq(), Disconnect(), Subscribe(1, (b"m",)), Connect(b"x")])
def test_words_of_a_client_from_a_broker_are_an_error(client: Listener, packet: Packet) -> None:
    with pytest.raises(MalformedPacketError, match=f"does not send a {type(packet).__name__}"):
        hear(client, packet)


def test_a_new_connection_begins_between_packets(client: Listener) -> None:
    client.receive(ConnAck(is_session_present=True, code=0).encode()[:3], 1.0)
    client.begin(SESSION)
    hear(client, ConnAck(is_session_present=True, code=0))
    assert client.is_online


@given(st.integers(1, 10**9), st.integers(0, 10**9))
def test_ids_of_messages_and_of_receipts_are_told_apart(message: int, receipt: int) -> None:
    assert 0 < message_id(message) < RECEIPT_IDS <= receipt_id(receipt) <= 0xFFFF


def test_ids_are_used_again_only_after_all_others() -> None:
    assert len({message_id(number) for number in range(1, RECEIPT_IDS)}) == RECEIPT_IDS - 1
    assert message_id(RECEIPT_IDS) == 1
