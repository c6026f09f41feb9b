"""A relay node as a real process, for the few tests that are about processes."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 30.0
STOP_SECONDS = 10.0


@dataclass(slots=True)
class RealNode:
    """A running `roost serve`."""

    process: subprocess.Popen[bytes]
    relay: str
    admin: str
    output: Path

    def newest_code(self) -> str:
        """The verification code that the node's terminal showed last."""
        codes: list[str] = re.findall(
            r"Verification code for \S+ \(by \w+\): (\d{6})", self.output.read_text()
        )
        return codes[-1]


@contextmanager
def running_node(folder: Path, *, sms: str, listen: str = "127.0.0.1:0") -> Iterator[RealNode]:
    """Start a node, wait until it accepts connections, and stop it by SIGTERM at the end.

    Leaving fails if the node did not stop by itself with status 0, unless somebody has killed it before.
    """
    folder.mkdir(exist_ok=True)
    node = start_node(folder, sms=sms, listen=listen)
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


def start_node(folder: Path, *, sms: str, listen: str = "127.0.0.1:0") -> RealNode:
    """Start a node; the caller ends it."""
    ready, output = folder / "ready.json", folder / "output.txt"
    ready.unlink(missing_ok=True)
    words = ["--listen", listen, "--admin", "127.0.0.1:0", "--data", str(folder / "data")]
    with output.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "roost", "serve", *words, "--sms", sms, "--ready-file", str(ready)],
            stdout=file,
            stderr=file,
        )
    deadline = time.monotonic() + START_SECONDS
    while not ready.exists():
        assert process.poll() is None, output.read_text()
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.02)  # another process: there is no event to wait for
    data = json.loads(ready.read_text())
    assert data["pid"] == process.pid
    return RealNode(process, data["relay"], data["admin"], output)
