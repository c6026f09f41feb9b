"""A device list has one form, and of foreign bytes only the documented error comes out."""

from dataclasses import replace

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.device_list import DeviceList, ListedDevice, decode_device_list
from protocol.errors import BadDeviceListError
from protocol.ids import DeviceId, UserId
from protocol.limits import MAX_DEVICE_LIST_BYTES

PRIMARY = ListedDevice(DeviceId(3), b"p" * 32)
COMPANION = ListedDevice(DeviceId(5), b"c" * 32)
LIST = DeviceList(UserId(7), 2, 1_700_000_000, (PRIMARY, COMPANION))

rows = st.tuples(st.integers(1, 0xFFFF), st.binary(min_size=32, max_size=32))


def fields(*devices: object, **changed: object) -> list[object]:
    """The CBOR of a small list, with something about it changed."""
    whole: dict[str, object] = {"format": 1, "user": 7, "number": 1, "issued_at": 0, "devices": list(devices)}
    return list((whole | changed).values())


def test_a_list_is_the_bytes_of_its_specification() -> None:
    small = DeviceList(UserId(7), 1, 0, (PRIMARY,))
    assert small.encode().hex() == "850107010081820358" + "20" + "70" * 32


@given(
    user=st.integers(1, 2**63 - 1),
    number=st.integers(1, 2**63 - 1),
    issued_at=st.integers(0, 2**63 - 1),
    devices=st.lists(rows, min_size=1, max_size=5, unique_by=(lambda row: row[0], lambda row: row[1])),
)
def test_every_list_comes_back_as_it_went(
    user: int, number: int, issued_at: int, devices: list[tuple[int, bytes]]
) -> None:
    listed = tuple(ListedDevice(DeviceId(device), key) for device, key in devices)
    device_list = DeviceList(UserId(user), number, issued_at, listed)
    assert decode_device_list(device_list.encode()) == device_list


def test_the_primary_is_first_and_the_keys_are_found_by_number() -> None:
    assert LIST.primary == PRIMARY
    assert LIST.key_of(DeviceId(5)) == COMPANION.identity_key
    assert LIST.key_of(DeviceId(4)) is None


ROW = [3, b"p" * 32]
REFUSED = {
    "another format": fields(ROW, format=2),
    "a field more": [*fields(ROW), 1],
    "a field less": fields(ROW)[:-1],
    "a user that is none": fields(ROW, user=0),
    "a user that is true": fields(ROW, user=True),
    "a number that is none": fields(ROW, number=0),
    "a number too large": fields(ROW, number=2**63),
    "a time before time": fields(ROW, issued_at=-1),
    "no devices": fields(),
    "six devices": fields(*([device, bytes([device]) * 32] for device in range(1, 7))),
    "a device twice": fields(ROW, [3, b"q" * 32]),
    "a key twice": fields(ROW, [4, b"p" * 32]),
    "a device that is none": fields([0, b"p" * 32]),
    "a device that is true": fields([True, b"p" * 32]),
    "a key too short": fields([3, b"p" * 31]),
    "a row too long": fields([3, b"p" * 32, 1]),
    "a row that is a number": fields(3),
    "devices that are none": fields(devices=3),
    "no array": {"format": 1},
}


@pytest.mark.parametrize("value", REFUSED.values(), ids=REFUSED.keys())
def test_what_is_no_list_is_refused(value: object) -> None:
    with pytest.raises(BadDeviceListError):
        decode_device_list(cbor2.dumps(value))


def test_a_list_in_another_form_is_refused() -> None:
    encoded = LIST.encode()
    wide = encoded.replace(b"\x85\x01\x07", b"\x85\x01\x18\x07", 1)
    assert cbor2.loads(wide) == cbor2.loads(encoded)
    for other in (wide, encoded + b"\x00", b"\x9f" + encoded[1:] + b"\xff"):
        with pytest.raises(BadDeviceListError):
            decode_device_list(other)


def test_what_is_too_long_is_not_even_decoded() -> None:
    with pytest.raises(BadDeviceListError, match="bytes"):
        decode_device_list(bytes(MAX_DEVICE_LIST_BYTES + 1))


def test_a_list_that_must_not_be_is_not_encoded() -> None:
    with pytest.raises(BadDeviceListError):
        replace(LIST, devices=(PRIMARY, PRIMARY)).encode()


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_of_any_bytes_only_the_documented_error_comes_out(data: bytes) -> None:
    try:
        decode_device_list(data)
    except BadDeviceListError:
        pass


def test_of_a_list_with_any_byte_changed_only_the_documented_error_comes_out() -> None:
    encoded = LIST.encode()
    for place in range(len(encoded)):
        changed = bytearray(encoded)
        changed[place] ^= 0xFF
        try:
            assert decode_device_list(bytes(changed)) != LIST
        except BadDeviceListError:
            pass
