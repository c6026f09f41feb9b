"""The node of a run: `roost serve` and its workers as real processes, for all the lives that they have."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import SystemRandom
from typing import IO, Any, Protocol

import trio

from faults.real.fault import Broken
from faults.real.processes import children, is_stopped, kill_session, of_session, open_files, resident_bytes
from faults.real.within import FOLDER_VARIABLE, PROGRAM
from roost.admin import AdminError, fetch_object

SOURCE = Path(__file__).parents[2]

START_SECONDS = 90.0
"""The node itself gives each worker 60 s, and a machine that runs a crowd beside it is busy."""
STOP_SECONDS = 15.0
POLL_SECONDS = 0.02  # files and processes that are not our children: there is no event to wait for
LAST_WORDS = 2_000

LOWEST_PORT, HIGHEST_PORT = 10_000, 32_000
"""Below the ports that the kernel gives to clients: one of those could take the node's while it is down, and
whoever connects to a port that is free and his own by chance has connected to himself."""


class Minder(Protocol):
    """Is told what has been started, so that it can be ended if we are killed."""

    def mind_session(self, leader: int) -> None:
        """A process that leads a session of its own has been started."""


class NodeProcess:
    """`roost serve` in a folder, always at the same two addresses.

    Args:
        folder: where everything about it goes; made if need be.
        workers: its worker processes.
        minder: told of each process that is started.
    """

    def __init__(self, folder: Path, *, workers: int = 2, minder: Minder | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "node.log"
        self.sms = folder / "sms.jsonl"
        self.ready_file = folder / "ready.json"
        self.within = folder / "within"
        """What happens within its processes (within.py)."""
        self.port = free_port()
        self.admin = f"http://127.0.0.1:{free_port()}"
        self.config: dict[str, str | int] = {}
        """Settings as roost.toml has them; taken at the next start."""
        self.worker_count = workers
        self.relay = ""
        """Its address with its key, once it has been started: `roost://127.0.0.1:PORT#KEY`."""
        self.lives = 0
        self.asked_to_end = True
        """Whether nobody need wonder if it is not running."""
        self._minder = minder
        self._process: trio.Process | None = None

    @property
    def key(self) -> bytes:
        """The relay's public key, once it has been started."""
        text = self.relay.partition("#")[2]
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    @property
    def pid(self) -> int:
        """The parent's. Raises Broken if it has not been started."""
        if self._process is None:
            raise Broken("the node has not been started")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the parent lives."""
        return self._process is not None and self._process.poll() is None

    # ---- life and death ----

    async def start(self) -> None:
        """Start it, where it was before, and wait until all workers are ready.

        Raises:
            Broken: it did not come up; with its last words.
        """
        await self.launch()
        with trio.move_on_after(START_SECONDS):
            await self.until_announced()
            return
        await self.kill()
        raise Broken(
            f"the node was not ready after {START_SECONDS:.0f} s; its last words: {self.last_words()}"
        )

    async def launch(self) -> None:
        """Start its process, and wait for nothing."""
        self.ready_file.unlink(missing_ok=True)
        config = self.folder / "roost.toml"
        config.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in self.config.items()))
        with self.log.open("ab") as log:
            self._process = await _spawn(self._command(config), log, self.within)
        self.lives += 1
        self.asked_to_end = False
        if self._minder is not None:
            self._minder.mind_session(self._process.pid)

    def _command(self, config: Path) -> list[str]:
        words = [*PROGRAM, "serve", "--log", "json", "--log-level", "info"]
        words += ["--config", str(config), "--data", str(self.data), "--ready-file", str(self.ready_file)]
        words += ["--listen", f"127.0.0.1:{self.port}", "--admin", self.admin.removeprefix("http://")]
        return [*words, "--workers", str(self.worker_count), "--sms", f"file:{self.sms}"]

    async def until_announced(self) -> None:
        """Wait until it says that devices can connect.

        Raises:
            Broken: it ended before; with its last words.
        """
        while not self.ready_file.exists():
            if not self.is_running:
                self.asked_to_end = True
                raise Broken(f"the node did not start; its last words: {self.last_words()}")
            await trio.sleep(POLL_SECONDS)
        self.relay = str(json.loads(self.ready_file.read_text())["relay"])

    async def kill(self) -> None:
        """End the parent as a crash would (SIGKILL); returns when all its processes have followed it.

        Raises:
            Broken: a worker outlived its parent by more than `STOP_SECONDS`.
        """
        self.asked_to_end = True
        if self._process is None:
            return
        self._process.kill()
        await self._process.wait()
        with trio.move_on_after(STOP_SECONDS) as in_time:
            await _until(lambda: not self._users_of_data())
        # A process that was just started, to wait in reserve, finds out when it has imported everything.
        with trio.move_on_after(START_SECONDS):
            await _until(lambda: not self.processes())
        kill_session(self.pid)
        if in_time.cancelled_caught:
            raise Broken(f"a worker outlived the node's parent by more than {STOP_SECONDS:.0f} s")

    async def stop(self) -> int:
        """Ask it to end (SIGTERM); its exit status.

        Raises:
            Broken: it had not ended after `STOP_SECONDS`, and was killed.
        """
        self.asked_to_end = True
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGTERM)
        with trio.move_on_after(STOP_SECONDS):
            return int(await self._process.wait())
        await self.kill()
        raise Broken(f"the node had not ended {STOP_SECONDS:.0f} s after SIGTERM")

    def go_on(self) -> None:
        """Let those of its processes go on that were stopped (SIGCONT)."""
        for pid in self.processes():
            if is_stopped(pid):
                os.kill(pid, signal.SIGCONT)

    async def close(self) -> None:
        """End it for good, whatever state it is in, stopped processes included."""
        self.asked_to_end = True
        if self._process is not None:
            with trio.CancelScope(shield=True):
                kill_session(self._process.pid)
                await self._process.wait()

    # ---- how it is ----

    def processes(self) -> list[int]:
        """All its living processes: the parent, the workers, the one in reserve."""
        return of_session(self.pid)

    def workers(self) -> list[int]:
        """The workers' processes at the moment, in the order of their numbers; without those in reserve."""
        return list(self.workers_by_number().values())

    def workers_by_number(self) -> dict[int, int]:
        """{number of a worker: its process}. A worker is whoever holds the lock of its place in the store."""
        found = {}
        for pid in children(self.pid):
            for path in open_files(pid):
                lock = re.fullmatch(r"lock\.(\d+)", path.name)
                if lock is not None and path.parent == self.data.resolve():
                    found[int(lock[1])] = pid
        return dict(sorted(found.items()))

    def _users_of_data(self) -> list[int]:
        data = self.data.resolve()
        return [pid for pid in self.processes() if any(data in path.parents for path in open_files(pid))]

    def resident_bytes(self) -> int:
        """The memory of all its processes; pages that they share count several times."""
        return sum(resident_bytes(pid) for pid in self.processes())

    async def ask(self, path: str) -> dict[str, Any]:
        """What the admin endpoint answers.

        Raises:
            AdminError: it does not.
        """
        fetch = partial(fetch_object, self.admin, path)
        return await trio.to_thread.run_sync(fetch, abandon_on_cancel=True)

    async def status(self) -> dict[str, Any]:
        """`/status`, as `roost status` shows it. Raises AdminError."""
        return await self.ask("/status")

    async def tree(self) -> dict[str, Any]:
        """`/tree`, as `roost top` shows it. Raises AdminError."""
        return await self.ask("/tree")

    async def until_ready(self, seconds: float) -> None:
        """Wait until the node and all its workers serve.

        Raises:
            Broken: they did not in time, or the node has ended.
        """
        seen = "nothing"
        with trio.move_on_after(seconds):
            while True:
                seen = await self._readiness()
                if seen == "ready":
                    return
                await trio.sleep(POLL_SECONDS)
        raise Broken(f"not all workers were ready after {seconds:.0f} s: {seen}")

    async def _readiness(self) -> str:
        if not self.is_running:
            raise Broken(f"the node has ended; its last words: {self.last_words()}")
        try:
            status = await self.status()
        except AdminError as error:
            return str(error)
        late = [
            f"worker {each['number']} {each['state']}"
            for each in status["workers"]
            if each["state"] != "ready"
        ]
        return ", ".join(late) or str(status["phase"])

    def last_words(self) -> str:
        """The end of its log."""
        words = self.log.read_text(errors="replace") if self.log.exists() else ""
        return words.strip()[-LAST_WORDS:] or "none"


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has, and that the kernel gives to nobody by itself."""
    random = SystemRandom()
    while True:
        port = random.randrange(LOWEST_PORT, HIGHEST_PORT)
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


async def _until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110 - processes that are not our children: there is no event to wait for
        await trio.sleep(POLL_SECONDS)


async def _spawn(words: list[str], output: IO[bytes], within: Path) -> trio.Process:
    """A process in a session of its own, without what our environment says to a node."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROOST_")}
    return await trio.lowlevel.open_process(
        words,
        cwd=SOURCE,
        env={**environment, FOLDER_VARIABLE: str(within)},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,  # Ctrl-C is the run's business, which then ends it
    )
