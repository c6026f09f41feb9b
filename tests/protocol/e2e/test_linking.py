"""Linking: whoever knows the secret gets the account, and a relay in between gets nothing."""

import base64
from dataclasses import replace

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.device_list import DeviceList, ListedDevice
from protocol.e2e import IdentityKeyPair, MisuseError, sign_device_list
from protocol.e2e.errors import BadLinkingError, WrongLinkCodeError
from protocol.e2e.linking import (
    ALPHABET,
    Companion,
    CompanionLinking,
    Grant,
    GrantedProfile,
    KnownPeer,
    PrimaryLinking,
    grant_from_bytes,
    grant_to_bytes,
)
from protocol.ids import DeviceId, UserId
from protocol.limits import MAX_LINK_MESSAGE_BYTES
from tests.protocol.e2e.pair import seeded_entropy

LINK, NAMEPLATE = b"l" * 16, "7K2"
RELAY_KEY = b"r" * 32
PRIMARY = IdentityKeyPair.generate(seeded_entropy(1))
COMPANION = IdentityKeyPair.generate(seeded_entropy(2))
MYSELF = Companion(COMPANION.public, b"n" * 32, "kitchen")
LIST = DeviceList(
    UserId(7),
    2,
    1_700_000_000,
    (ListedDevice(DeviceId(1), PRIMARY.public), ListedDevice(DeviceId(2), COMPANION.public)),
)
GRANT = Grant(
    UserId(7),
    DeviceId(2),
    "+491713920001",
    RELAY_KEY,
    sign_device_list(PRIMARY, LIST),
    GrantedProfile(b"k" * 32, 1, 77, "Anna", "here"),
    (
        KnownPeer(UserId(8), "+491713920002", DeviceId(1), b"b" * 32, 3),
        KnownPeer(UserId(9), None, DeviceId(0), None, 0),
    ),
)
WAYS = ["text", "code"]


def companion(seed: int = 3) -> CompanionLinking:
    linking = CompanionLinking(MYSELF, "roost://127.0.0.1:5252#key", seeded_entropy(seed))
    linking.invite(LINK, NAMEPLATE)
    return linking


def primary(invitation: str, seed: int = 4) -> PrimaryLinking:
    return PrimaryLinking(invitation, seeded_entropy(seed))


def invitation(linking: CompanionLinking, way: str) -> str:
    return linking.text if way == "text" else linking.code


@pytest.mark.parametrize("way", WAYS)
def test_both_sides_come_to_know_each_other(way: str) -> None:
    new = companion()
    old = primary(invitation(new, way))
    assert old.link == (LINK if way == "text" else NAMEPLATE)
    assert old.open_answer(LINK, new.answer(old.claim)) == MYSELF
    assert new.open_grant(old.seal_grant(GRANT), RELAY_KEY) == GRANT


def test_a_text_names_the_relay_and_a_code_does_not() -> None:
    new = companion()
    assert primary(new.text).relay_url == "roost://127.0.0.1:5252#key"
    assert primary(new.code).relay_url is None


def test_a_code_has_eight_characters_that_cannot_be_mixed_up() -> None:
    code = companion().code
    assert len(code) == 9
    assert code[3] == "-"
    assert all(character in ALPHABET for character in code.replace("-", ""))


@pytest.mark.parametrize(
    "change", [str.lower, lambda code: code.replace("-", " "), lambda code: f" {code}\n"]
)
def test_a_code_may_be_typed_as_people_type(change: object) -> None:
    new = companion()
    assert callable(change)
    old = primary(change(new.code))
    assert old.open_answer(LINK, new.answer(old.claim)) == MYSELF


def test_what_looks_like_something_else_is_taken_for_it() -> None:
    assert primary("7KO-IL000").link == primary("7K0-11000").link


def test_a_text_that_a_terminal_has_broken_in_two_lines_is_read() -> None:
    new = companion()
    old = primary(new.text[:60] + "\n  " + new.text[60:])
    assert old.open_answer(LINK, new.answer(old.claim)) == MYSELF


