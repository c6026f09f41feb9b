from collections.abc import Iterable

from faults.real.frames import PREAMBLE_BYTES, Alterations, FrameEnds
from protocol.limits import MAX_FRAME_BYTES

PREAMBLE = b"RO\x01\x01"


def frame(body: bytes) -> bytes:
    return len(body).to_bytes(3, "big") + body


FRAMES = [PREAMBLE, frame(b"hello"), frame(b"x"), frame(b"y" * 300)]
STREAM = b"".join(FRAMES)


def test_ends_are_found_in_one_piece() -> None:
    assert FrameEnds(PREAMBLE_BYTES).find(STREAM) == [4, 12, 16, 319]


def test_ends_are_found_byte_by_byte() -> None:
    ends = FrameEnds(PREAMBLE_BYTES)
    found = [place + 1 for place in range(len(STREAM)) if ends.find(STREAM[place : place + 1])]
    assert found == [4, 12, 16, 319]
    assert ends.is_between


def test_what_is_no_stream_of_frames_has_no_ends() -> None:
    for header in (b"\x00\x00\x00", (MAX_FRAME_BYTES + 1).to_bytes(3, "big")):
        ends = FrameEnds(PREAMBLE_BYTES)
        assert ends.find(PREAMBLE + header + b"more") == [4]
        assert ends.is_lost


def doubled(frame: bytes) -> Iterable[bytes]:
    return (frame, frame)


def apply_bytewise(alterations: Alterations, data: bytes) -> bytes:
    return b"".join(
        piece for place in range(len(data)) for piece in alterations.apply(data[place : place + 1])
    )


def test_without_an_alteration_bytes_pass_as_they_come() -> None:
    alterations = Alterations(PREAMBLE_BYTES)
    assert list(alterations.apply(STREAM[:9])) == [STREAM[:9]]
    assert list(alterations.apply(STREAM[9:])) == [STREAM[9:]]


def test_an_alteration_gets_whole_frames_however_they_come() -> None:
    expected = b"".join(frame + frame for frame in FRAMES)
    for apply in (apply_bytewise, lambda each, data: b"".join(each.apply(data))):
        alterations = Alterations(PREAMBLE_BYTES)
        alterations.set(doubled)
        assert apply(alterations, STREAM) == expected


def test_a_frame_that_began_before_the_alteration_goes_on_as_it_is() -> None:
    alterations = Alterations(PREAMBLE_BYTES)
    sent = b"".join(alterations.apply(STREAM[:9]))
    alterations.set(doubled)
    sent += apply_bytewise(alterations, STREAM[9:])
    assert sent == b"".join((*FRAMES[:2], FRAMES[2] * 2, FRAMES[3] * 2))


def test_a_frame_that_ends_after_the_alteration_goes_on_as_it_is() -> None:
    alterations = Alterations(PREAMBLE_BYTES)
    alterations.set(doubled)
    sent = b"".join(alterations.apply(STREAM[:14]))
    sent += alterations.set(None)
    sent += b"".join(alterations.apply(STREAM[14:]))
    assert sent == b"".join((FRAMES[0] * 2, FRAMES[1] * 2, *FRAMES[2:]))


def test_what_is_no_stream_of_frames_is_not_altered_and_not_kept() -> None:
    alterations = Alterations(0)
    alterations.set(doubled)
    garbage = b"GET / HTTP/1.1\r\n\r\n"
    assert apply_bytewise(alterations, garbage) == garbage
