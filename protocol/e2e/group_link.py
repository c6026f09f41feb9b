"""Invitations to a group as people hand them on, and what somebody shows who asks to be let in.

    roost-group:<base64url, without padding, of CBOR [1, relay, group, invitation's seed, info key]>
    request to join: CBOR [1, invitation's public key, key of the asker's primary device, signature 64]

Whoever has the text can join, or ask to, and can read the group's name: hand it on as such.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import cbor2

from protocol.e2e.errors import BadLinkError
from protocol.e2e.keys import KEY_BYTES, SIGNATURE_BYTES, IdentityKeyPair
from protocol.e2e.membership import is_invite_proved, prove_invite
from protocol.ids import GroupId, UserId
from protocol.limits import MAX_UINT63

LINK_PREFIX: Final = "roost-group:"
LINK_VERSION: Final = 1
MAX_LINK_CHARS: Final = 1_024
MAX_RELAY_CHARS: Final = 256


@dataclass(frozen=True, slots=True)
class GroupLink:
    """An invitation, for those who are handed it."""

    relay: str
    """The relay where the group is: whoever joins must be there as well."""
    group: GroupId
    invite: IdentityKeyPair
    """The public half stands in the group's log; the private half shows who was given the text."""
    info_key: bytes = field(repr=False)

    def text(self) -> str:
        """The text that people hand on."""
        fields = [LINK_VERSION, self.relay, self.group, self.invite.seed, self.info_key]
        return LINK_PREFIX + urlsafe_b64encode(cbor2.dumps(fields)).decode().rstrip("=")


def parse_group_link(text: str) -> GroupLink:
    """Read an invitation; blanks around it do not matter, nor who has typed it.

    Raises:
        BadLinkError: it is none, or of a later version.
    """
    text = text.strip()
    if not text.startswith(LINK_PREFIX) or len(text) > MAX_LINK_CHARS:
        raise BadLinkError(f"an invitation begins with {LINK_PREFIX}")
    encoded = text.removeprefix(LINK_PREFIX)
    try:
        data = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
    except (binascii.Error, ValueError):
        raise BadLinkError("an invitation that is cut short or mistyped") from None
    version, *fields = _read_array(data)
    if version != LINK_VERSION:
        raise BadLinkError("an invitation for a later version of Roost")
    match fields:
        case [str(relay), int(group), bytes(seed), bytes(info_key), *_] if (
            len(relay) <= MAX_RELAY_CHARS
            and relay.isprintable()
            and 1 <= group <= MAX_UINT63
            and len(seed) == len(info_key) == KEY_BYTES
        ):
            return GroupLink(relay, GroupId(int(group)), IdentityKeyPair.from_seed(seed), info_key)
    raise BadLinkError("an invitation that is cut short or mistyped")


class JoinPlea(NamedTuple):
    """What somebody shows who asks the admins to be let in."""

    invite: bytes
    """The public key of the invitation that they were given."""
    key: bytes
    """The identity key of their primary device."""


def write_plea(invite: IdentityKeyPair, group: GroupId, user: UserId, key: bytes) -> bytes:
    """What ``RequestJoin`` carries for the admins.

    Args:
        invite: the invitation's key pair.
        group: the group.
        user: who asks.
        key: the identity key of their primary device.
    """
    return cbor2.dumps([LINK_VERSION, invite.public, key, prove_invite(invite, group, user, key)])


def read_plea(plea: bytes, group: GroupId, user: UserId) -> JoinPlea:
    """Check that who asks has the invitation that they name. Whether it still holds, the group's state says.

    Raises:
        BadLinkError: they do not, or it is no such thing.
    """
    version, *fields = _read_array(plea)
    match fields:
        case [bytes(invite), bytes(key), bytes(proof), *_] if (
            version == LINK_VERSION
            and len(invite) == len(key) == KEY_BYTES
            and len(proof) == SIGNATURE_BYTES
            and is_invite_proved(invite, proof, group, user, key)
        ):
            return JoinPlea(invite, key)
    raise BadLinkError("a request to join without the invitation that it names")


def _read_array(data: bytes) -> list[Any]:
    try:
        array = cbor2.loads(data)
    except Exception:  # somebody chose every byte: whatever is wrong with them is no bug of ours
        raise BadLinkError("an invitation that is cut short or mistyped") from None
    if not isinstance(array, list) or not array:
        raise BadLinkError("an invitation that is cut short or mistyped")
    return array
