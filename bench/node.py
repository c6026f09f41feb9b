"""A relay node under load: a process of its own in a temporary folder, or one that runs already.

A node of its own runs on cores of its own, where there are any: what is measured must not compete with what
measures it. Its settings are the defaults but for `SETTINGS`, which a run's JSON repeats.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from bench.accounting import CpuTime, Memory, cpu_time, memory, resident_bytes
from bench.accounts import Account, make_accounts
from bench.errors import BenchError
from bench.load.crew import Crew
from bench.orphans import Watcher

NODE = "the node"
"""What a node of ours is called in sentences; a peer by its name."""

SOURCE = Path(__file__).parents[1]
"""The checkout, or the folder of packages, that this file is in."""

START_SECONDS = 60.0
START_SECONDS_A_WORKER = 4.0
"""Besides: as long as the node itself waits for each (relay/crew.py)."""

STOP_SECONDS = 15.0

SETTINGS: Mapping[str, str | int] = {
    "limit_messages": "1000000/s burst 1000000",
    "limit_bytes": "900000000/s burst 900000000",
    "limit_logins": "1000000/s burst 1000000",
    "limit_connections": "1000000/s burst 1000000",
    "max_connections": 1_000_000,
}
"""Limits that keep one account, or everybody together, from being too much for a node: load is just that.
They are raised for every run, and the work that they cost is still done. The limit that an address has does
not hold for 127.0.0.0/8, from where the load comes."""


Fill: TypeAlias = Callable[[Path, Sequence[Account]], None]
"""Puts into the store of a node that is not running what a scenario begins with."""


@dataclass(slots=True)
class Process:
    """One process that is measured."""

    name: str
    """`parent`, `worker 0`, `load 0`, ..."""
    pid: int

    def cpu_time(self) -> CpuTime:
        """CPU time so far.

        Raises:
            ProcessLookupError: it is gone.
        """
        return cpu_time(self.pid)


class Restartable(Protocol):
    """A server that the bench has started, and may kill and start again."""

    def kill(self) -> None:
        """End it as a power failure would."""

    def start(self, accounts: Sequence[Any]) -> Node:
        """Start it, where it listened before.

        Raises:
            BenchError: it did not start.
        """


def _nothing_to_save() -> None:
    """A Roost node has written what it has accepted."""


@dataclass(slots=True)
class Node:
    """A running node, or a peer, and how to get in."""

    host: str
    port: int
    relay_key: bytes
    accounts: Sequence[Any]
    processes: list[Process] = field(default_factory=list)
    """Its workers first; empty if it runs elsewhere."""
    data: Path | None = None
    """Its data folder; None if it is not ours."""
    spawned: Restartable | None = None
    """How to stop and start it; None if it is not ours."""
    crews: Mapping[str, type[Crew]] = field(default_factory=dict)
    """{part of a scenario: who plays it}; a Roost node has none, so the scenarios' own crews play."""
    name: str = NODE
    """What sentences call it."""
    save: Callable[[], None] = _nothing_to_save
    """Has everything written to the disk that it has accepted."""

    @property
    def workers(self) -> list[Process]:
        """The processes that serve devices."""
        return [process for process in self.processes if process.name != "parent"]

    @property
    def is_local(self) -> bool:
        """Whether it runs on this machine."""
        return self.host.startswith("127.")

    def memory(self) -> Memory | None:
        """Memory of all workers together; None if it runs elsewhere."""
        if not self.workers:
            return None
        each = [memory(worker.pid) for worker in self.workers]
        return Memory(sum(one.rss for one in each), sum(one.pss for one in each))

    def resident_bytes(self) -> int:
        """Resident memory of all workers together; 0 if it runs elsewhere."""
        return sum(resident_bytes(worker.pid) for worker in self.workers)


