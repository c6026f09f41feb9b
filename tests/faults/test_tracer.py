from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from faults.real.fault import Broken
from faults.real.needs import Need
from faults.real.strace import Sync, Write, read_events
from faults.real.tracer import Failure, failing, has_failed, recorded

LACKING = next((word for word in (need.missing() for need in (Need.ROOT, Need.STRACE)) if word), None)

pytestmark = [pytest.mark.skipif(LACKING is not None, reason=str(LACKING)), pytest.mark.slow]

WRITER = """
import os, sys
file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
print("open", flush=True)
for number, _ in enumerate(sys.stdin):
    os.pwrite(file, b"%d" % number, number)
    try:
        os.fdatasync(file)
    except OSError as error:
        print(error.strerror, flush=True)
    else:
        print("synced", flush=True)
"""


class Writer:
    """Writes and syncs a byte whenever it is told to."""

    def __init__(self, file: Path) -> None:
        words = [sys.executable, "-c", WRITER, str(file)]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.hear()

    async def write(self) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        return await trio.to_thread.run_sync(self.hear)

    def hear(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().decode().strip()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file"


@pytest.fixture
def writer(file: Path) -> Iterator[Writer]:
    writer = Writer(file)
    yield writer
    writer.end()


async def test_a_call_fails_once_and_the_process_goes_on(writer: Writer, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    async with failing(writer.process.pid, Failure("fdatasync", "EIO", 2), notes):
        assert await writer.write() == "synced"
        assert not has_failed(notes)
        assert [await writer.write() for _ in range(2)] == ["Input/output error", "synced"]
        assert has_failed(notes)
    assert await writer.write() == "synced"


async def test_what_a_process_does_to_its_files_is_written_down(
    writer: Writer, file: Path, tmp_path: Path
) -> None:
    recording = tmp_path / "recording"
    async with recorded(writer.process.pid, recording):
        await writer.write()
    await writer.write()
    with recording.open() as lines:
        events = [event for event in read_events(lines) if isinstance(event, Write | Sync)]
    assert events == [Write(str(file), 0, b"0", is_synced=False), Sync(str(file))]


async def test_a_process_is_killed_at_a_sync_that_is_not_done(
    writer: Writer, file: Path, tmp_path: Path
) -> None:
    recording = tmp_path / "recording"
    async with recorded(writer.process.pid, recording, last_sync=2):
        assert [await writer.write() for _ in range(2)] == ["synced", ""]
        assert await trio.to_thread.run_sync(writer.process.wait) == -signal.SIGKILL
    with recording.open() as lines:
        events = [event for event in read_events(lines) if isinstance(event, Write | Sync)]
    assert [type(event) for event in events] == [Write, Sync, Write]


async def test_who_is_not_there_cannot_be_traced(writer: Writer, tmp_path: Path) -> None:
    writer.end()
    with pytest.raises(Broken, match="did not take hold"):
        async with recorded(writer.process.pid, tmp_path / "recording"):
            raise AssertionError("it was traced")
