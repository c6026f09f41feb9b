"""Ids: one wire form and one text form each, and clear errors for everything else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import InvalidAddressError
from protocol.ids import (
    Address,
    DeviceAddress,
    DeviceId,
    GroupAddress,
    GroupId,
    MemberAddress,
    UserId,
    address_from_bytes,
    address_to_bytes,
    address_to_text,
    new_group_id,
    new_user_id,
    parse_address,
    parse_device_address,
    parse_group_id,
    parse_user_id,
)
from tests.protocol.stanza_strategies import addresses

ALICE = UserId(0x0123456789ABCDEF)
ALICES_PHONE = DeviceAddress(ALICE, DeviceId(258))


CLUB = GroupAddress(GroupId(0x1122334455667788))
ALICE_IN_THE_CLUB = MemberAddress(CLUB.group, *ALICES_PHONE)


def test_the_wire_forms_are_8_and_10_bytes_big_endian() -> None:
    assert address_to_bytes(ALICE).hex() == "0123456789abcdef"
    assert address_to_bytes(ALICES_PHONE).hex() == "0123456789abcdef0102"


def test_the_wire_forms_of_groups_begin_with_a_mark() -> None:
    assert address_to_bytes(CLUB).hex() == "471122334455667788"
    assert address_to_bytes(ALICE_IN_THE_CLUB).hex() == "4711223344556677880123456789abcdef0102"
    assert address_to_text(CLUB) == "g1122334455667788"
    assert address_to_text(ALICE_IN_THE_CLUB) == "g1122334455667788/0123456789abcdef.258"
    assert ALICE_IN_THE_CLUB.sender == ALICES_PHONE


@pytest.mark.parametrize("text", ["", "1122334455667788", "g", "gg122334455667788", "g1122334455667788 "])
def test_a_text_that_is_no_group_is_refused(text: str) -> None:
    with pytest.raises(InvalidAddressError):
        parse_group_id(text)


def test_the_text_forms_are_hex_and_a_decimal_device() -> None:
    assert address_to_text(ALICE) == "0123456789abcdef"
    assert address_to_text(ALICES_PHONE) == str(ALICES_PHONE) == "0123456789abcdef.258"


@given(address=addresses)
def test_both_forms_come_back_as_they_were(address: Address) -> None:
    assert address_from_bytes(address_to_bytes(address)) == address
    assert parse_address(address_to_text(address)) == address


@given(data=st.binary(max_size=20) | st.binary(max_size=20).map(lambda rest: b"G" + rest))
def test_of_any_bytes_only_an_address_or_the_documented_error_comes_out(data: bytes) -> None:
    try:
        address = address_from_bytes(data)
    except InvalidAddressError:
        return
    assert address_to_bytes(address) == data


@given(text=st.text(alphabet="0123456789abcdefgABF.-+_/ ٣", max_size=40))
def test_of_any_text_only_an_address_or_the_documented_error_comes_out(text: str) -> None:
    try:
        address = parse_address(text)
    except InvalidAddressError:
        return
    assert address_to_text(address) == text


@pytest.mark.parametrize("text", ["", "0", "0" * 16, "0123456789ABCDEF", "0123456789abcdef\n", "f" * 16])
def test_a_text_that_is_no_user_is_refused(text: str) -> None:
    with pytest.raises(InvalidAddressError):
        parse_user_id(text)


@pytest.mark.parametrize("device", ["", "0", "01", "65536", "-1", "1.1", "1 "])
def test_a_text_that_is_no_device_is_refused(device: str) -> None:
    with pytest.raises(InvalidAddressError):
        parse_device_address(f"0123456789abcdef.{device}")


@pytest.mark.parametrize(
    "address",
    [
        UserId(0),
        UserId(-1),
        UserId(2**63),
        DeviceAddress(ALICE, DeviceId(65536)),
        GroupAddress(GroupId(0)),
        GroupAddress(GroupId(2**63)),
        MemberAddress(CLUB.group, UserId(0), DeviceId(1)),
    ],
)
def test_a_number_out_of_range_has_no_wire_form(address: Address) -> None:
    with pytest.raises(InvalidAddressError):
        address_to_bytes(address)


def test_a_new_user_id_is_63_bits_of_the_entropy_and_never_zero() -> None:
    draws = iter([bytes(8), b"\x80" + bytes(7), b"\xff" * 8])
    assert new_user_id(lambda size: next(draws)) == 2**63 - 1
    assert new_group_id(lambda size: bytes(7) + b"\x05") == 5
