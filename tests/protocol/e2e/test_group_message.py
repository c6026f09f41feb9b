import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.e2e.errors import BadCiphertextError, UnsupportedVersionError
from protocol.e2e.group_message import GroupMessage, decode_group_message, key_id_of
from protocol.limits import MAX_CIPHERTEXT_BYTES

numbers = st.integers(0, 2**32 - 1)
messages = st.builds(
    GroupMessage,
    st.binary(min_size=4, max_size=4),
    numbers,
    numbers,
    st.binary(min_size=2, max_size=2),
    st.binary(max_size=40),
    st.binary(min_size=64, max_size=64),
)
MESSAGE = GroupMessage(b"name", 300, 1, b"hh", b"sealed", bytes(64))


@given(messages)
def test_a_message_comes_out_as_it_went_in(message: GroupMessage) -> None:
    assert decode_group_message(message.encode()) == message


def test_the_layout_of_a_message() -> None:
    assert MESSAGE.encode() == b"\x14name\xac\x02\x01hhsealed" + bytes(64)
    assert key_id_of(b"name and the rest") == b"name"


def test_a_message_cut_short_loses_its_end_or_is_none() -> None:
    empty = GroupMessage(b"name", 300, 1, b"hh", b"", bytes(64)).encode()
    for length in range(len(empty)):
        with pytest.raises(BadCiphertextError):
            decode_group_message(empty[:length])


@given(st.binary(max_size=100))
def test_of_any_bytes_only_the_named_errors_come_out(noise: bytes) -> None:
    for data in (noise, b"\x14" + noise):
        try:
            message = decode_group_message(data)
        except BadCiphertextError:
            continue
        assert message.encode() == data


@pytest.mark.parametrize(
    "number", [b"\x80\x00", b"\xff\xff\xff\xff\x1f", b"\x80\x80\x80\x80\x80\x01", b"\x80"]
)
def test_a_number_has_one_form(number: bytes) -> None:
    with pytest.raises(BadCiphertextError):
        decode_group_message(b"\x14name" + number + bytes(64))


def test_other_kinds_and_versions_are_told_apart() -> None:
    body = MESSAGE.encode()[1:]
    with pytest.raises(UnsupportedVersionError):
        decode_group_message(b"\x23" + body)
    for wrong in (b"\x11" + body, b"\x13" + body, b"", bytes(MAX_CIPHERTEXT_BYTES + 1)):
        with pytest.raises(BadCiphertextError):
            decode_group_message(wrong)
