from base64 import urlsafe_b64encode

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.e2e.errors import BadLinkError
from protocol.e2e.group_link import (
    LINK_PREFIX,
    MAX_LINK_CHARS,
    GroupLink,
    JoinPlea,
    parse_group_link,
    read_plea,
    write_plea,
)
from protocol.e2e.keys import IdentityKeyPair
from protocol.ids import GroupId, UserId

GROUP, EVE = GroupId(2**62), UserId(5)
INVITE = IdentityKeyPair.from_seed(b"i" * 32)
LINK = GroupLink("relay.example:5252", GROUP, INVITE, b"k" * 32)
KEY = b"e" * 32
FIELDS = [1, LINK.relay, GROUP, INVITE.seed, LINK.info_key]


def text_of(value: object) -> str:
    return LINK_PREFIX + urlsafe_b64encode(cbor2.dumps(value)).decode().rstrip("=")


def test_an_invitation_comes_out_of_its_text() -> None:
    assert parse_group_link(LINK.text()) == LINK
    assert parse_group_link(f"  {LINK.text()}\n") == LINK
    assert len(LINK.text()) == 143


def test_an_invitation_shows_no_key() -> None:
    assert "kkkk" not in repr(LINK)
    assert "iiii" not in repr(LINK)


def test_what_a_later_version_adds_is_skipped() -> None:
    assert parse_group_link(text_of([*FIELDS, "later"])) == LINK


@pytest.mark.parametrize(
    "value",
    [
        [], {}, 7, [2, *FIELDS[1:]], FIELDS[:-1],
        [1, "x" * 257, *FIELDS[2:]], [1, "\x1b[2J", *FIELDS[2:]], [1, b"relay", *FIELDS[2:]],
        [*FIELDS[:2], 0, *FIELDS[3:]], [*FIELDS[:2], 2**63, *FIELDS[3:]], [*FIELDS[:3], bytes(31), FIELDS[4]],
        [*FIELDS[:4], bytes(33)], [*FIELDS[:4], None],
    ],
)  # fmt: skip
def test_what_is_no_invitation_is_refused(value: object) -> None:
    with pytest.raises(BadLinkError):
        parse_group_link(text_of(value))


@given(st.text(max_size=60))
def test_of_any_text_only_the_named_error_comes_out(text: str) -> None:
    for wrong in (text, LINK_PREFIX + text):
        with pytest.raises(BadLinkError):
            parse_group_link(wrong)


def test_a_text_cut_short_is_none() -> None:
    text = LINK.text()
    for length in range(len(text)):
        with pytest.raises(BadLinkError):
            parse_group_link(text[:length])
    with pytest.raises(BadLinkError):
        parse_group_link(text + "A" * MAX_LINK_CHARS)


def test_a_plea_shows_the_invitation_and_the_key() -> None:
    assert read_plea(write_plea(INVITE, GROUP, EVE, KEY), GROUP, EVE) == JoinPlea(INVITE.public, KEY)


def test_a_plea_is_for_one_person_and_one_group() -> None:
    plea = write_plea(INVITE, GROUP, EVE, KEY)
    for group, user in ((GroupId(9), EVE), (GROUP, UserId(6))):
        with pytest.raises(BadLinkError):
            read_plea(plea, group, user)


def test_a_plea_that_is_changed_or_cut_is_none() -> None:
    plea = write_plea(INVITE, GROUP, EVE, KEY)
    for place in range(len(plea)):
        changed = bytearray(plea)
        changed[place] ^= 1
        for wrong in (bytes(changed), plea[:place]):
            with pytest.raises(BadLinkError):
                read_plea(wrong, GROUP, EVE)


@given(st.binary(max_size=60))
def test_noise_is_no_plea(noise: bytes) -> None:
    with pytest.raises(BadLinkError):
        read_plea(noise, GROUP, EVE)
