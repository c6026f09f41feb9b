"""A relay node for a benchmark: accounts, a process of its own in a temporary folder, and what it uses.

The node runs on the first core and whoever measures on the others, where there are others: what is measured
must not compete with what measures it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from protocol import DeviceAddress, KeyPair, new_user_id
from storage import InlineJournal, Op, accounts, load_or_create_secrets, open_environment
from storage.accounts import DeviceRecord, UserRecord

START_SECONDS = 20.0

# Accounts made in one commit: each commit waits for the disk.
ACCOUNTS_A_COMMIT = 500


@dataclass(frozen=True, slots=True)
class Account:
    """One device that the store knows."""

    keys: KeyPair
    address: DeviceAddress


@dataclass(frozen=True, slots=True)
class NodeUnderLoad:
    """A running node, and how to get in."""

    port: int
    pid: int
    relay_key: bytes
    accounts: list[Account]

    def cpu_seconds(self) -> float:
        """User and system time so far, its threads included."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_bytes(self, kind: str) -> int:
        """Memory in use: `Rss` counts pages shared with other processes in full, `Pss` by its part."""
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith(f"{kind}:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError(f"the kernel does not say {kind}")


def make_accounts(data: Path, count: int) -> tuple[bytes, list[Account]]:
    """Put `count` accounts into a fresh data folder; returns the relay's public key, and them."""
    found: list[Account] = []
    with open_environment(data) as environment:
        journal = InlineJournal(environment)
        ops: list[Op] = []
        for index in range(count):
            keys = KeyPair.generate(os.urandom)
            device = DeviceRecord(keys.public, b"i" * 32, 1, b"s" * 32, b"g" * 64, 0)
            user = UserRecord(f"+4917139{index:06d}", 0)
            address, _, made = accounts.add_device(new_user_id(os.urandom), user, device)
            ops += made
            found.append(Account(keys, address))
            if len(found) % ACCOUNTS_A_COMMIT == 0 or len(found) == count:
                journal.submit(ops, _must_succeed)
                ops = []
        secrets = load_or_create_secrets(data, os.urandom)
    return KeyPair.from_private_bytes(secrets.static_key).public, found


def _must_succeed(error: Exception | None) -> None:
    if error is not None:
        raise error


@contextmanager
def running_node(count: int, *, pin: bool = True) -> Iterator[NodeUnderLoad]:
    """A node that knows `count` accounts, for the length of a block.

    Raises:
        RuntimeError: it did not start.
    """
    with tempfile.TemporaryDirectory(prefix="roost-bench-") as folder:
        data, ready = Path(folder) / "data", Path(folder) / "ready.json"
        relay_key, found = make_accounts(data, count)
        words = [sys.executable, "-m", "roost", "serve", "--listen", "127.0.0.1:0", "--admin", "off"]
        words += ["--data", str(data), "--ready-file", str(ready)]
        pinned = pin and (os.cpu_count() or 1) > 1
        node = subprocess.Popen(
            ["taskset", "-c", "0", *words] if pinned else words,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        cores = os.sched_getaffinity(0)
        try:
            if pinned:
                os.sched_setaffinity(0, cores - {0} or cores)
            facts = _wait_until_ready(node, ready)
            port = int(facts["relay"].split("#")[0].rpartition(":")[2])
            yield NodeUnderLoad(port, int(facts["pid"]), relay_key, found)
        finally:
            os.sched_setaffinity(0, cores)
            node.terminate()
            node.wait()


def _wait_until_ready(node: subprocess.Popen[bytes], ready: Path) -> dict[str, str]:
    deadline = time.monotonic() + START_SECONDS
    while not ready.exists():
        if node.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("the node did not start")
        time.sleep(0.02)
    facts: dict[str, str] = json.loads(ready.read_text())
    return facts
