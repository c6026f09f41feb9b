"""Framing: whole, byte by byte, several at once, with a rest; the limit is seen in the header."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import FrameTooLargeError, LocalProtocolError
from protocol.frames import FrameDecoder, encode_frame
from protocol.limits import MAX_FRAME_BYTES

BODIES = [b"", b"a", b"bc" * 100]
STREAM = b"".join(encode_frame(body) for body in BODIES)


def frames_of(decoder: FrameDecoder) -> list[bytes]:
    frames = []
    while (frame := decoder.next_frame()) is not None:
        frames.append(frame)
    return frames


def test_the_header_is_three_bytes_big_endian() -> None:
    assert encode_frame(b"x" * 258)[:3] == b"\x00\x01\x02"


def test_frames_come_out_of_one_piece() -> None:
    decoder = FrameDecoder()
    decoder.feed(STREAM)
    assert frames_of(decoder) == BODIES
    assert decoder.is_empty


def test_frames_come_out_byte_by_byte() -> None:
    decoder, frames = FrameDecoder(), []
    for place in range(len(STREAM)):
        decoder.feed(STREAM[place : place + 1])
        frames += frames_of(decoder)
    assert frames == BODIES


def test_trailing_bytes_wait_for_their_frame() -> None:
    decoder = FrameDecoder()
    decoder.feed(STREAM + b"\x00\x00\x02a")
    assert frames_of(decoder) == BODIES
    assert decoder.waiting() == b"\x00\x00\x02a"
    decoder.feed(b"b")
    assert decoder.next_frame() == b"ab"


@given(bodies=st.lists(st.binary(max_size=50)), cuts=st.lists(st.integers(0, 500)))
def test_how_the_stream_is_cut_does_not_matter(bodies: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(encode_frame(body) for body in bodies)
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    decoder, frames = FrameDecoder(), []
    for start, end in itertools.pairwise(places):
        decoder.feed(stream[start:end])
        frames += frames_of(decoder)
    assert frames == bodies


def test_the_longest_frame_passes_and_one_byte_more_is_refused_at_its_header() -> None:
    decoder = FrameDecoder()
    decoder.feed(encode_frame(bytes(MAX_FRAME_BYTES)))
    assert decoder.next_frame() == bytes(MAX_FRAME_BYTES)
    decoder.feed((MAX_FRAME_BYTES + 1).to_bytes(3))
    with pytest.raises(FrameTooLargeError) as caught:
        decoder.next_frame()
    assert caught.value.facts == {"size": 65_536, "limit": 65_535}


def test_we_do_not_write_a_frame_over_the_limit() -> None:
    with pytest.raises(LocalProtocolError):
        encode_frame(bytes(MAX_FRAME_BYTES + 1))


def test_take_gives_exactly_what_is_asked_or_nothing() -> None:
    decoder = FrameDecoder()
    decoder.feed(b"ab")
    assert decoder.take(3) is None
    decoder.feed(b"c" + encode_frame(b"frame"))
    assert decoder.take(3) == b"abc"
    assert decoder.next_frame() == b"frame"


def test_a_frame_that_trickles_in_is_not_copied_again_for_each_byte() -> None:
    decoder = FrameDecoder()
    stream = encode_frame(bytes(1000))
    decoder.feed(stream[:1])
    decoder.feed(stream[1:2])
    gathered = decoder._data
    for place in range(2, len(stream) - 1):
        decoder.feed(stream[place : place + 1])
        assert decoder.next_frame() is None
    assert decoder._data is gathered
