import sqlite3
from pathlib import Path

from client.contacts.tables import CONTACT_TABLES
from client.store import STORE_FILE_NAME, Store
from tests.client.phones import SettableClock, seeded_entropy


def test_whoever_had_a_phone_before_has_an_empty_book_and_is_found_by_everyone(tmp_path: Path) -> None:
    old = Path(__file__).parents[1] / "stores" / "version_5.sql"
    connection = sqlite3.connect(tmp_path / STORE_FILE_NAME)
    connection.executescript(old.read_text(encoding="utf-8"))
    connection.close()
    with Store.open(tmp_path, seeded_entropy(5), SettableClock()) as store:
        assert store.contacts.all() == []
        assert store.settings.privacy().discoverable == "everyone"


def test_every_table_is_strict() -> None:
    assert CONTACT_TABLES.count("CREATE TABLE") == CONTACT_TABLES.count(") STRICT")
