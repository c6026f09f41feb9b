"""A peer that is a small Python program, for tests that need none of the real ones."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.load.crew import Crew
from bench.peers.peer import PeerAccount, Place, Promises

PROMISES = Promises("nothing", "no", "nobody", "none", "nothing")

LISTENS = """
import signal, socket, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    accepted, _ = server.accept()
    accepted.sendall(b"welcome")
"""
"""Has a child, and answers everybody."""

FAILS = "import sys; sys.exit('no such luck')"


class FakePeer:
    """Runs `program`; `prepared` has what it was given to prepare."""

    name = "fake"
    package = "fake-server"
    program = "python3"
    hello = b"hello"
    promises = PROMISES
    crews: Mapping[str, type[Crew]] = {}

    def __init__(self, text: str = LISTENS) -> None:
        self.text = text
        self.prepared: list[tuple[Path, int]] = []

    def prepare(self, place: Place, accounts: Sequence[PeerAccount]) -> None:
        self.prepared.append((place.data, len(accounts)))

    def command(self, place: Place, program: str) -> list[str]:
        return [sys.executable, "-c", self.text, str(place.port)]

    def save(self, place: Place, pid: int) -> None:
        """Nothing."""

    def environment(self, place: Place) -> Mapping[str, str]:
        return {}


class MissingPeer(FakePeer):
    """Is not installed anywhere."""

    name = "missing"
    program = "no-such-server-anywhere"
