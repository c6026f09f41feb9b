"""A group's name, description and picture, sealed under the group's info key for the log of its members.

    nonce 12 | AES-256-GCM of: length 4 | CBOR [name, description, picture or null] | zeros | tag 16

Padded to a few lengths, so that the relay does not learn how long a name is. Bound to the group. Who wrote it
and that it is the newest, the log's entry around it says and signs.

Each member has the info key, and whoever has an invitation. It does not change: who has left could read what
a relay gave them of later names.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import cbor2
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protocol.e2e.errors import BadGroupInfoError, MisuseError
from protocol.e2e.keys import KEY_BYTES, Entropy
from protocol.e2e.profile import picture_kind
from protocol.ids import GroupId

INFO_CONTEXT: Final = b"Roost 1 group info\x00"

MAX_NAME_CHARS: Final = 100
"""As WhatsApp's."""

MAX_DESCRIPTION_CHARS: Final = 512

MAX_PICTURE_BYTES: Final = 24_576
"""A group's picture lies in each member's copy of the log: smaller than a person's."""

LENGTHS: Final = (256, 1_024, 4_096, 12_288, 28_672)
"""What is padded to. The largest holds the largest of all three; with nonce and tag it fits an entry."""

_NONCE_BYTES: Final = 12
_LENGTH_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class GroupInfo:
    """What members call a group."""

    name: str = field(default="", repr=False)
    description: str = field(default="", repr=False)
    picture: bytes | None = field(default=None, repr=False)


def new_info_key(entropy: Entropy) -> bytes:
    """A key for a new group."""
    return entropy(KEY_BYTES)


def check_info(info: GroupInfo) -> None:
    """Check what a person wants to call a group.

    Raises:
        MisuseError: with what is wrong, in words for a person.
    """
    if not info.name or len(info.name) > MAX_NAME_CHARS or not info.name.isprintable():
        raise MisuseError(f"a group's name is one line of 1 to {MAX_NAME_CHARS} characters")
    if len(info.description) > MAX_DESCRIPTION_CHARS or not _is_text(info.description):
        raise MisuseError(
            f"a group's description has up to {MAX_DESCRIPTION_CHARS} characters, and lines only"
        )
    if info.picture is not None:
        if picture_kind(info.picture) is None:
            raise MisuseError("the picture is neither a JPEG nor a PNG")
        if len(info.picture) > MAX_PICTURE_BYTES:
            raise MisuseError(f"the picture is larger than {MAX_PICTURE_BYTES:,} bytes")


def seal_info(key: bytes, group: GroupId, info: GroupInfo, entropy: Entropy) -> bytes:
    """Seal it for an entry of the log.

    Raises:
        MisuseError: it is not within its limits.
    """
    check_info(info)
    plain = cbor2.dumps([info.name, info.description, info.picture])
    whole = len(plain).to_bytes(_LENGTH_BYTES, "big") + plain
    padded = whole.ljust(next(length for length in LENGTHS if len(whole) <= length), b"\0")
    nonce = entropy(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, padded, _bound_to(group))


def open_info(key: bytes, group: GroupId, sealed: bytes) -> GroupInfo:
    """Open what an entry of the log holds.

    Raises:
        BadGroupInfoError: it was sealed with another key or for another group, or holds no such thing.
    """
    try:
        padded = AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], _bound_to(group))
    except (InvalidTag, ValueError):
        raise BadGroupInfoError("a group's name that does not open with its key") from None
    length = int.from_bytes(padded[:_LENGTH_BYTES], "big")
    try:
        fields: Any = cbor2.loads(padded[_LENGTH_BYTES : _LENGTH_BYTES + length])
        name, description, picture = fields[:3]
    except Exception:  # a member chose every byte: whatever is wrong with them is no bug of ours
        raise BadGroupInfoError("a group's name that is none") from None
    if not (isinstance(name, str) and isinstance(description, str) and isinstance(picture, bytes | None)):
        raise BadGroupInfoError("a group's name that is none")
    info = GroupInfo(name, description, picture)
    try:
        check_info(info)
    except MisuseError as error:
        raise BadGroupInfoError(str(error)) from None
    return info


def _bound_to(group: GroupId) -> bytes:
    return INFO_CONTEXT + group.to_bytes(8, "big")


def _is_text(text: str) -> bool:
    """Lines of characters that can be shown; nothing that could command a terminal."""
    return all(line.isprintable() for line in text.split("\n"))