class Spawned:
    """The process of a node that the bench has started, in a folder of its own.

    Args:
        folder: where everything about it goes.
        workers: `--workers`.
        settings: what differs from the defaults.
        cpus: the cores that it may use; empty for all.
        source: the checkout whose code it runs.
    """

    def __init__(
        self,
        folder: Path,
        *,
        workers: int,
        settings: Mapping[str, str | int],
        cpus: frozenset[int],
        source: Path,
    ) -> None:
        self.data = folder / "data"
        self._ready = folder / "ready.json"
        self._log = folder / "node.log"
        self._config = folder / "roost.toml"
        self._config.write_text(as_toml(settings))
        self._workers = workers
        self._cpus = cpus
        self._source = source
        self._listen = "127.0.0.1:0"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: Watcher | None = None

    def start(self, accounts: Sequence[Account]) -> Node:
        """Start it and wait until devices can connect; a second time it listens where it did the first.

        Raises:
            BenchError: it did not start; the text has its last words.
        """
        self._ready.unlink(missing_ok=True)
        words = [sys.executable, "-m", "roost", "serve", "--log", "text", "--log-level", "warning"]
        words += ["--config", str(self._config), "--data", str(self.data), "--ready-file", str(self._ready)]
        words += ["--listen", self._listen, "--admin", "off"]
        words += ["--workers", str(self._workers)] if self._workers > 1 else []
        with pinned_to(self._cpus), self._log.open("ab") as log:
            self._process = subprocess.Popen(
                words,
                cwd=self._source,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is the bench's business, which then ends it
            )
        self._watcher = Watcher(self._process.pid, self._folder)
        node = node_from_ready_file(self._wait_until_ready(), accounts)
        node.data, node.spawned = self.data, self
        self._listen = f"{node.host}:{node.port}"
        return node

    def stop(self) -> None:
        """Ask it to stop, and see that it does."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass  # it has had its time
        self.kill()

    def kill(self) -> None:
        """End it as a power failure would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._watcher is not None:
            self._watcher.dismiss()
            self._watcher = None

    def _wait_until_ready(self) -> dict[str, Any]:
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS + START_SECONDS_A_WORKER * self._workers
        while not self._ready.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise BenchError(f"the node did not start: {self._last_words()}")
            time.sleep(0.02)
        facts: dict[str, Any] = json.loads(self._ready.read_text())
        return facts

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


@contextmanager
def running_node(
    accounts: int,
    *,
    workers: int = 1,
    cpus: frozenset[int] = frozenset(),
    settings: Mapping[str, str | int] = SETTINGS,
    folder: Path | None = None,
    source: Path = SOURCE,
    fill: Fill = lambda data, known: None,
    say: Callable[[str], None] = lambda text: None,
) -> Iterator[Node]:
    """A node that knows so many accounts, for the length of a block.

    Args:
        accounts: how many are made before it starts.
        workers: its worker processes.
        cpus: the cores that it may use; empty for all.
        settings: what differs from its defaults.
        folder: where its temporary folder is made; None for the system's.
        source: the checkout whose code it runs; ours by default.
        fill: puts more into its store before it starts.
        say: told how far that has come.

    Raises:
        BenchError: it did not start.
    """
    with temporary_folder(folder) as place:
        spawned = Spawned(place, workers=workers, settings=settings, cpus=cpus, source=source)
        made = make_accounts(spawned.data, accounts, workers, say)
        fill(spawned.data, made)
        say("the node starts")
        try:
            yield spawned.start(made)
        finally:
            spawned.stop()


def node_from_ready_file(facts: Mapping[str, Any], accounts: Sequence[Account]) -> Node:
    """The node that a ready file speaks of.

    Raises:
        BenchError: the file is none.
    """
    try:
        node = node_at(facts["relay"], accounts)
        workers = [Process(f"worker {each['number']}", int(each["pid"])) for each in facts.get("workers", [])]
        node.processes = [*workers, Process("parent" if workers else "worker 0", int(facts["pid"]))]
    except (KeyError, TypeError, ValueError):
        raise BenchError("the ready file is none of a Roost node") from None
    return node


def node_at(url: str, accounts: Sequence[Account]) -> Node:
    """The node at `roost://HOST:PORT#KEY`, of whose processes nothing is known.

    Raises:
        BenchError: the address is none.
    """
    place, _, key = url.removeprefix("roost://").partition("#")
    host, _, port = place.rpartition(":")
    try:
        relay_key = base64.urlsafe_b64decode(key + "=" * (-len(key) % 4))
        return Node(host.strip("[]"), int(port), relay_key, accounts)
    except ValueError:
        raise BenchError(f"{url!r} is no address of a node: it looks like roost://HOST:PORT#KEY") from None


def as_toml(settings: Mapping[str, str | int]) -> str:
    """Settings as the file that a node reads; JSON's strings and numbers are TOML's as well."""
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items())


@contextmanager
def temporary_folder(parent: Path | None) -> Iterator[Path]:
    """A folder for the length of a block, in `parent` or where the system has such."""
    folder = Path(tempfile.mkdtemp(prefix="roost-bench-", dir=parent))
    try:
        yield folder
    finally:
        # A worker that was killed may still be letting go of its files.
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def pinned_to(cpus: frozenset[int]) -> Iterator[None]:
    """Children that are started in the block inherit these cores."""
    before = os.sched_getaffinity(0)
    if cpus:
        os.sched_setaffinity(0, cpus)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