@pytest.mark.parametrize(
    "text",
    ["", "7K2", "7K2-M4XQ", "7K2-M4XQ99", "7K2-M4XAE", "roost-link:", "roost-link:AAAA", "roost-link:%%%"],
)
def test_what_is_neither_text_nor_code_is_refused_at_once(text: str) -> None:
    with pytest.raises(BadLinkingError):
        primary(text)


def test_a_text_that_is_cut_off_is_refused_at_once() -> None:
    text = companion().text
    for length in range(len("roost-link:"), len(text) - 1, 7):
        with pytest.raises(BadLinkingError):
            primary(text[:length])


def test_a_mistyped_code_is_found_by_the_primary() -> None:
    new = companion()
    wrong = new.code[:-1] + ("0" if new.code[-1] != "0" else "1")
    old = primary(wrong)
    with pytest.raises(WrongLinkCodeError):
        old.open_answer(LINK, new.answer(old.claim))


@pytest.mark.parametrize("way", WAYS)
def test_a_relay_that_plays_the_companion_is_found_by_the_primary(way: str) -> None:
    """It has seen the link and the claim, and guesses the secret."""
    new = companion()
    old = primary(invitation(new, way))
    liar = companion(seed=99)
    with pytest.raises(WrongLinkCodeError):
        old.open_answer(LINK, liar.answer(old.claim))


@pytest.mark.parametrize("way", WAYS)
def test_a_relay_that_plays_the_primary_is_found_by_the_companion(way: str) -> None:
    new = companion()
    liar = primary(invitation(companion(seed=99), way))
    new.answer(liar.claim)
    with pytest.raises(WrongLinkCodeError):
        liar.open_answer(LINK, companion(seed=98).answer(liar.claim))
    with pytest.raises(WrongLinkCodeError):
        new.open_grant(liar.seal_grant(GRANT), RELAY_KEY)


@pytest.mark.parametrize("way", WAYS)
def test_a_relay_in_the_middle_that_makes_two_links_of_one_is_found_by_both(way: str) -> None:
    """It knows the nameplate, and gives each side an exchange of its own."""
    new = companion()
    old = primary(invitation(new, way))
    to_old, to_new = companion(seed=99), primary(invitation(companion(seed=98), way))
    new.answer(to_new.claim)
    with pytest.raises(WrongLinkCodeError):
        old.open_answer(LINK, to_old.answer(old.claim))
    with pytest.raises(WrongLinkCodeError):
        to_new.open_answer(LINK, companion(seed=98).answer(primary(companion(seed=97).code).claim))
    with pytest.raises(WrongLinkCodeError):
        new.open_grant(to_new.seal_grant(GRANT), RELAY_KEY)


@pytest.mark.parametrize("way", WAYS)
def test_a_relay_that_swaps_the_links_name_is_found(way: str) -> None:
    new = companion()
    old = primary(invitation(new, way))
    with pytest.raises(WrongLinkCodeError):
        old.open_answer(b"m" * 16, new.answer(old.claim))


@pytest.mark.parametrize("way", WAYS)
def test_no_byte_of_any_message_can_be_changed(way: str) -> None:
    new = companion()
    old = primary(invitation(new, way))
    answer = new.answer(old.claim)
    for place in range(0, len(answer), 5):
        other = primary(invitation(companion(), way))
        with pytest.raises(BadLinkingError):
            other.open_answer(LINK, changed(answer, place))
    old.open_answer(LINK, answer)
    grant = old.seal_grant(GRANT)
    for place in range(0, len(grant), 29):
        with pytest.raises(WrongLinkCodeError):
            new.open_grant(changed(grant, place), RELAY_KEY)


def changed(data: bytes, place: int) -> bytes:
    other = bytearray(data)
    other[place] ^= 1
    return bytes(other)


def test_an_answer_sent_back_is_no_grant() -> None:
    new = companion()
    old = primary(new.text)
    sealed = cbor2.loads(new.answer(old.claim))[1]
    with pytest.raises(WrongLinkCodeError):
        new.open_grant(sealed, RELAY_KEY)


