"""What members of a group tell each other pairwise: two kinds of content that nobody sees.

    [40, id, sent_at, group, chain key, n, signing key]          read my messages in this group with this
    [41, id, sent_at, group, info key, epoch, head]              you are in this group; so far I know its log

A ``GroupKey`` goes to each device of each member before the first message that needs it. A ``GroupWelcome``
goes to whoever is added, by whoever added them: it opens the group's name, and vouches for the log up to
an entry. Both are worth as much as their sender: a key counts for messages of the device that sent it, a
welcome only if the log makes its sender a member.
"""

from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import cbor2

from protocol.e2e.content_kinds import Content, Unknown
from protocol.e2e.errors import BadContentError
from protocol.e2e.keys import KEY_BYTES
from protocol.e2e.membership import Vouched
from protocol.e2e.sender_keys import MAX_ITERATION, SharedKey
from protocol.ids import GroupId
from protocol.limits import MAX_UINT63
from protocol.membership.entry import HASH_BYTES

GROUP_KEY_KIND: Final = 40
GROUP_WELCOME_KIND: Final = 41


@dataclass(frozen=True, slots=True)
class GroupKey:
    """The sender key with which the device that sends this writes to a group."""

    id: bytes
    sent_at: int
    group: GroupId
    key: SharedKey


@dataclass(frozen=True, slots=True)
class GroupWelcome:
    """What a new member needs of a group beside its log."""

    id: bytes
    sent_at: int
    group: GroupId
    info_key: bytes = field(repr=False)
    vouched: Vouched
    """The newest entry of the log that the sender has checked."""


GroupService: TypeAlias = GroupKey | GroupWelcome


def encode_group_service(service: GroupService) -> bytes:
    """The bytes to be encrypted."""
    match service:
        case GroupKey(content_id, sent_at, group, key):
            return cbor2.dumps([GROUP_KEY_KIND, content_id, sent_at, group, *key])
        case GroupWelcome(content_id, sent_at, group, info_key, vouched):
            return cbor2.dumps([GROUP_WELCOME_KIND, content_id, sent_at, group, info_key, *vouched])


def read_group_service(content: Content) -> GroupService | None:
    """What decoded content says of a group; None if it is anything else.

    Raises:
        BadContentError: it is of one of the two kinds, and malformed.
    """
    if not isinstance(content, Unknown) or content.kind not in (GROUP_KEY_KIND, GROUP_WELCOME_KIND):
        return None
    fields: list[Any] = cbor2.loads(content.encoded)[3:]  # it has been decoded before: it is an array
    if len(fields) < 4 or not _is_uint(fields[0], 1, MAX_UINT63):
        raise BadContentError("a group's key or welcome without its fields")
    group = GroupId(fields[0])
    if content.kind == GROUP_KEY_KIND:
        chain_key, n, signing_key = fields[1:4]
        if not (_is_bytes(chain_key) and _is_uint(n, 0, MAX_ITERATION) and _is_bytes(signing_key)):
            raise BadContentError("a group's key that is none")
        return GroupKey(content.id, content.sent_at, group, SharedKey(chain_key, n, signing_key))
    info_key, epoch, head = fields[1:4]
    if not (_is_bytes(info_key) and _is_uint(epoch, 0, MAX_UINT63) and _is_bytes(head, HASH_BYTES)):
        raise BadContentError("a group's welcome that is none")
    return GroupWelcome(content.id, content.sent_at, group, info_key, Vouched(epoch, head))


def _is_bytes(value: object, size: int = KEY_BYTES) -> bool:
    return type(value) is bytes and len(value) == size


def _is_uint(value: object, least: int, largest: int) -> bool:
    # bool is an int in Python, but `true` is not a number on the wire.
    return type(value) is int and least <= value <= largest
