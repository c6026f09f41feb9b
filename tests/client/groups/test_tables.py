import sqlite3
from pathlib import Path

import pytest

from client.database import Database

INCOMING = (
    "INSERT INTO messages (id, kind, outgoing, user, author, device, number, stored_at, state)"
    " VALUES (?, 1, 0, ?, ?, 1, 1, 0, 16)"
)


def test_one_id_of_two_authors_in_a_group_is_two_messages_and_of_one_author_it_is_one(tmp_path: Path) -> None:
    database = Database.open(tmp_path, "phone.sqlite")
    database.execute(INCOMING, b"same id.", 77, 1)
    database.execute(INCOMING, b"same id.", 77, 2)
    with pytest.raises(sqlite3.IntegrityError):
        database.execute(INCOMING, b"same id.", 77, 2)
    database.close()


def test_in_a_chat_of_two_the_other_side_is_the_author(tmp_path: Path) -> None:
    database = Database.open(tmp_path, "phone.sqlite")
    database.execute(INCOMING, b"same id.", 77, None)
    with pytest.raises(sqlite3.IntegrityError):
        database.execute(INCOMING, b"same id.", 77, None)
    database.close()
