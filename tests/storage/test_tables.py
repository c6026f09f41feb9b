from __future__ import annotations

import re
from pathlib import Path

from protocol.ids import DeviceAddress, DeviceId, GroupId, MessageNumber, UserId
from storage import (
    DeleteRange,
    Environment,
    Op,
    accounts,
    device_lists,
    groups,
    kem_prekeys,
    mailboxes,
    pins,
    prekeys,
    profiles,
    settings,
    tables,
)
from storage.accounts import DeviceRecord, UserRecord
from storage.checks import CODECS
from storage.environment import MAX_TABLES
from storage.groups import GroupItem
from storage.progress import Progress, put_progress
from storage.tables import DURABLE_TABLES, FAMILY_OF, MAX_KEY_BYTES, Family, only_grows, tables_of


def test_every_table_has_a_name_of_its_own_and_a_codec() -> None:
    assert len(dict.fromkeys(DURABLE_TABLES)) == len(DURABLE_TABLES)
    assert [codec.table for codec in CODECS] == list(DURABLE_TABLES)


def test_every_table_that_is_defined_has_a_family() -> None:
    """A table without one would be left behind when users move to another environment."""
    defined = [value for name, value in vars(tables).items() if name.isupper() and isinstance(value, str)]
    assert defined == list(FAMILY_OF) == list(DURABLE_TABLES)
    assert sorted(table for family in Family for table in tables_of(family)) == sorted(defined)


def test_the_keys_of_the_tables_of_users_begin_with_the_user() -> None:
    """A slot is a range of keys only if they do. A new table of users needs a line here."""
    user = UserId(0x1122334455667788)
    device, other = DeviceAddress(user, DeviceId(1)), DeviceAddress(UserId(9), DeviceId(2))
    group = GroupId(user)  # a group's id has a slot as well
    record = DeviceRecord(b"s" * 32, b"i" * 32, 1, b"p" * 32, b"g" * 64, 1)
    message = mailboxes.QueuedMessage(other, MessageNumber(1), 1, 2, b"c")
    ops: list[Op] = [
        *accounts.add_device(user, UserRecord("+491", 1), record)[2],
        *mailboxes.append(device, mailboxes.DeviceCursor(), message)[1],
        put_progress(user, other, Progress()),
        *prekeys.add_prekeys(device, [prekeys.OneTimePrekey(1, b"k" * 32)]),
        *kem_prekeys.remove_kem_prekeys(device),
        settings.put_privacy(user, settings.EVERYTHING_OPEN),
        settings.add_block(user, other.user, 1),
        settings.add_contact(user, other.user),
        settings.put_shunned(user, other, MessageNumber(1)),
        profiles.remove_profile(user),
        pins.remove_pin(user),
        device_lists.remove_device_list(user),
        groups.put_group(group, b"state"),
        groups.put_next_gseq(group, groups.FIRST_GSEQ),
        groups.put_entry(group, 0, b"entry"),
        groups.put_item(
            group, groups.GroupItem(groups.FIRST_GSEQ, other, MessageNumber(1), 1, 2, False, b"c")
        ),
        groups.put_member(group, other.user, groups.Membership(groups.FIRST_GSEQ)),
        *groups.put_number(group, other, 1, groups.FIRST_GSEQ, 1),
        groups.put_join(group, other.user, groups.JoinAsk(b"i", b"p", 1)),
        groups.put_mark(user, GroupId(9), groups.Mark()),
    ]
    of_users = [op for op in ops if FAMILY_OF[op.table] is Family.USER]
    for op in of_users:
        key = op.first if isinstance(op, DeleteRange) else op.key
        assert key.startswith(user.to_bytes(8, "big")), op.table
    assert {op.table for op in of_users} == set(tables_of(Family.USER))


def test_the_documentation_names_every_table_and_its_family() -> None:
    text = (Path(__file__).parents[2] / "docs" / "storage.md").read_text()
    described = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    assert sorted(described) == sorted(DURABLE_TABLES)
    for family in Family:
        row = re.search(rf"^\| {family.value} \|[^|]*\|([^|]*)\|$", text, re.MULTILINE)
        assert row is not None
        assert re.findall(r"`(\w+)`", row[1]) == list(tables_of(family))


def test_there_is_room_for_tables_to_come() -> None:
    assert len(DURABLE_TABLES) <= MAX_TABLES // 2


def test_the_key_limit_is_that_of_the_lmdb_in_use(environment: Environment) -> None:
    assert environment._lmdb.max_key_size() >= MAX_KEY_BYTES


def test_a_message_to_a_group_only_grows_also_when_an_old_number_is_forgotten_with_it() -> None:
    group, sender = GroupId(7), DeviceAddress(UserId(1), DeviceId(1))
    item = GroupItem(groups.FIRST_GSEQ, sender, MessageNumber(2_000), 0, 0, False, b"sealed")
    number = groups.put_number(group, sender, item.number, item.gseq, 1_024)
    assert len(number) == 2
    assert only_grows([groups.put_item(group, item), *number])


def test_what_removes_rows_that_count_does_not_only_grow() -> None:
    item = groups.remove_items(GroupId(7), groups.FIRST_GSEQ)
    number = groups.put_number(GroupId(7), DeviceAddress(UserId(1), DeviceId(1)), 9, groups.FIRST_GSEQ, 99)
    assert not only_grows([item])
    assert not only_grows([groups.remove_join(GroupId(7), UserId(1))])
    assert not only_grows(number)
