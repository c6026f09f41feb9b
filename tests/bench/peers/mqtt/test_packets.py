"""Packets are written as the standard says, and what it cannot say is refused before it is sent."""

import pytest

from bench.peers.mqtt import (
    ConnAck,
    Connect,
    Disconnect,
    NumberedPublish,
    Packet,
    PingReq,
    PingResp,
    PubAck,
    Publish,
    SubAck,
    Subscribe,
)
from bench.peers.mqtt.packets import MAX_REMAINING_BYTES, encode_length

CONNECT = bytes.fromhex("1018 0004 4d515454 04 c2 003c 0002 6431 0003 616e6e 0003 70772e")


@pytest.mark.parametrize(
    ("packet", "expected"),
    [
        (Connect(b"d1", b"ann", b"pw."), CONNECT),
        (
            Connect(b"d1", is_clean=False, keepalive=0),
            bytes.fromhex("100e 0004 4d515454 04 00 0000 0002 6431"),
        ),
        (ConnAck(is_session_present=True, code=0), bytes.fromhex("2002 01 00")),
        (Publish(b"m/1", 10, b"hi"), bytes.fromhex("3209 0003 6d2f31 000a 6869")),
        (Publish(b"m/1", 10, b"hi", is_duplicate=True), bytes.fromhex("3a09 0003 6d2f31 000a 6869")),
        (PubAck(0xFFFF), bytes.fromhex("4002 ffff")),
        (Subscribe(1, (b"m", b"r")), bytes.fromhex("820a 0001 0001 6d 01 0001 72 01")),
        (SubAck(1, (1, SubAck.REFUSED)), bytes.fromhex("9004 0001 01 80")),
        (PingReq(), bytes.fromhex("c000")),
        (PingResp(), bytes.fromhex("d000")),
        (Disconnect(), bytes.fromhex("e000")),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, bytes) else "",
)
def test_a_packet_is_written_as_the_standard_says(packet: Packet, expected: bytes) -> None:
    assert packet.encode() == expected


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (0, "00"),
        (127, "7f"),
        (128, "8001"),
        (16_383, "ff7f"),
        (16_384, "808001"),
        (2_097_151, "ffff7f"),
        (2_097_152, "80808001"),
        (MAX_REMAINING_BYTES, "ffffff7f"),
    ],
)
def test_lengths_are_those_of_the_standards_table(length: int, expected: str) -> None:
    assert encode_length(length).hex() == expected


@pytest.mark.parametrize("length", [-1, MAX_REMAINING_BYTES + 1])
def test_a_length_that_four_bytes_cannot_say_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="more than a packet can have"):
        encode_length(length)


@pytest.mark.parametrize(
    ("packet", "fault"),
    [
        (Connect(b"d1", password=b"pw"), "needs a user"),
        (Connect(b"d" * 65_536), "65536 bytes"),
        (Connect(b"d1", keepalive=65_536), "does not fit"),
        (Publish(b"m", 0, b""), "no packet id"),
        (Publish(b"m", 65_536, b""), "no packet id"),
        (PubAck(0), "no packet id"),
        (Subscribe(1, ()), "at least one topic"),
    ],
)
def test_what_the_standard_cannot_say_is_refused_before_it_is_sent(packet: Packet, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        packet.encode()


@pytest.mark.parametrize("payload", [b"", b"hello", b"x" * 200])
def test_a_prepared_message_is_the_same_as_one_written_anew(payload: bytes) -> None:
    prepared = NumberedPublish(b"m/17", payload)
    for packet_id, number in ((1, b"\0\0\0\x01"), (258, b"\x12\x34\x56\x78"), (0xFFFF, b"\0\0\0\0")):
        expected = Publish(b"m/17", packet_id, number + payload).encode()
        assert prepared.encode(packet_id, int.from_bytes(number, "big")) == expected
