from random import Random

import cbor2
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from protocol.e2e.errors import BadGroupInfoError, MisuseError
from protocol.e2e.group_info import (
    INFO_CONTEXT,
    LENGTHS,
    MAX_DESCRIPTION_CHARS,
    MAX_NAME_CHARS,
    MAX_PICTURE_BYTES,
    GroupInfo,
    check_info,
    new_info_key,
    open_info,
    seal_info,
)
from protocol.ids import GroupId
from protocol.membership.actions import MAX_INFO_BYTES

GROUP = GroupId(0x6702)
ENTROPY = Random(1).randbytes
KEY = new_info_key(ENTROPY)
JPEG = b"\xff\xd8\xff"


@pytest.mark.parametrize(
    "info",
    [GroupInfo("Family"), GroupInfo("Hütte ⛰", "Two\nlines"), GroupInfo("x", "", JPEG + b"picture")],
)
def test_info_comes_out_as_it_went_in(info: GroupInfo) -> None:
    assert open_info(KEY, GROUP, seal_info(KEY, GROUP, info, ENTROPY)) == info


def test_the_largest_info_fits_an_entry() -> None:
    info = GroupInfo(
        "\U0001f600" * MAX_NAME_CHARS, "\U0001f600" * MAX_DESCRIPTION_CHARS, JPEG.ljust(MAX_PICTURE_BYTES)
    )
    sealed = seal_info(KEY, GROUP, info, ENTROPY)
    assert len(sealed) == MAX_INFO_BYTES
    assert open_info(KEY, GROUP, sealed) == info


def test_the_length_tells_only_a_step() -> None:
    lengths = dict.fromkeys(
        len(seal_info(KEY, GROUP, GroupInfo("x" * size), ENTROPY)) for size in range(1, 100)
    )
    assert list(lengths) == [LENGTHS[0] + 28]


def test_info_opens_with_its_key_and_for_its_group_only() -> None:
    sealed = seal_info(KEY, GROUP, GroupInfo("Family"), ENTROPY)
    for key, group in ((bytes(32), GROUP), (KEY, GroupId(9)), (bytes(3), GROUP)):
        with pytest.raises(BadGroupInfoError):
            open_info(key, group, sealed)


def test_changed_or_cut_bytes_do_not_open() -> None:
    sealed = seal_info(KEY, GROUP, GroupInfo("Family"), ENTROPY)
    for place in range(0, len(sealed), 7):
        changed = bytearray(sealed)
        changed[place] ^= 1
        for wrong in (bytes(changed), sealed[:place], sealed + b"\0"):
            with pytest.raises(BadGroupInfoError):
                open_info(KEY, GROUP, wrong)


def sealed_raw(plain: bytes) -> bytes:
    return bytes(12) + AESGCM(KEY).encrypt(bytes(12), plain, INFO_CONTEXT + GROUP.to_bytes(8, "big"))


@given(st.binary(max_size=60))
def test_of_any_plaintext_only_the_named_error_comes_out(noise: bytes) -> None:
    for plain in (noise, len(noise).to_bytes(4, "big") + noise):
        with pytest.raises(BadGroupInfoError):
            open_info(KEY, GROUP, sealed_raw(plain))


@pytest.mark.parametrize(
    "fields",
    [
        [], ["x", ""], ["", "", None], ["a\x1b[2J", "", None], ["x", "\x1b[2J", None], [7, "", None],
        ["x", None, None], ["x", "", "picture"], ["x", "", b"no picture"], ["x" * 101, "", None],
        ["x", "x" * 513, None], ["x", "", JPEG + bytes(MAX_PICTURE_BYTES)],
    ],
)  # fmt: skip
def test_a_member_cannot_make_others_show_what_is_no_name(fields: list[object]) -> None:
    plain = cbor2.dumps(fields)
    with pytest.raises(BadGroupInfoError):
        open_info(KEY, GROUP, sealed_raw(len(plain).to_bytes(4, "big") + plain))


def test_fields_of_a_later_version_are_skipped() -> None:
    plain = cbor2.dumps(["x", "y", None, "later"])
    assert open_info(KEY, GROUP, sealed_raw(len(plain).to_bytes(4, "big") + plain)) == GroupInfo("x", "y")


@pytest.mark.parametrize(
    ("info", "said"),
    [
        (GroupInfo(""), "name"),
        (GroupInfo("x" * 101), "name"),
        (GroupInfo("two\nlines"), "name"),
        (GroupInfo("x", "x" * 513), "description"),
        (GroupInfo("x", "bell\a"), "description"),
        (GroupInfo("x", "", b"GIF"), "JPEG"),
        (GroupInfo("x", "", JPEG + bytes(MAX_PICTURE_BYTES)), "larger"),
    ],
)
def test_our_own_is_checked_in_words_for_a_person(info: GroupInfo, said: str) -> None:
    with pytest.raises(MisuseError, match=said):
        check_info(info)


def test_no_name_shows_in_a_repr() -> None:
    assert repr(GroupInfo("secret", "secret")) == "GroupInfo()"
