"""What a client process is told: by a file what it is, by its standard input what it is to do now."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path


class Word(Enum):
    """What the crowd says to a client, and the client to the crowd: a word a line."""

    JOINED = "joined"
    """Client: all its devices have accounts and are online."""
    WRITE = "write"
    """Crowd: everybody is there; write."""
    QUIET = "quiet"
    """Crowd: write no more."""
    SETTLED = "settled"
    """Client: nothing of it is on its way any more, and nothing has come for a while."""
    SHOW = "show"
    """Crowd: write down what your phones show."""
    SHOWN = "shown"
    """Client: that is done."""


@dataclass(frozen=True, slots=True)
class Role:
    """A person of a client, and their devices."""

    person: str
    number: str
    has_companion: bool = False


@dataclass(frozen=True, slots=True)
class Orders:
    """All that a client process needs to know."""

    name: str
    folder: str
    """Where the homes of its phones are."""
    ledger: str
    traps: str
    """The folder where a death may be laid for it."""
    relay: str
    """Where to connect to, with the relay's key: `roost://127.0.0.1:PORT#KEY`; a port of its own."""
    sms: str
    """The file that is everybody's text messages."""
    roles: tuple[Role, ...]
    everybody: Mapping[str, str]
    """{person: number} of all clients."""
    groups: Mapping[str, tuple[str, ...]]
    """{group: its members, the one who makes it first}"""
    seed: int = 0
    rate: float = 2.0
    """Messages that a device writes in a second."""

    def save(self, path: Path) -> None:
        """Write it into a file."""
        path.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def load(cls, path: Path) -> "Orders":
        """Read it from a file."""
        facts = json.loads(path.read_text())
        facts["roles"] = tuple(Role(**each) for each in facts["roles"])
        facts["groups"] = {name: tuple(members) for name, members in facts["groups"].items()}
        return cls(**facts)
