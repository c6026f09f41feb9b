"""Every table that may hold something about an account is described, and nothing secret is told."""

import json

import pytest

from protocol import UserId
from relay.describers import DESCRIBERS, Where
from storage import codes, pins
from storage.codes import CodeRecord
from storage.pins import PinRecord
from storage.tables import Family, Table, tables_of
from tests.storage.test_records import EXAMPLES

USER = UserId(0x1122334455667788)
OF_ACCOUNTS = (*tables_of(Family.USER), *tables_of(Family.DIRECTORY))


def test_every_table_of_users_and_of_the_directory_has_a_describer() -> None:
    assert sorted(DESCRIBERS) == sorted(OF_ACCOUNTS)


# {table: what stands behind the user (or the group) in its keys}
LAYOUTS = {
    "devices": 2, "prekeys": 6, "kem_prekeys": 6, "last_resorts": 2, "queue": 10, "cursors": 2,
    "progress": 10, "blocks": 8, "contacts": 8, "shunned": 10, "profiles": 2, "group_members": 8,
    "group_numbers": 18, "group_joins": 8, "group_marks": 8,
}  # fmt: skip


@pytest.mark.parametrize(
    "table", [table for table in OF_ACCOUNTS if DESCRIBERS[table].where is not Where.NOWHERE]
)
def test_a_row_becomes_json_without_what_is_secret_or_unreadable(table: Table) -> None:
    example = next(value for codec, value in EXAMPLES if codec.table == table)
    describer = DESCRIBERS[table]
    key = USER.to_bytes(8) + b"\1" * LAYOUTS.get(table, 0)
    if describer.where is Where.NUMBER:
        key = b"+491713920001"
    if describer.where is Where.STATIC_KEYS:
        key = b"k" * 32
    facts = describer.describe(key, example)
    assert json.loads(json.dumps(facts)) == facts
    assert "digest" not in facts
    assert "salt" not in facts


def test_digests_of_codes_and_pins_are_not_told() -> None:
    code = CodeRecord(b"s" * 16, b"d" * 32, 1, 2, 3, 4)
    pin = PinRecord(b"s" * 16, b"d" * 32, 1, 2, 3, 0)
    for codec, record in ((codes.CODE_CODEC, code), (pins.PIN_CODEC, pin)):
        text = json.dumps(DESCRIBERS[codec.table].describe(b"+491", record))
        assert "ssss" not in text
        assert (b"d" * 32).hex() not in text
