"""D1 at its root: what was reported as durable survives a killed process, a full disk and a full map."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from protocol.ids import MessageNumber
from storage import (
    Delete,
    DeleteRange,
    Environment,
    InlineJournal,
    Journal,
    JournalError,
    Put,
    StorageFullError,
    WriterJournal,
    check_records,
    mailboxes,
    open_environment,
    verify,
)
from storage.environment import disk_free_bytes
from storage.progress import load_progress
from storage.tables import QUEUE
from tests.storage.conftest import MIB
from tests.storage.killed_writer import RECIPIENT, SENDER, ciphertext

ROUNDS = 5


def kill_after(data: Path, reports: int) -> int:
    """Let a writer report `reports` messages and kill it at its work; returns the last one it reported."""
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.storage.killed_writer", str(data)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert writer.stdout is not None
    with writer.stdout as lines:
        last = b""
        for _ in range(reports):
            last = lines.readline()
            assert last, "the writer ended by itself"
        writer.kill()
        # What it had written to the pipe before it died was reported too; the last line may be cut short.
        rest = lines.read()
    # Without this a writer that dies of its own bug would make the test pass on an empty folder.
    assert writer.wait() == -signal.SIGKILL
    whole_lines = [last, *rest[: rest.rfind(b"\n") + 1].split()]
    return int(whole_lines[-1])


@pytest.mark.slow
def test_d1_everything_reported_before_a_kill_is_there_after_it(tmp_path: Path) -> None:
    for turn in range(ROUNDS):
        reported = kill_after(tmp_path, reports=300 + 97 * turn)
        assert verify(tmp_path / "durable") == []
        with open_environment(tmp_path, map_bytes=1 << 30) as environment:
            assert check_records(environment) == []
            with environment.read() as reader:
                stored = mailboxes.read_range(reader, RECIPIENT, 0, 1_000_000)
                cursor = mailboxes.load_device_queue_state(reader, RECIPIENT)
                progress = load_progress(reader, RECIPIENT.user, SENDER)
        assert len(stored) >= reported > 0
        # Without gaps, each whole, and with cursor and progress as of the same commit.
        assert [seq for seq, _ in stored] == list(range(1, len(stored) + 1))
        assert all(each.ciphertext == ciphertext(seq) for seq, each in stored)
        assert (cursor.next_seq, cursor.messages) == (len(stored) + 1, len(stored))
        assert progress.accepted == MessageNumber(len(stored))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        pytest.skip("only root on Linux can mount a small tmpfs")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode != 0:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def open_inline(environment: Environment) -> Journal:
    return InlineJournal(environment)


def open_writer(environment: Environment) -> Journal:
    return WriterJournal(environment, lambda answer: answer(), time.perf_counter)


class Disk:
    """Writes rows one after the other and knows which of them were promised."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.promised: list[bytes] = []
        self._answers: list[JournalError | None] = []

    def put(self, number: int) -> JournalError | None:
        key = b"%08d" % number
        error = self._submit(lambda done: self._journal.submit([Put(QUEUE, key, b"v" * 20_000)], done))
        if error is None:
            self.promised.append(key)
        return error

    def delete_first(self) -> JournalError | None:
        key = self.promised[0]
        error = self._submit(lambda done: self._journal.submit([Delete(QUEUE, key)], done))
        if error is None:
            self.promised.remove(key)
        return error

    def fill(self) -> JournalError:
        """Put rows until one is refused; returns the refusal."""
        for number in range(10_000):
            if (error := self.put(number)) is not None:
                return error
        raise AssertionError("it was never full")

    def _submit(self, submit: Callable[[Callable[[JournalError | None], None]], None]) -> JournalError | None:
        answers: list[JournalError | None] = []
        try:
            submit(answers.append)
        except JournalError as refused:
            return refused
        deadline = time.monotonic() + 10
        while not answers and time.monotonic() < deadline:
            os.sched_yield()
        (answer,) = answers
        return answer


def rows(environment: Environment) -> list[bytes]:
    with environment.read() as reader:
        return [key for key, _ in reader.scan(QUEUE, b"\0", b"\xff" * 16)]


@pytest.mark.parametrize("open_journal", [open_inline, open_writer])
@pytest.mark.parametrize("reserve_bytes", [0, MIB], ids=["hits the end", "stops before it"])
def test_a_full_disk_refuses_loses_nothing_and_recovers(
    small_disk: Path, open_journal: Callable[[Environment], Journal], reserve_bytes: int
) -> None:
    with open_environment(
        small_disk / "data", map_bytes=64 * MIB, reserve_bytes=reserve_bytes
    ) as environment:
        journal = open_journal(environment)
        disk = Disk(journal)
        assert isinstance(disk.fill(), StorageFullError)
        assert journal.failure is None
        assert rows(environment) == disk.promised
        for _ in range(100):
            assert disk.delete_first() is None
        for number in range(20_000, 20_050):
            assert disk.put(number) is None
        assert sorted(rows(environment)) == sorted(disk.promised)
        journal.close()
    assert verify(small_disk / "data" / "durable") == []


def fill_the_rest(disk: Path) -> None:
    with (disk / "somebody else's").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"b" * 4096)
        except OSError:
            pass
    assert disk_free_bytes(disk) == 0


def test_a_node_starts_on_a_full_disk_and_can_be_emptied(small_disk: Path) -> None:
    data = small_disk / "data"
    with open_environment(data, map_bytes=64 * MIB, reserve_bytes=2 * MIB) as environment:
        promised = Disk(InlineJournal(environment))
        promised.fill()
    # Somebody else takes all that we left.
    fill_the_rest(small_disk)
    with open_environment(data, map_bytes=64 * MIB, reserve_bytes=2 * MIB) as environment:
        assert rows(environment) == promised.promised
        journal = InlineJournal(environment)
        assert journal.full
        answers: list[object] = []
        journal.submit([DeleteRange(QUEUE, b"0", b"9")], answers.append)
        assert answers == [None]
        assert rows(environment) == []


@pytest.mark.parametrize("open_journal", [open_inline, open_writer])
def test_a_disk_on_which_somebody_makes_room_is_used_again(
    small_disk: Path, open_journal: Callable[[Environment], Journal]
) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"b" * 2 * MIB)
    with open_environment(small_disk / "data", map_bytes=64 * MIB, reserve_bytes=0) as environment:
        journal = open_journal(environment)
        disk = Disk(journal)
        assert isinstance(disk.fill(), StorageFullError)
        ballast.unlink()
        assert disk.put(10_000) is None
        assert rows(environment) == disk.promised
        journal.close()


@pytest.mark.parametrize("open_journal", [open_inline, open_writer])
@pytest.mark.parametrize("reserve_bytes", [0, MIB], ids=["hits the end", "stops before it"])
def test_a_full_map_refuses_loses_nothing_and_recovers(
    tmp_path: Path, open_journal: Callable[[Environment], Journal], reserve_bytes: int
) -> None:
    with open_environment(
        tmp_path, map_bytes=4 * MIB, max_map_bytes=4 * MIB, reserve_bytes=reserve_bytes
    ) as environment:
        journal = open_journal(environment)
        disk = Disk(journal)
        assert isinstance(disk.fill(), StorageFullError)
        assert rows(environment) == disk.promised
        for _ in range(100):
            assert disk.delete_first() is None
        for number in range(20_000, 20_050):
            assert disk.put(number) is None
        journal.close()
    assert verify(tmp_path / "durable") == []
