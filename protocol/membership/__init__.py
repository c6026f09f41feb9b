"""Who is a member of a group: a log of entries that admins sign, and the rules by which it is read.

Pure, and without signatures: the relay goes by these rules too, and needs no key for it. Phones check the
signatures as well (protocol/e2e/membership.py). docs/wire-protocol.md has the format, docs/security.md what
it protects.
"""

from protocol.membership.actions import (
    Action,
    Add,
    ChangeSettings,
    Create,
    Demote,
    Describe,
    Invite,
    Join,
    Leave,
    NewMember,
    Promote,
    Rekey,
    Remove,
    Revoke,
    Settings,
)
from protocol.membership.entry import (
    MAX_ENTRY_BYTES,
    NO_ENTRY,
    Entry,
    SignedEntry,
    decode_entry,
    decode_signed_entry,
    entry_hash,
)
from protocol.membership.errors import (
    BadEntryError,
    BadGroupStateError,
    RefusedEntryError,
    UnsupportedEntryError,
)
from protocol.membership.rules import Refusal, Refused, apply, judge, skip
from protocol.membership.state import GroupState, Member, Role, decode_state

__all__ = [
    "MAX_ENTRY_BYTES",
    "NO_ENTRY",
    "Action",
    "Add",
    "BadEntryError",
    "BadGroupStateError",
    "ChangeSettings",
    "Create",
    "Demote",
    "Describe",
    "Entry",
    "GroupState",
    "Invite",
    "Join",
    "Leave",
    "Member",
    "NewMember",
    "Promote",
    "Refusal",
    "Refused",
    "RefusedEntryError",
    "Rekey",
    "Remove",
    "Revoke",
    "Role",
    "Settings",
    "SignedEntry",
    "UnsupportedEntryError",
    "apply",
    "decode_entry",
    "decode_signed_entry",
    "decode_state",
    "entry_hash",
    "judge",
    "skip",
]
