"""Bus messages as bytes: whole, byte by byte, and never taken for something else."""

import cbor2
import pytest

from protocol import DeviceAddress, DeviceId, MessageNumber, Part, UserId
from relay.bus import messages as m
from relay.bus.codec import MAX_FRAME_BYTES, FrameReader, decode, encode, frame
from relay.bus.errors import BusProtocolError

ANNA = DeviceAddress(UserId(2**62), DeviceId(1))
SUBMIT = m.Submit(
    ANNA,
    17,
    UserId(5),
    (
        (MessageNumber(1), b"to one"),
        (MessageNumber(2), (Part(DeviceId(1), b"a"), Part(DeviceId(3), b"b"))),
    ),
)
TICK = m.Accepted(ANNA, UserId(5), MessageNumber(2))


def test_messages_come_out_as_they_went_in() -> None:
    assert list(FrameReader().feed(frame([encode(SUBMIT), encode(TICK)]))) == [SUBMIT, TICK]


def test_byte_by_byte_is_as_good_as_at_once() -> None:
    reader = FrameReader()
    data = frame([encode(SUBMIT)]) + frame([encode(TICK)])
    heard = [message for byte in data for message in reader.feed(bytes((byte,)))]
    assert heard == [SUBMIT, TICK]


@pytest.mark.parametrize("count", [1, 23, 24, 255, 256, 70_000])
def test_a_frame_holds_any_number_of_messages(count: int) -> None:
    assert sum(1 for _ in FrameReader().feed(frame([encode(m.Ready())] * count))) == count


@pytest.mark.parametrize(
    "item",
    [
        7,
        [],
        [999],
        ["Ready"],
        [4, 2**62, 1, 5],
        [4, 2**62, 1, 5, 2, 0],
        [4, 2**62, 0, 5, 2],
        [4, "2", 1, 5, 2],
        [4, 2**62, 1, 0, 2],
        [4, 2**62, 1, 5, b"2"],
        [3, 2**62, 1, 1, 5, [[1, "text"]]],
        [3, 2**62, 1, 1, 5, [[1]]],
        [3, 2**62, 1, 1, 5, [["1", b"text"]]],
        [3, 2**62, 1, 1, 5, [[1, b"x" * 100_000]]],
    ],
)
def test_what_no_worker_says_ends_the_reading(item: object) -> None:
    with pytest.raises(BusProtocolError):
        list(decode(cbor2.dumps([item])))


@pytest.mark.parametrize("body", [b"", b"\xff", cbor2.dumps({"a": 1}), cbor2.dumps([[1]])[:-1]])
def test_what_is_not_an_array_of_messages_ends_the_reading(body: bytes) -> None:
    with pytest.raises(BusProtocolError):
        list(decode(body))


def test_a_length_that_no_frame_has_is_refused_before_it_is_waited_for() -> None:
    with pytest.raises(BusProtocolError):
        list(FrameReader().feed((MAX_FRAME_BYTES + 1).to_bytes(4)))


def test_an_error_never_repeats_what_was_said() -> None:
    with pytest.raises(BusProtocolError) as caught:
        list(decode(cbor2.dumps([[3, "secret", 1, 1, 1, []]])))
    assert "secret" not in str(caught.value)