def test_a_link_is_answered_once() -> None:
    """A second claim would be a second guess at the code."""
    new = companion()
    new.answer(primary(new.code).claim)
    with pytest.raises(MisuseError):
        new.answer(primary(new.code).claim)


def test_the_device_that_answers_is_the_one_that_was_scanned() -> None:
    """Somebody who has seen the text too, and answers with keys of their own."""
    new = companion()
    old = primary(new.text)
    secret = cbor2.loads(_cbor_of(new.text))[5]
    thief = CompanionLinking(replace(MYSELF, static_key=b"t" * 32), "", seeded_entropy(5))
    thief.invite(LINK, NAMEPLATE)
    thief._secret = secret
    with pytest.raises(BadLinkingError, match="not the one"):
        old.open_answer(LINK, thief.answer(old.claim))


def _cbor_of(text: str) -> bytes:
    bare = text.removeprefix("roost-link:")
    return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))


OTHER = IdentityKeyPair.generate(seeded_entropy(6))
BAD_GRANTS = {
    "another relay": replace(GRANT, relay_key=b"x" * 32),
    "another user": replace(GRANT, user=UserId(8)),
    "another device": replace(GRANT, device=DeviceId(3)),
    "the primary itself": replace(GRANT, device=DeviceId(1)),
    "a list that nobody signed": replace(GRANT, device_list=GRANT.device_list._replace(signature=b"g" * 64)),
    "a list without us": replace(
        GRANT, device_list=sign_device_list(PRIMARY, replace(LIST, devices=LIST.devices[:1]))
    ),
    "a list with another key": replace(
        GRANT,
        device_list=sign_device_list(
            PRIMARY,
            replace(LIST, devices=(LIST.devices[0], ListedDevice(DeviceId(2), OTHER.public))),
        ),
    ),
}


@pytest.mark.parametrize("grant", BAD_GRANTS.values(), ids=BAD_GRANTS.keys())
def test_a_grant_that_does_not_fit_is_refused(grant: Grant) -> None:
    new = companion()
    old = primary(new.code)
    old.open_answer(LINK, new.answer(old.claim))
    with pytest.raises(BadLinkingError):
        new.open_grant(old.seal_grant(grant), RELAY_KEY)


def test_what_comes_out_of_turn_is_refused() -> None:
    new = companion()
    old = primary(new.code)
    with pytest.raises(MisuseError):
        old.seal_grant(GRANT)
    with pytest.raises(BadLinkingError):
        new.open_grant(b"grant", RELAY_KEY)


def test_a_grant_comes_back_as_it_went_and_later_fields_are_skipped() -> None:
    assert grant_from_bytes(grant_to_bytes(GRANT)) == GRANT
    assert grant_from_bytes(cbor2.dumps([*cbor2.loads(grant_to_bytes(GRANT)), "later"])) == GRANT


def test_more_people_than_fit_are_left_out_from_the_end() -> None:
    crowd = tuple(KnownPeer(UserId(n + 1), "+491713920002", DeviceId(1), b"b" * 32, 1) for n in range(2_000))
    encoded = grant_to_bytes(replace(GRANT, peers=crowd))
    assert len(encoded) <= MAX_LINK_MESSAGE_BYTES - 28
    peers = grant_from_bytes(encoded).peers
    assert 300 < len(peers) < 2_000
    assert peers == crowd[: len(peers)]


def test_no_secret_shows_in_a_repr() -> None:
    assert "kkkk" not in repr(GRANT)


@given(st.binary(max_size=200))
@settings(max_examples=200)
def test_of_any_bytes_only_documented_errors_come_out(data: bytes) -> None:
    new = companion()
    with pytest.raises(BadLinkingError):
        grant_from_bytes(data)
    with pytest.raises(BadLinkingError):
        primary(new.text).open_answer(LINK, data)
    try:
        new.answer(data)
    except BadLinkingError:
        pass
