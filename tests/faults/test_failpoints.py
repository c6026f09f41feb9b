"""faults/real/failpoints.py: a trap kills exactly where it says; test_kills.py tries them at a node."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from faults.real.failpoints import passages
from faults.real.moments import Moment, lay
from faults.real.node import SOURCE
from relay import worker_process
from relay.handover import SocketHandOver
from relay.outgoing import Outgoing
from storage import batch, open_environment
from storage.committer import Committer
from tests.faults.trapped_writer import MESSAGE, RECEIPT


def write(folder: Path) -> tuple[int, int]:
    """Have a receipt and a message written; the exit status, and how many times the writer was told."""
    words = [sys.executable, "-m", "tests.faults.trapped_writer", str(folder)]
    writer = subprocess.run(words, cwd=SOURCE, capture_output=True, check=False)
    return writer.returncode, writer.stdout.count(b"told")


def stored(folder: Path) -> list[bool]:
    """Whether the receipt, and the message, are there."""
    with open_environment(folder / "store") as environment, environment.read() as reader:
        return [reader.get(put.table, put.key) == put.value for put in (RECEIPT, MESSAGE)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("moment", "status", "told", "is_stored"),
    [
        (None, 0, 2, True),
        (Moment.BEFORE_COMMIT, -signal.SIGKILL, 1, False),
        (Moment.AFTER_COMMIT, -signal.SIGKILL, 1, True),
    ],
)
def test_a_message_is_on_the_disk_or_not_as_the_moment_says_and_nobody_was_told(
    tmp_path: Path, moment: Moment | None, status: int, told: int, is_stored: bool
) -> None:
    if moment is not None:
        lay(tmp_path / "within", moment, 0)  # the receipt passes: it is no message
    assert write(tmp_path) == (status, told)
    assert stored(tmp_path) == [True, is_stored]


def test_afterwards_everything_is_as_it_was(tmp_path: Path) -> None:
    def places() -> list[object]:
        return [
            batch.apply,
            Committer._write,
            Outgoing.deliver,
            Outgoing.flush,
            SocketHandOver.give,
            SocketHandOver.take,
            vars(worker_process)["tell_ready"],
        ]

    before = places()
    with passages(tmp_path):
        assert not any(old is new for old, new in zip(before, places(), strict=True))
    assert places() == before
