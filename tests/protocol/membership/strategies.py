"""Hypothesis strategies for entries of every action, within their limits."""

from hypothesis import strategies as st

from protocol.device_list import SignedDeviceList
from protocol.ids import DeviceAddress, GroupId, UserId
from protocol.membership import (
    Action,
    Add,
    ChangeSettings,
    Create,
    Demote,
    Describe,
    Entry,
    Invite,
    Join,
    Leave,
    NewMember,
    Promote,
    Rekey,
    Remove,
    Revoke,
    Settings,
    SignedEntry,
)

numbers = st.integers(0, 2**63 - 1)
ids = st.integers(1, 2**63 - 1)
users = ids.map(UserId)
keys = st.binary(min_size=32, max_size=32)
signatures = st.binary(min_size=64, max_size=64)
new_members = st.lists(st.builds(NewMember, users, keys), max_size=4).map(tuple)
user_lists = st.lists(users, max_size=4).map(tuple)
settings = st.integers(0, 7).map(Settings)

actions: st.SearchStrategy[Action] = st.one_of(
    st.builds(Create, new_members, settings, st.binary(max_size=64)),
    st.builds(Add, new_members),
    st.builds(Remove, user_lists),
    st.builds(Promote, user_lists),
    st.builds(Demote, user_lists),
    st.builds(Leave),
    st.builds(ChangeSettings, settings),
    st.builds(Describe, st.binary(max_size=64)),
    st.builds(Invite, keys),
    st.builds(Revoke, keys),
    st.builds(Join, keys, signatures, keys),
    st.builds(Rekey, keys),
)
authors = st.builds(DeviceAddress, users, st.integers(1, 2**16 - 1))
entries = st.builds(Entry, ids.map(GroupId), numbers, keys, authors, keys, numbers, actions)
device_lists = st.none() | st.builds(SignedDeviceList, st.binary(max_size=300), signatures)


@st.composite
def signed_entries(draw: st.DrawFn) -> SignedEntry:
    """Signed entries whose signatures are noise."""
    entry = draw(entries)
    return SignedEntry(entry, entry.encode(), draw(signatures), draw(device_lists))
