"""What the demos are played with: a node and phones as processes of their own, and a line for each scene."""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

START_SECONDS = 60.0  # a first start compiles Python files; a second one takes well under a second
COMMAND_SECONDS = 60.0  # no single command of a story takes nearly as long
STOP_SECONDS = 10.0
POLL_SECONDS = 0.05  # files and commands of other processes: there is no event to wait for

REFUSED = (2, 3)
"""Exit statuses of a command that the phone, or the relay, has refused."""


class DemoFailedError(Exception):
    """A story could not be told to its end; the text says which step went wrong."""


@contextmanager
def open_folder(*, keep: bool) -> Iterator[Path]:
    """A folder for a story, removed at the end unless it is to be kept."""
    if keep:
        path = Path(tempfile.mkdtemp(prefix="roost-demo-"))
        try:
            yield path
        finally:
            print(f"Kept: {path}")
    else:
        with tempfile.TemporaryDirectory(prefix="roost-demo-") as name:
            yield Path(name)


def command_line(*words: str) -> list[str]:
    """A `roost` command, in this Python."""
    return [sys.executable, "-m", "roost", *words]


def spawn(*words: str) -> subprocess.Popen[str]:
    """Start a `roost` command."""
    pipe = subprocess.PIPE
    return subprocess.Popen(command_line(*words), stdin=pipe, stdout=pipe, stderr=pipe, text=True)


class Ear:
    """A command that goes on and prints objects, such as `roost listen --json`: what it has said so far."""

    def __init__(self, name: str, *words: str) -> None:
        self.name = name
        self.heard: list[dict[str, Any]] = []
        self._process = spawn(*words, "--json")
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put(None)

    def next(self, is_it: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Wait for an object that is `what` is wanted, passing over others.

        Raises:
            DemoFailedError: the command ends before, or it takes too long.
        """
        deadline = time.monotonic() + COMMAND_SECONDS
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise DemoFailedError(f"{self.name} waits in vain for {what}; so far: {self.heard}") from None
            if line is None:
                _, err = self._process.communicate()
                raise DemoFailedError(f"{self.name} ended and had not heard {what}: {err.strip()}")
            said: dict[str, Any] = json.loads(line)
            self.heard.append(said)
            if is_it(said):
                return said

    def text(self, text: str) -> dict[str, Any]:
        """Wait for a message that says this. Raises as ``next``."""
        return self.next(lambda said: said.get("text") == text, f"{text!r}")

    def ended(self) -> tuple[int, str]:
        """Wait until the command ends by itself: its exit status, and its errors."""
        status = self._process.wait(COMMAND_SECONDS)
        assert self._process.stderr is not None
        return status, self._process.stderr.read().strip()

    def close(self) -> None:
        """End it, and take in what it has said."""
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait(STOP_SECONDS)
        self._reader.join(STOP_SECONDS)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()


@dataclass(slots=True)
class Stage:
    """A folder with a node and phones in it."""

    folder: Path
    say_line: Callable[[str], None] = print
    relay: str = ""
    """The node's address with its key, once it has been started."""
    admin: str = ""
    """Where the node tells how it is."""
    began: float = field(default_factory=time.monotonic)
    _node: subprocess.Popen[bytes] | None = None

    @property
    def sms(self) -> Path:
        """The file that is everybody's text messages."""
        return self.folder / "sms.jsonl"

    def home(self, name: str) -> Path:
        """Where a phone has its store."""
        return self.folder / name.lower()

    def say(self, line: str) -> None:
        """A line of the story, with the time."""
        self.say_line(f"{time.monotonic() - self.began:5.1f} s  {line}")

    # ---- the node ----

    def start_node(self, workers: int) -> None:
        """Start the node. Raises DemoFailedError if it does not come up."""
        ready, output = self.folder / "ready.json", self.folder / "node.log"
        words = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--data", str(self.folder / "node")]
        words += ["--workers", str(workers), "--sms", f"file:{self.sms}", "--ready-file", str(ready)]
        with output.open("ab") as log:
            self._node = subprocess.Popen(command_line("serve", *words), stdout=log, stderr=log)
        deadline = time.monotonic() + START_SECONDS
        while not ready.exists():
            if self._node.poll() is not None or time.monotonic() > deadline:
                raise DemoFailedError(f"the node did not start; its log says:\n{output.read_text()[-2000:]}")
            time.sleep(POLL_SECONDS)
        data = json.loads(ready.read_text())
        self.relay, self.admin = str(data["relay"]), str(data["admin"])

    def stop_node(self) -> None:
        """Stop it, if it runs."""
        if self._node is not None and self._node.poll() is None:
            self._node.terminate()
            try:
                self._node.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._node.kill()
                self._node.wait()

    # ---- commands ----

    def do(self, name: str, *words: str) -> list[dict[str, Any]]:
        """A command of somebody's phone; what it prints, an object a line. Raises DemoFailedError."""
        status, out, err = self._run(name, words)
        if status != 0:
            raise DemoFailedError(f"{name}: roost {' '.join(words[:2])} ended with {status}: {err}")
        return [json.loads(line) for line in out.splitlines()]

    def refused(self, name: str, *words: str) -> str:
        """A command that has to be refused; the name of the error. Raises DemoFailedError if it is not."""
        status, out, err = self._run(name, words)
        if status not in REFUSED or not err.startswith("error: "):
            raise DemoFailedError(f"{name}: roost {' '.join(words[:2])} ended with {status}: {out} {err}")
        return err.split(":")[1].strip()

    def _run(self, name: str, words: tuple[str, ...]) -> tuple[int, str, str]:
        process = spawn(*words, "--home", str(self.home(name)), "--json")
        out, err = process.communicate(timeout=COMMAND_SECONDS)
        return process.returncode, out, err.strip()

    def until(self, holds: Callable[[], bool], what: str, within: float = COMMAND_SECONDS) -> None:
        """Ask again and again until something holds. Raises DemoFailedError if it does not in time (s)."""
        deadline = time.monotonic() + within
        while not holds():
            if time.monotonic() > deadline:
                raise DemoFailedError(f"it did not come to pass that {what}")
            time.sleep(POLL_SECONDS)

    def queued(self) -> int:
        """How many messages the node keeps for devices that have not fetched them."""
        process = spawn("status", "--admin", self.admin, "--json")
        out, err = process.communicate(timeout=COMMAND_SECONDS)
        if process.returncode != 0:
            raise DemoFailedError(f"roost status: {err.strip()}")
        return int(json.loads(out)["queued_messages"])
