from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.e2e import BadProfileError, MisuseError, Profile
from protocol.e2e.profile import (
    DETAILS_LENGTHS,
    MAX_ABOUT_CHARS,
    MAX_NAME_CHARS,
    MAX_PICTURE_BYTES,
    PictureKind,
    open_details,
    open_picture,
    picture_kind,
    seal_profile,
)
from protocol.ids import UserId
from protocol.limits import MAX_PROFILE_PIECE_BYTES, MAX_PROFILE_PIECES

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
ANN, BEN = UserId(7), UserId(8)
PNG = b"\x89PNG\r\n\x1a\n"
lines = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=MAX_NAME_CHARS).filter(
    str.isprintable
)


def sealed(profile: Profile, version: int = 5, owner: UserId = ANN) -> list[bytes]:
    return seal_profile(KEY, owner, version, profile, Random(1).randbytes)


@given(lines, lines, st.none() | st.binary(max_size=200))
def test_a_profile_comes_out_as_it_went_in(name: str, about: str, rest: bytes | None) -> None:
    picture = None if rest is None else PNG + rest
    pieces = sealed(Profile(name, about, picture))
    details = open_details(KEY, ANN, 5, pieces[0])
    assert (details.name, details.about) == (name, about)
    assert len(pieces) == 1 + len(details.picture_pieces)
    if picture is not None:
        assert open_picture(KEY, ANN, 5, details, pieces[1:]) == picture


def test_the_largest_profile_fits_its_pieces_and_each_piece_the_wire() -> None:
    widest = "\N{GRINNING FACE}"
    picture = PNG.ljust(MAX_PICTURE_BYTES, b"x")
    pieces = sealed(Profile(widest * MAX_NAME_CHARS, widest * MAX_ABOUT_CHARS, picture))
    assert len(pieces) == MAX_PROFILE_PIECES
    assert max(map(len, pieces)) == MAX_PROFILE_PIECE_BYTES
    details = open_details(KEY, ANN, 5, pieces[0])
    assert open_picture(KEY, ANN, 5, details, pieces[1:]) == picture


@pytest.mark.parametrize(("shorter", "longer"), [("A", "Annamaria"), ("", "An")])
def test_the_length_of_a_name_does_not_show(shorter: str, longer: str) -> None:
    assert len(sealed(Profile(shorter))[0]) == len(sealed(Profile(longer))[0])


@pytest.mark.parametrize("size", [10, 8_000, 8_193, 40_000])
def test_pictures_are_padded_to_a_few_lengths(size: int) -> None:
    pieces = sealed(Profile("A", "", PNG.ljust(size, b"x")))
    assert sum(len(piece) - 28 for piece in pieces[1:]) in (8_192, 16_384, 65_536)


def test_a_piece_opens_for_its_owner_version_place_and_key_alone() -> None:
    pieces = sealed(Profile("Ann", "", PNG.ljust(40_000, b"x")))
    details = open_details(KEY, ANN, 5, pieces[0])
    for key, owner, version in ((OTHER_KEY, ANN, 5), (KEY, BEN, 5), (KEY, ANN, 6)):
        with pytest.raises(BadProfileError):
            open_details(key, owner, version, pieces[0])
    with pytest.raises(BadProfileError):
        open_details(KEY, ANN, 5, pieces[1])
    for wrong in ([pieces[2], pieces[1]], pieces[1:2], []):
        with pytest.raises(BadProfileError):
            open_picture(KEY, ANN, 5, details, wrong)


@given(st.binary(max_size=2_000))
def test_whatever_the_bytes_are_only_the_documented_error_comes_out(data: bytes) -> None:
    with pytest.raises(BadProfileError):
        open_details(KEY, ANN, 5, data)


@pytest.mark.parametrize(
    "profile",
    [
        Profile("x" * (MAX_NAME_CHARS + 1)),
        Profile("", "x" * (MAX_ABOUT_CHARS + 1)),
        Profile("two\nlines"),
        Profile("an \x1b[2J escape"),
        Profile("", "", b"GIF89a"),
        Profile("", "", PNG.ljust(MAX_PICTURE_BYTES + 1, b"x")),
    ],
)
def test_what_cannot_be_shown_is_not_sealed(profile: Profile) -> None:
    with pytest.raises(MisuseError):
        sealed(profile)


def test_a_picture_is_known_by_its_first_bytes() -> None:
    assert picture_kind(PNG) is PictureKind.PNG
    assert picture_kind(b"\xff\xd8\xff\xe0") is PictureKind.JPEG
    assert picture_kind(b"<svg>") is None


def test_every_length_of_details_is_reachable() -> None:
    lengths = {len(sealed(Profile("ä" * n, "ä" * min(140, n * 3)))[0]) - 28 for n in range(0, 65, 4)}
    assert lengths <= set(DETAILS_LENGTHS)


def test_a_profile_does_not_show_in_a_repr() -> None:
    profile = Profile("Ann", "secret", PNG)
    details = open_details(KEY, ANN, 5, sealed(profile)[0])
    assert "Ann" not in repr(profile) + repr(details)
