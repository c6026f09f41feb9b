from dataclasses import replace
from hashlib import sha256
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.device_list import SignedDeviceList
from protocol.ids import DeviceAddress, DeviceId, GroupId, UserId
from protocol.limits import MAX_CIPHERTEXT_BYTES, MAX_DEVICE_LIST_BYTES
from protocol.membership import (
    MAX_ENTRY_BYTES,
    Add,
    BadEntryError,
    Create,
    Describe,
    Entry,
    Leave,
    NewMember,
    Settings,
    SignedEntry,
    UnsupportedEntryError,
    decode_entry,
    decode_signed_entry,
    entry_hash,
)
from protocol.membership.actions import MAX_INFO_BYTES, MAX_MEMBERS_PER_ENTRY
from tests.protocol.membership.histories import ANNA, GROUP, TIME, group_of, key_of, next_entry, signed
from tests.protocol.membership.strategies import entries, signed_entries

ENTRY = next_entry(group_of(ANNA), ANNA, Add((NewMember(UserId(600), bytes(32)),)))
FIELDS: list[Any] = cbor2.loads(ENTRY.encode())


@given(entries)
def test_an_entry_comes_out_as_it_went_in(entry: Entry) -> None:
    assert decode_entry(entry.encode()) == entry


@given(signed_entries())
def test_a_signed_entry_comes_out_as_it_went_in(entry: SignedEntry) -> None:
    assert decode_signed_entry(entry.encode()) == entry


def test_the_layout_of_an_entry() -> None:
    assert [
        1, GROUP, 1, ENTRY.previous, ANNA, 1, key_of(ANNA), TIME + 1, 1, [[600, bytes(32)]],
    ] == FIELDS  # fmt: skip


def test_an_entry_names_the_signed_form_before_it() -> None:
    first = signed(ENTRY)
    assert entry_hash(first) == sha256(first).digest()


@given(signed_entries(), st.data())
def test_an_entry_cut_short_is_none(entry: SignedEntry, data: st.DataObject) -> None:
    encoded = entry.encode()
    with pytest.raises(BadEntryError):
        decode_signed_entry(encoded[: data.draw(st.integers(0, len(encoded) - 1))])


def test_an_entry_cut_short_anywhere_is_none() -> None:
    for encoded in (signed(ENTRY), ENTRY.encode()):
        for length in range(len(encoded)):
            with pytest.raises(BadEntryError):
                decode_signed_entry(encoded[:length])
            with pytest.raises(BadEntryError):
                decode_entry(encoded[:length] if encoded == ENTRY.encode() else encoded)


@pytest.mark.parametrize("behind", [b"\0", b"\xff", b"\xf6", b"\x82"])
def test_nothing_may_stand_behind_an_entry(behind: bytes) -> None:
    with pytest.raises(BadEntryError):
        decode_signed_entry(signed(ENTRY) + behind)
    with pytest.raises(BadEntryError):
        decode_entry(ENTRY.encode() + behind)


@given(st.binary(max_size=200))
def test_of_any_bytes_only_the_named_errors_come_out(noise: bytes) -> None:
    for decode in (decode_signed_entry, decode_entry):
        with pytest.raises(BadEntryError):
            decode(noise)


@given(signed_entries(), st.data())
def test_a_changed_byte_is_found_or_gives_another_entry(entry: SignedEntry, data: st.DataObject) -> None:
    encoded = bytearray(entry.encode())
    place = data.draw(st.integers(0, len(encoded) - 1))
    encoded[place] ^= data.draw(st.integers(1, 255))
    try:
        changed = decode_signed_entry(bytes(encoded))
    except BadEntryError:
        return
    assert changed != entry
    assert changed.encode() == bytes(encoded)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (1, 0), (1, 2**63), (1, "1"), (1, True), (1, 1.0),
        (2, -1), (2, 2**63), (2, None),
        (3, bytes(31)), (3, "0" * 32),
        (4, 0), (4, 2**63),
        (5, 0), (5, 2**16), (5, False),
        (6, bytes(33)), (6, 7),
        (7, -1), (7, 2**64), (7, 1.5),
        (8, 12), (8, True), (8, None), (8, [1]),
        (9, None), (9, [[600]]), (9, [[0, bytes(32)]]), (9, [[600, bytes(31)]]), (9, [600]), (9, {}),
    ],
)  # fmt: skip
def test_a_field_outside_its_limits_is_no_entry(place: int, value: object) -> None:
    fields = [*FIELDS[:place], value, *FIELDS[place + 1 :]]
    with pytest.raises(BadEntryError):
        decode_entry(cbor2.dumps(fields, canonical=True))


