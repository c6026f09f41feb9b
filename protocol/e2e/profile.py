"""A profile as its owner seals it: pieces that a relay keeps and only those can open who were given the key.

Each piece is AES-256-GCM under the profile key with a random nonce in front, and bound to its owner, its
version and its place. Piece 0 is name, about, and what the picture is; the others are the picture. All are
padded to a few lengths, so that the relay does not learn how long somebody's name is. As Signal's profiles,
which seal each field by itself.

Whoever has the key can read every profile sealed with it. So it is changed when somebody is to see no further
ones; which also tells everybody else nothing until they are given the new key.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any

import cbor2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protocol.e2e.errors import BadProfileError, MisuseError
from protocol.e2e.keys import Entropy
from protocol.ids import UserId
from protocol.limits import MAX_PROFILE_PIECE_BYTES

PROFILE_KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16

MAX_NAME_CHARS = 64
"""Room for long names of all countries; WhatsApp cuts at 25."""

MAX_ABOUT_CHARS = 140
"""A line about oneself, as long as WhatsApp's (139)."""

MAX_PICTURE_BYTES = 65_536
"""A portrait of 640 by 640 as a good JPEG: WhatsApp's are smaller."""

DETAILS_LENGTHS = (128, 256, 512, 1_024)
PICTURE_LENGTHS = (8_192, 16_384, 32_768, 65_536)
"""What pieces are padded to: with each doubling a reader of lengths learns one bit less."""

_PIECE_PLAIN_BYTES = MAX_PROFILE_PIECE_BYTES - NONCE_BYTES - TAG_BYTES
_CONTEXT = b"Roost 1 profile\0"
_LENGTH_BYTES = 2


class PictureKind(StrEnum):
    """What kind of picture it is, by its first bytes. The values are file endings."""

    JPEG = "jpg"
    PNG = "png"


_MAGIC = {PictureKind.JPEG: b"\xff\xd8\xff", PictureKind.PNG: b"\x89PNG\r\n\x1a\n"}


@dataclass(frozen=True, slots=True)
class Profile:
    """What somebody shows of himself."""

    name: str = field(default="", repr=False)
    about: str = field(default="", repr=False)
    picture: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ProfileDetails:
    """Piece 0: everything but the picture, and what the picture must be."""

    name: str = field(repr=False)
    about: str = field(repr=False)
    picture_bytes: int
    """0: there is no picture."""
    picture_hash: bytes
    """SHA-256 of it: the halves of two pictures cannot be put together."""

    @property
    def picture_pieces(self) -> range:
        """The numbers of the pieces that hold the picture."""
        if not self.picture_bytes:
            return range(0)
        return range(1, 1 + -(-_padded_to(self.picture_bytes, PICTURE_LENGTHS) // _PIECE_PLAIN_BYTES))


def picture_kind(picture: bytes) -> PictureKind | None:
    """What kind of picture this is; None for anything that is not shown as one."""
    return next((kind for kind, magic in _MAGIC.items() if picture.startswith(magic)), None)


def check_profile(profile: Profile) -> None:
    """Check a profile of our own.

    Raises:
        MisuseError: with what is wrong, in words for a person.
    """
    if len(profile.name) > MAX_NAME_CHARS or len(profile.about) > MAX_ABOUT_CHARS:
        raise MisuseError(f"a name has up to {MAX_NAME_CHARS} characters, an about up to {MAX_ABOUT_CHARS}")
    if not (profile.name.isprintable() and profile.about.isprintable()):
        raise MisuseError("name and about are one line each, without control characters")
    if profile.picture is not None:
        if picture_kind(profile.picture) is None:
            raise MisuseError("the picture is neither a JPEG nor a PNG")
        if len(profile.picture) > MAX_PICTURE_BYTES:
            raise MisuseError(f"the picture is larger than {MAX_PICTURE_BYTES:,} bytes")


def seal_profile(key: bytes, owner: UserId, version: int, profile: Profile, entropy: Entropy) -> list[bytes]:
    """The pieces of a profile, for the relay.

    Raises:
        MisuseError: the profile is not within its limits.
    """
    check_profile(profile)
    picture = profile.picture or b""
    details = [profile.name, profile.about, len(picture), sha256(picture).digest() if picture else b""]
    plain = [_pad_details(cbor2.dumps(details))]
    if picture:
        padded = picture.ljust(_padded_to(len(picture), PICTURE_LENGTHS), b"\0")
        plain += [padded[at : at + _PIECE_PLAIN_BYTES] for at in range(0, len(padded), _PIECE_PLAIN_BYTES)]
    return [_seal(key, _bound_to(owner, version, number), each, entropy) for number, each in enumerate(plain)]


def open_details(key: bytes, owner: UserId, version: int, piece: bytes) -> ProfileDetails:
    """Open piece 0.

    Raises:
        BadProfileError: it was not sealed with this key, for this place, or what is inside is no profile.
    """
    padded = _open(key, _bound_to(owner, version, 0), piece)
    length = int.from_bytes(padded[:_LENGTH_BYTES], "big")
    try:
        fields: Any = cbor2.loads(padded[_LENGTH_BYTES : _LENGTH_BYTES + length])
        name, about, size, digest = fields[:4]
    except Exception:  # the owner chose every byte: whatever is wrong with them is no bug of ours
        raise BadProfileError("a profile that is no list of four") from None
    if not (_is_line(name, MAX_NAME_CHARS) and _is_line(about, MAX_ABOUT_CHARS)):
        raise BadProfileError("a name or an about that is none")
    if not (type(size) is int and 0 <= size <= MAX_PICTURE_BYTES and type(digest) is bytes):
        raise BadProfileError("a picture that cannot be")
    return ProfileDetails(name, about, size, digest)


def open_picture(
    key: bytes, owner: UserId, version: int, details: ProfileDetails, pieces: Sequence[bytes]
) -> bytes:
    """Open the pieces of the picture that `details` announce.

    Raises:
        BadProfileError: a piece does not open, they are not that picture, or it is no picture.
    """
    opened = [_open(key, _bound_to(owner, version, at), piece) for at, piece in enumerate(pieces, start=1)]
    picture = b"".join(opened)[: details.picture_bytes]
    if sha256(picture).digest() != details.picture_hash or picture_kind(picture) is None:
        raise BadProfileError("not the picture that was announced")
    return picture


def _seal(key: bytes, bound_to: bytes, plain: bytes, entropy: Entropy) -> bytes:
    nonce = entropy(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, bound_to)


def _open(key: bytes, bound_to: bytes, sealed: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to)
    except (InvalidTag, ValueError):
        raise BadProfileError("a piece of a profile that does not open") from None


def _bound_to(owner: UserId, version: int, number: int) -> bytes:
    """What a piece belongs to: nobody can show it as another person's, of another version, or elsewhere."""
    return _CONTEXT + owner.to_bytes(8, "big") + version.to_bytes(8, "big") + bytes([number])


def _pad_details(encoded: bytes) -> bytes:
    whole = len(encoded).to_bytes(_LENGTH_BYTES, "big") + encoded
    return whole.ljust(_padded_to(len(whole), DETAILS_LENGTHS), b"\0")


def _padded_to(length: int, lengths: Sequence[int]) -> int:
    return next(each for each in lengths if length <= each)


def _is_line(text: object, most: int) -> bool:
    return isinstance(text, str) and len(text) <= most and text.isprintable()
