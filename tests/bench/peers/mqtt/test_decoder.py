"""Every packet is read back however it was cut, and bytes that are none are refused for good."""

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.peers.mqtt import (
    ConnAck,
    Connect,
    Disconnect,
    MalformedPacketError,
    MqttError,
    Packet,
    PacketDecoder,
    PacketTooLargeError,
    PingReq,
    PingResp,
    PubAck,
    Publish,
    SubAck,
    Subscribe,
)

EVERY_PACKET: list[Packet] = [
    Connect(b"d1", b"ann", b"pw", is_clean=False, keepalive=120),
    Connect(b"d1"),
    ConnAck(is_session_present=True, code=0),
    Publish(b"m/1", 10, b"hi"),
    Publish(b"m/1", 11, b"x" * 300, is_duplicate=True),
    PubAck(7),
    Subscribe(1, (b"m/1", b"r/1")),
    SubAck(1, (1, SubAck.REFUSED)),
    PingReq(),
    PingResp(),
    Disconnect(),
]

STREAM = b"".join(packet.encode() for packet in EVERY_PACKET)


def read(*chunks: bytes, decoder: PacketDecoder | None = None) -> list[Packet]:
    decoder = decoder or PacketDecoder()
    return [packet for chunk in chunks for packet in decoder.receive(chunk)]


def name(packet: Packet) -> str:
    return type(packet).__name__


@pytest.mark.parametrize("packet", EVERY_PACKET, ids=name)
def test_a_packet_is_read_whole(packet: Packet) -> None:
    assert read(packet.encode()) == [packet]


@pytest.mark.parametrize("packet", EVERY_PACKET, ids=name)
def test_a_packet_is_read_byte_by_byte(packet: Packet) -> None:
    assert read(*(bytes((byte,)) for byte in packet.encode())) == [packet]


@pytest.mark.parametrize("packet", EVERY_PACKET, ids=name)
def test_bytes_after_a_packet_wait_for_their_own_rest(packet: Packet) -> None:
    after = Publish(b"m/2", 3, b"later").encode()
    decoder = PacketDecoder()
    assert read(packet.encode() + after[:5], decoder=decoder) == [packet]
    assert read(after[5:], decoder=decoder) == [Publish(b"m/2", 3, b"later")]


def test_a_stream_of_all_packets_is_read_at_once_and_byte_by_byte() -> None:
    assert read(STREAM) == EVERY_PACKET
    assert read(*(bytes((byte,)) for byte in STREAM)) == EVERY_PACKET


def test_nothing_is_nothing() -> None:
    assert read(b"", b"") == []


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ("00 00", "begins with 0x00"),
        ("f0 00", "begins with 0xf0"),  # AUTH, which MQTT 5 has
        ("30 03 0001 6d", "begins with 0x30"),  # QoS 0
        ("34 05 0001 6d 0001", "begins with 0x34"),  # QoS 2
        ("36 05 0001 6d 0001", "begins with 0x36"),  # QoS 3, which nobody has
        ("33 05 0001 6d 0001", "begins with 0x33"),  # retained
        ("80 06 0001 0001 6d 01", "begins with 0x80"),  # a SUBSCRIBE without its reserved bit
        ("41 02 0001", "begins with 0x41"),
        ("c0 80808080 00", "more than four bytes"),
        ("c0 01 00", "after the end"),
        ("20 01 00", "ends within a field"),
        ("20 02 02 00", "CONNACK with flags"),
        ("20 03 00 00 00", "after the end"),
        ("40 01 00", "1 bytes where"),
        ("40 03 0001 00", "3 bytes where"),
        ("40 02 0000", "packet id is 0"),
        ("32 00", "within its topic"),
        ("32 01 00", "within its topic"),
        ("32 04 0001 6d 00", "within its topic"),
        ("32 05 0002 6d 0001", "within its topic"),
        ("32 05 0001 6d 0000", "packet id is 0"),
        ("82 02 0001", "without a topic"),
        ("82 06 0000 0001 6d 01", "packet id is 0"),
        ("82 05 0001 0001 6d", "ends within a field"),
        ("82 06 0001 0001 6d 02", "another QoS"),
        ("90 01 00", "ends within a field"),
        ("10 0c 0004 4d515454 05 00 0000 0000", "another protocol"),  # MQTT 5
        ("10 0e 0006 4d5149736470 03 00 0000 0000", "another protocol"),  # MQTT 3.1
        ("10 0c 0004 4d515454 04 04 0000 0000", "flags 0x04"),  # a will
        ("10 0c 0004 4d515454 04 01 0000 0000", "flags 0x01"),
        ("10 0e 0004 4d515454 04 40 0000 0000 0000", "without a user"),
        ("10 0d 0004 4d515454 04 00 0000 0000 00", "after the end"),
        ("10 0c 0004 4d515454 04 00 0000 0001", "ends within a field"),
    ],
)
def test_bytes_that_are_no_packet_are_refused(data: str, fault: str) -> None:
    with pytest.raises(MalformedPacketError, match=fault):
        read(bytes.fromhex(data))


