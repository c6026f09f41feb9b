"""A relay node as real processes, for the few tests that are about processes."""

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

START_SECONDS = 60.0
STOP_SECONDS = 30.0


@dataclass(slots=True)
class RealNode:
    """A running `roost serve`."""

    process: subprocess.Popen[bytes]
    relay: str
    admin: str
    output: Path
    workers: list[int]
    """The processes of its workers when it became ready."""

    @property
    def place(self) -> str:
        """Where devices connect, as `--listen` has it: for another life at the same address."""
        return self.relay.removeprefix("roost://").split("#")[0]

    def ask(self, path: str) -> dict[str, Any]:
        """What the admin endpoint answers."""
        try:
            with urllib.request.urlopen(self.admin + path) as answer:
                found: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as answer:
            found = json.load(answer)
        return found

    def worker(self, number: int) -> dict[str, Any]:
        """One worker, as `/status` lists it."""
        found: dict[str, Any] = self.ask("/status")["workers"][number]
        return found

    def wait_until_restarted(self, number: int, killed: int) -> float:
        """Wait until a worker that was `killed` serves again; returns for how many seconds."""
        began = time.monotonic()
        while (worker := self.worker(number))["state"] != "ready" or worker["pid"] == killed:
            assert time.monotonic() < began + START_SECONDS, self.output.read_text()
            time.sleep(0.01)  # another process: there is no event to wait for
        return time.monotonic() - began

    def kill(self) -> None:
        """End the parent as a crash would, and wait until its workers have followed it."""
        self.process.kill()
        self.process.wait()
        deadline = time.monotonic() + STOP_SECONDS
        while any(map(is_running, self.workers)):
            assert time.monotonic() < deadline
            time.sleep(0.002)

    def newest_code(self) -> str:
        """The verification code that the node's terminal showed last."""
        codes: list[str] = re.findall(
            r"Verification code for \S+ \(by \w+\): (\d{6})", self.output.read_text()
        )
        return codes[-1]


def is_running(pid: int) -> bool:
    """Whether a process that is not ours lives; one that is dead and not yet reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@contextmanager
def running_node(
    folder: Path,
    *,
    sms: str,
    listen: str = "127.0.0.1:0",
    workers: int = 1,
    open_files: int | None = None,
) -> Iterator[RealNode]:
    """Start a node, wait until it accepts connections, and stop it by SIGTERM at the end.

    Leaving fails if the node did not stop by itself with status 0, unless somebody has killed it before.
    """
    node = start_node(folder, sms=sms, listen=listen, workers=workers, open_files=open_files)
    try:
        yield node
    finally:
        if node.process.poll() is None:
            node.process.send_signal(signal.SIGTERM)
            try:
                status = node.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                node.process.kill()
                node.process.wait()
                raise
            assert status == 0


def start_node(
    folder: Path,
    *,
    sms: str,
    listen: str = "127.0.0.1:0",
    workers: int = 1,
    open_files: int | None = None,
) -> RealNode:
    """Start a node; the caller ends it. With `open_files` none of its processes may have more of them."""
    folder.mkdir(exist_ok=True)
    ready, output = folder / "ready.json", folder / "output.txt"
    ready.unlink(missing_ok=True)
    words = ["--listen", listen, "--admin", "127.0.0.1:0", "--data", str(folder / "data")]
    words += ["--workers", str(workers)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROOST_")}
    with output.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "roost", "serve", *words, "--sms", sms, "--ready-file", str(ready)],
            stdout=file,
            stderr=file,
            env=environment,
            preexec_fn=None if open_files is None else partial(_limit_open_files, open_files),
        )
    deadline = time.monotonic() + START_SECONDS
    try:
        while not ready.exists():
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.02)  # another process: there is no event to wait for
    except AssertionError:
        process.kill()
        process.wait()
        raise
    data = json.loads(ready.read_text())
    assert data["pid"] == process.pid
    pids = [worker["pid"] for worker in data["workers"]]
    return RealNode(process, data["relay"], data["admin"], output, pids)


def _limit_open_files(count: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))
