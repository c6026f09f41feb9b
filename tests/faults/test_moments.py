import signal
import subprocess
import sys
from pathlib import Path

import pytest

from faults.real.moments import Moment, Passage, lay
from faults.real.node import SOURCE

WALKER = """
import sys
from pathlib import Path
from faults.real.moments import Moment, Passage
passage = Passage(Path(sys.argv[1]), Moment.AFTER_COMMIT, lambda: int(sys.argv[2]))
for turn in range(5):
    print(turn, flush=True)
    passage.come_by()
"""


def walk(folder: Path, worker: int = 1) -> tuple[int, int]:
    """A worker comes by five times; its exit status, and how many times it had begun to."""
    words = [sys.executable, "-c", WALKER, str(folder), str(worker)]
    walker = subprocess.run(words, cwd=SOURCE, capture_output=True, check=False)
    return walker.returncode, len(walker.stdout.split())


def test_without_a_trap_nobody_falls(tmp_path: Path) -> None:
    assert walk(tmp_path / "nothing") == (0, 5)


def test_a_worker_falls_the_time_it_was_meant_to(tmp_path: Path) -> None:
    trap = lay(tmp_path / "within", Moment.AFTER_COMMIT, 1, passes=3)
    assert trap.fallen() is None
    assert walk(tmp_path / "within") == (-signal.SIGKILL, 3)
    assert trap.fallen() is not None


def test_a_trap_kills_once(tmp_path: Path) -> None:
    lay(tmp_path, Moment.AFTER_COMMIT, 1)
    assert walk(tmp_path) == (-signal.SIGKILL, 1)
    assert walk(tmp_path) == (0, 5)


@pytest.mark.parametrize(("moment", "worker"), [(Moment.BEFORE_COMMIT, 1), (Moment.AFTER_COMMIT, 0)])
def test_a_trap_is_for_one_worker_at_one_moment(tmp_path: Path, moment: Moment, worker: int) -> None:
    trap = lay(tmp_path, moment, worker)
    assert walk(tmp_path) == (0, 5)
    assert trap.fallen() is None


def test_a_trap_that_was_taken_away_leaves_nothing(tmp_path: Path) -> None:
    trap = lay(tmp_path, Moment.AFTER_COMMIT, 1)
    walk(tmp_path)
    trap.take_away()
    assert list(tmp_path.iterdir()) == []


def test_who_does_not_know_which_worker_it_is_comes_by_nothing(tmp_path: Path) -> None:
    lay(tmp_path, Moment.STARTING, 0)
    Passage(tmp_path, Moment.STARTING, lambda: None).come_by()
