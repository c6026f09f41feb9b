"""faults/real/commits.py: what a phone has committed is there after SIGKILL, and nothing else."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from client.database import Database
from faults.real.commits import ONLY_ONE, passages
from faults.real.moments import Moment, lay
from faults.real.node import SOURCE

WRITER = """
import sys
from pathlib import Path
from client.database import Database
from faults.real.commits import passages
database = Database.open(Path(sys.argv[1]), "store")
with passages(Path(sys.argv[2])):
    for name in ("first", "second", "third"):
        with database.transaction(), database.transaction():
            database.execute(f"CREATE TABLE {name} (x)")
"""


def tables_after(folder: Path) -> tuple[int, list[str]]:
    """A phone's store is written to three times; how that ended, and what is in the store then."""
    home = folder / "home"
    home.mkdir()
    words = [sys.executable, "-c", WRITER, str(home), str(folder / "traps")]
    status = subprocess.run(words, cwd=SOURCE, check=False).returncode
    database = Database.open(home, "store")
    names = [name for name in ("first", "second", "third") if has_table(database, name)]
    database.close()
    return status, names


def has_table(database: Database, name: str) -> bool:
    return database.value("SELECT name FROM sqlite_schema WHERE name = ?", name) is not None


def test_nobody_dies_without_a_trap(tmp_path: Path) -> None:
    assert tables_after(tmp_path) == (0, ["first", "second", "third"])


@pytest.mark.parametrize(
    ("moment", "left"), [(Moment.BEFORE_COMMIT, ["first"]), (Moment.AFTER_COMMIT, ["first", "second"])]
)
def test_who_dies_at_the_second_commit_leaves_what_was_committed(
    tmp_path: Path, moment: Moment, left: list[str]
) -> None:
    lay(tmp_path / "traps", moment, ONLY_ONE, passes=2)  # a transaction within another is none of its own
    assert tables_after(tmp_path) == (-signal.SIGKILL, left)


def test_a_transaction_that_is_taken_back_is_no_moment(tmp_path: Path) -> None:
    database = Database.open(tmp_path, "store")
    trap = lay(tmp_path, Moment.BEFORE_COMMIT, ONLY_ONE)
    with passages(tmp_path), pytest.raises(KeyError), database.transaction():
        raise KeyError
    trap.take_away()
    database.close()