def test_an_entry_has_exactly_its_fields() -> None:
    for fields in (FIELDS[:-1], [*FIELDS, 0], [1], [], ["1"], [True, *FIELDS[1:]]):
        with pytest.raises(BadEntryError):
            decode_entry(cbor2.dumps(fields))


def test_an_entry_of_a_later_version_is_known_as_such() -> None:
    with pytest.raises(UnsupportedEntryError) as raised:
        decode_entry(cbor2.dumps([2, "whatever", "it", "has"]))
    assert raised.value.version == 2


def test_an_entry_has_one_form() -> None:
    long_number = cbor2.dumps(FIELDS).replace(cbor2.dumps(600), b"\x1b" + (600).to_bytes(8, "big"))
    indefinite = b"\x9f" + cbor2.dumps(FIELDS)[1:] + b"\xff"
    for same in (long_number, indefinite):
        assert cbor2.loads(same) == FIELDS
        with pytest.raises(BadEntryError, match="one form"):
            decode_entry(same)


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [b"", bytes(64)],
        [ENTRY.encode()],
        [ENTRY.encode(), bytes(63)],
        [ENTRY.encode(), bytes(64), b"list"],
        [ENTRY.encode(), bytes(64), b"list", bytes(63)],
        [ENTRY.encode(), bytes(64), bytes(MAX_DEVICE_LIST_BYTES + 1), bytes(64)],
        [ENTRY.encode(), bytes(64), b"list", bytes(64), b""],
        [ENTRY.encode(), "0" * 64],
        [FIELDS, bytes(64)],
    ],
)
def test_a_signature_is_64_bytes_and_a_proof_a_list_with_its_own(fields: list[object]) -> None:
    with pytest.raises(BadEntryError):
        decode_signed_entry(cbor2.dumps(fields))


def test_our_own_entries_are_held_to_the_same_limits() -> None:
    for wrong in (
        replace(ENTRY, index=-1),
        replace(ENTRY, author=DeviceAddress(ANNA, DeviceId(0))),
        replace(ENTRY, author_key=b""),
        replace(ENTRY, action=Describe(bytes(MAX_INFO_BYTES + 1))),
    ):
        with pytest.raises(BadEntryError):
            wrong.encode()


def test_the_largest_entry_fits_a_delivery() -> None:
    members = tuple(NewMember(UserId(2**62 + number), bytes(32)) for number in range(MAX_MEMBERS_PER_ENTRY))
    entry = replace(ENTRY, action=Create(members, Settings(7), bytes(MAX_INFO_BYTES)), time=2**62)
    proof = SignedDeviceList(bytes(MAX_DEVICE_LIST_BYTES), bytes(64))
    encoded = SignedEntry(entry, entry.encode(), bytes(64), proof).encode()
    assert len(encoded) <= MAX_ENTRY_BYTES < MAX_CIPHERTEXT_BYTES
    assert decode_signed_entry(encoded).entry == entry


def test_an_entry_beyond_the_limit_is_refused_unread() -> None:
    with pytest.raises(BadEntryError, match="limit"):
        decode_signed_entry(bytes(MAX_ENTRY_BYTES + 1))
    with pytest.raises(BadEntryError, match="limit"):
        SignedEntry(ENTRY, bytes(MAX_ENTRY_BYTES), bytes(64)).encode()


def test_the_bytes_of_a_small_entry() -> None:
    author = DeviceAddress(UserId(2**62), DeviceId(1))
    assert len(signed(replace(ENTRY, group=GroupId(2**62), author=author, action=Leave()))) == 165
