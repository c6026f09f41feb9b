"""A group of the load begins with a log that a relay accepts."""

from bench.load.founding import MEMBERS_AN_ENTRY, entries_for, founding_entries
from protocol import DeviceAddress, DeviceId, UserId
from protocol.membership import NO_ENTRY, Add, Create, decode_signed_entry, entry_hash

AUTHOR = DeviceAddress(UserId(1), DeviceId(1))


def test_many_members_come_in_several_entries_each_naming_the_one_before() -> None:
    users = range(1, 2 * MEMBERS_AN_ENTRY + 2)
    signed = list(founding_entries(7, AUTHOR, users))
    entries = [decode_signed_entry(each).entry for each in signed]
    assert len(entries) == entries_for(len(users)) == 3
    assert [type(entry.action) for entry in entries] == [Create, Add, Add]
    assert [entry.previous for entry in entries] == [NO_ENTRY, *map(entry_hash, signed[:-1])]
    assert [entry.index for entry in entries] == [0, 1, 2]
