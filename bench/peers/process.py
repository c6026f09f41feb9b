"""A peer as a process of the bench's own: started in a temporary folder, pinned, and ended by its number.

It stays in the foreground as our child, in a process group of its own, so everything that it starts is known
and nothing of it is left behind. It gets cores as a Roost node does.
"""

from __future__ import annotations

import functools
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.accounting import PROC
from bench.errors import BenchError, PeerMissingError
from bench.node import START_SECONDS, STOP_SECONDS, Node, Process, pinned_to, temporary_folder
from bench.orphans import Watcher
from bench.peers.catalogue import how_to_install, program_of
from bench.peers.peer import HOST, Peer, PeerAccount, Place

ANSWER_SECONDS = 1.0

ENDING_SECONDS = 0.5
"""Its connections end a little before a process does."""

LAST_WORDS = 5
"""So many lines of its log are shown if it does not start, or ends."""


class PeerProcess:
    """One peer's process, which can be killed and started again.

    Args:
        peer: which one.
        program: the path of its program.
        folder: where everything about it goes.
        cpus: the cores that it may use; empty for all.
    """

    def __init__(self, peer: Peer, program: str, folder: Path, cpus: frozenset[int]) -> None:
        self._peer = peer
        self._program = program
        self._cpus = cpus
        self.place = Place(folder, free_port())
        self._log = folder / "output.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: Watcher | None = None

    def prepare(self, accounts: Sequence[PeerAccount]) -> None:
        """Write its configuration and its accounts."""
        self.place.data.mkdir()
        self._peer.prepare(self.place, accounts)

    def start(self, accounts: Sequence[PeerAccount]) -> Node:
        """Start it and wait until devices can connect.

        Raises:
            BenchError: it did not start, the text has its last words; or somebody else has its port.
        """
        if is_ready(self.place.port, b""):
            raise BenchError(
                f"{self._peer.name} cannot listen on {HOST}:{self.place.port}: somebody else does"
            )
        folder = str(self.place.folder)
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": folder, "LANG": "C.UTF-8"}
        with pinned_to(self._cpus), self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._peer.command(self.place, self._program),
                cwd=folder,
                env={**environment, **self._peer.environment(self.place)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._watcher = Watcher(self._process.pid, self.place.folder)
        self._wait_until_ready(self._process)
        return Node(
            HOST,
            self.place.port,
            b"",
            accounts,
            processes=[
                Process(f"worker {number}", pid) for number, pid in enumerate(family(self._process.pid))
            ],
            data=self.place.data,
            spawned=self,
            crews=self._peer.crews,
            name=self._peer.name,
            save=functools.partial(self._peer.save, self.place, self._process.pid),
        )

    def stop(self) -> None:
        """Ask it to stop, and see that nothing of it is left."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass  # it has had its time
        self.kill()

    def unexpected_end(self) -> str | None:
        """How it has ended though nobody had asked it to; None if it runs."""
        assert self._process is not None
        try:
            status = self._process.wait(ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            return None
        how = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
        return f"{self._peer.name} ended in the middle of it ({how}): {self._last_words()}"

    def kill(self) -> None:
        """End it and what it has started, as a power failure would."""
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)  # it leads a group of its own
        except ProcessLookupError:
            pass  # all are gone
        self._process.wait()
        if self._watcher is not None:
            self._watcher.dismiss()
            self._watcher = None

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not is_ready(self.place.port, self._peer.hello):
            if process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise BenchError(f"{self._peer.name} did not start: {self._last_words()}")
            time.sleep(0.02)

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return " / ".join(lines[-LAST_WORDS:]) if lines else "it said nothing"


@contextmanager
def running_peer(
    peer: Peer, accounts: int, *, cpus: frozenset[int] = frozenset(), folder: Path | None = None
) -> Iterator[Node]:
    """A peer that knows so many accounts, for the length of a block.

    Args:
        peer: which one.
        accounts: how many are made before it starts.
        cpus: the cores that it may use; empty for all.
        folder: where its temporary folder is made; None for the system's.

    Raises:
        PeerMissingError: it is not installed.
        BenchError: it did not start, or ended before it was to.
    """
    program = program_of(peer)
    if program is None:
        raise PeerMissingError(f"{peer.name} is not installed: {how_to_install(peer)}")
    known = [PeerAccount(f"u{number:06d}", f"p{number:06d}") for number in range(accounts)]
    with temporary_folder(folder) as place:
        process = PeerProcess(peer, program, place, cpus)
        process.prepare(known)
        try:
            node = process.start(known)
            try:
                yield node
            except BenchError as error:
                how = process.unexpected_end()
                raise BenchError(how or str(error)) from error
        finally:
            process.stop()


def free_port() -> int:
    """A port of HOST that nobody listens on; the kernel will not offer it again soon."""
    with socket.socket() as unused:
        unused.bind((HOST, 0))
        port: int = unused.getsockname()[1]
        return port


def is_ready(port: int, hello: bytes) -> bool:
    """Whether somebody there accepts connections and answers what is said first, if anything is.

    A server may listen for seconds before it serves: ejabberd does.
    """
    with socket.socket() as tried:
        tried.settimeout(ANSWER_SECONDS)
        try:
            tried.connect((HOST, port))
            tried.sendall(hello)
            return not hello or bool(tried.recv(1))
        except OSError:
            return False


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for each in found:  # which grows meanwhile
        for children in (PROC / str(each) / "task").glob("*/children"):
            try:
                found += map(int, children.read_text().split())
            except OSError:
                continue  # the thread has just ended
    return found
