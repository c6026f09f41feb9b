import sqlite3
from pathlib import Path

import pytest

from client.schema import CURRENT_VERSION, MIGRATIONS
from client.store import STORE_FILE_NAME, Store
from tests.client.phones import SettableClock, seeded_entropy

STORES = sorted(
    (Path(__file__).parent / "stores").glob("version_*.sql"), key=lambda path: int(path.stem.split("_")[1])
)


def test_the_current_version_is_the_number_of_migrations() -> None:
    assert len(MIGRATIONS) == CURRENT_VERSION == 11


def test_every_table_is_strict() -> None:
    for script in MIGRATIONS:
        assert script.count("CREATE TABLE") == script.count(") STRICT")


def test_there_is_a_store_of_every_version_that_shipped() -> None:
    assert [path.stem for path in STORES] == [f"version_{number}" for number in range(1, CURRENT_VERSION)]


@pytest.mark.parametrize("old", STORES, ids=lambda path: path.stem)
def test_a_store_of_an_earlier_version_is_brought_up_with_all_that_is_in_it(
    old: Path, tmp_path: Path
) -> None:
    connection = sqlite3.connect(tmp_path / STORE_FILE_NAME)
    connection.executescript(old.read_text(encoding="utf-8"))
    connection.close()
    with Store.open(tmp_path, seeded_entropy(5), SettableClock()) as store:
        texts = [entry.text for entry in store.history()]
        assert texts == ["written before", "an answer", "still waiting"]
        (user,) = {entry.user: None for entry in store.history() if entry.user is not None}
        assert store.settings.is_contact(user)
        store.queue_text(user, "written after")
        assert store.encrypt(store.history()[2].message_id).number == 2
