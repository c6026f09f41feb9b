from __future__ import annotations

from storage import Environment
from storage.checks import CODECS
from storage.environment import MAX_TABLES
from storage.tables import DURABLE_TABLES, MAX_KEY_BYTES


def test_every_table_has_a_name_of_its_own_and_a_codec() -> None:
    assert len(dict.fromkeys(DURABLE_TABLES)) == len(DURABLE_TABLES)
    assert [codec.table for codec in CODECS] == list(DURABLE_TABLES)


def test_there_is_room_for_tables_to_come() -> None:
    assert len(DURABLE_TABLES) <= MAX_TABLES // 2


def test_the_key_limit_is_that_of_the_lmdb_in_use(environment: Environment) -> None:
    assert environment._lmdb.max_key_size() >= MAX_KEY_BYTES
