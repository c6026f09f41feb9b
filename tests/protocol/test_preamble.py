"""The preamble: four bytes, and a different error for what is not Roost's and what is not of this version."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.codes import ErrorCode
from protocol.errors import PreambleError, UnsupportedVersionError
from protocol.preamble import HandshakePattern, decode_preamble, encode_preamble


def test_the_bytes_are_those_of_the_specification() -> None:
    assert encode_preamble(HandshakePattern.XX) == b"RO\x01\x00"
    assert encode_preamble(HandshakePattern.IK) == b"RO\x01\x01"


@pytest.mark.parametrize("pattern", list(HandshakePattern))
def test_what_is_encoded_is_decoded(pattern: HandshakePattern) -> None:
    assert decode_preamble(encode_preamble(pattern)) is pattern


@pytest.mark.parametrize("data", [b"GET ", b"\x16\x03\x01\x02", b"OR\x01\x00", b"RO\x01", b""])
def test_another_programs_bytes_are_garbage(data: bytes) -> None:
    with pytest.raises(PreambleError):
        decode_preamble(data)


@pytest.mark.parametrize("data", [b"RO\x00\x00", b"RO\x02\x00", b"RO\x01\x02"])
def test_roosts_bytes_of_another_version_are_unsupported(data: bytes) -> None:
    with pytest.raises(UnsupportedVersionError) as caught:
        decode_preamble(data)
    assert caught.value.code is ErrorCode.UNSUPPORTED_VERSION
    assert caught.value.facts == {"version": data[2], "pattern": data[3]}


@given(data=st.binary(min_size=4, max_size=4))
def test_of_any_four_bytes_only_documented_errors_come_out(data: bytes) -> None:
    try:
        assert encode_preamble(decode_preamble(data)) == data
    except (PreambleError, UnsupportedVersionError):
        pass