def test_a_packet_that_is_too_large_is_refused_before_it_is_here() -> None:
    with pytest.raises(PacketTooLargeError) as caught:
        read(bytes.fromhex("32 81 01"), decoder=PacketDecoder(max_packet_bytes=128))
    assert (caught.value.size, caught.value.limit) == (129, 128)


def test_a_packet_as_large_as_the_limit_is_taken() -> None:
    packet = Publish(b"m", 1, b"x" * 123)
    assert read(packet.encode(), decoder=PacketDecoder(max_packet_bytes=128)) == [packet]


def test_the_packets_before_a_fault_are_given() -> None:
    heard: list[Packet] = []
    with pytest.raises(MalformedPacketError):
        heard.extend(PacketDecoder().receive(PubAck(1).encode() + b"\x00\x00"))
    decoder = PacketDecoder()
    received = decoder.receive(PubAck(1).encode() + b"\x00\x00")
    assert next(received) == PubAck(1)


def test_a_fault_is_for_good() -> None:
    decoder = PacketDecoder()
    for data in (b"\x00\x00", PingResp().encode(), b""):
        with pytest.raises(MalformedPacketError, match="begins with 0x00"):
            read(data, decoder=decoder)


FIELDS = st.binary(max_size=200)
IDS = st.integers(1, 0xFFFF)
BYTES = st.integers(0, 0xFF)
PACKETS: st.SearchStrategy[Packet] = st.one_of(
    st.builds(Connect, FIELDS, st.binary(min_size=1), FIELDS, st.booleans(), st.integers(0, 0xFFFF)),
    st.builds(Connect, FIELDS),
    st.builds(ConnAck, st.booleans(), BYTES),
    st.builds(Publish, FIELDS, IDS, st.binary(max_size=20_000), st.booleans()),
    st.builds(PubAck, IDS),
    st.builds(Subscribe, IDS, st.lists(FIELDS, min_size=1, max_size=4).map(tuple)),
    st.builds(SubAck, IDS, st.lists(BYTES, max_size=4).map(tuple)),
    st.just(PingReq()),
    st.just(PingResp()),
    st.just(Disconnect()),
)


@given(st.lists(PACKETS, max_size=5), st.lists(st.integers(0, 30_000), max_size=5))
def test_whatever_is_written_is_read_back_however_it_was_cut(packets: list[Packet], cuts: list[int]) -> None:
    stream = b"".join(packet.encode() for packet in packets)
    assert read(*_chunks(stream, cuts)) == packets


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=3))
def test_any_bytes_are_packets_or_an_error_of_ours(data: bytes, cuts: list[int]) -> None:
    try:
        packets = read(*_chunks(data, cuts))
    except MqttError:
        return
    assert len(packets) <= len(data) // 2  # the shortest has two bytes


def _chunks(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[first:last] for first, last in itertools.pairwise(edges)]
