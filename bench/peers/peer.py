"""What the bench has to know of another server to put a scenario's work on it.

One module a peer in this package has an object of this shape named PEER (catalogue.py finds it). Its
configuration stands beside it as a template, its crews speak its protocol.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bench.load.crew import Crew

PARTS = ("pairs", "idle", "login", "storm", "fanout", "writers", "fetchers")
"""The parts that a peer's crews play: `login` and `storm` are the two halves of the scenario login, `writers`
and `fetchers` those of offline; with `absentees`, which not all have, those who will be away have been there
once before. A scenario of which a peer has no crew is not measured with it."""

KEEPALIVE_SECONDS = 120.0
"""Between two pings of a peer's device: the default of a Roost node, so that all do the same."""

HOST = "127.0.0.1"
DOMAIN = "bench.example"

TEMPLATES = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Promises:
    """What a peer promises, in few words: where it is less than a Roost node, the table shows it."""

    durable: str
    """What has happened to a message on the disk when the sender hears that it is accepted."""
    encrypted: str
    """On the way between device and server."""
    receipts: str
    """Who tells the sender that a message has come, and who keeps that for a sender who is away."""
    order: str
    login: str
    """The work of proving who one is."""


@dataclass(frozen=True, slots=True)
class PeerAccount:
    """Somebody with a password."""

    name: str
    password: str

    @property
    def address(self) -> str:
        """`name@bench.example`."""
        return f"{self.name}@{DOMAIN}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a peer is to run."""

    folder: Path
    """For its configuration, logs and sockets; removed afterwards."""
    port: int
    """Where it is to listen, on HOST."""

    @property
    def data(self) -> Path:
        """What it keeps for ever; it is there already, and empty the first time."""
        return self.folder / "data"

    def configure(self, template: str, name: str, **values: object) -> Path:
        """Write a configuration from a template of this package into the folder.

        Args:
            template: the file in bench/peers.
            name: the file in the folder.
            values: for `@NAME@` in it, besides HOST, PORT, FOLDER, DATA and DOMAIN.
        """
        known = {"host": HOST, "port": self.port, "folder": self.folder, "data": self.data, "domain": DOMAIN}
        text = (TEMPLATES / template).read_text(encoding="utf-8")
        for key, value in {**known, **values}.items():
            text = text.replace(f"@{key.upper()}@", str(value))
        file = self.folder / name
        file.write_text(text, encoding="utf-8")
        return file


class Peer(Protocol):
    """Another server."""

    @property
    def name(self) -> str:
        """As `--peer` has it, and `peers.<name>` of the JSON."""

    @property
    def package(self) -> str:
        """The Debian package."""

    @property
    def program(self) -> str:
        """Which has to be on the PATH, or in /usr/sbin."""

    @property
    def hello(self) -> bytes:
        """What a client says first: it is ready when it answers that. Empty: when it accepts a connection."""

    @property
    def promises(self) -> Promises:
        """For the table."""

    @property
    def crews(self) -> Mapping[str, type[Crew]]:
        """{part, one of PARTS: who plays it}."""

    def prepare(self, place: Place, accounts: Sequence[PeerAccount]) -> None:
        """Write configuration and accounts; called once, before the first start."""

    def command(self, place: Place, program: str) -> list[str]:
        """The words that start it in the foreground.

        Args:
            place: where.
            program: the path of `program`.
        """

    def save(self, place: Place, pid: int) -> None:
        """Have everything written to the disk that it has accepted, if it does not do so by itself.

        Args:
            place: where.
            pid: the process that `command` has started.

        Raises:
            BenchError: it takes too long.
        """

    def environment(self, place: Place) -> Mapping[str, str]:
        """What its environment has besides PATH and HOME, which is the folder."""
