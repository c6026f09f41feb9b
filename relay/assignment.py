"""What a worker process is told by its parent: its number, its port, and the settings of the node.

It travels as one line of JSON over the worker's standard input: not in its arguments, which `ps` shows to
everybody, and not in its environment, which its own children would inherit. Settings travel as text under
their names and are read as those of a file are, so that no value can mean one thing here and another there.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from relay import config as settings
from relay.config import Config
from relay.errors import ConfigError, NotAssignedError

PARENT_ONLY = ("admin", "admin_token", "ready_file")
"""Settings that are no business of a worker; a token that it never had it cannot give away."""

MAX_LINE_BYTES = 32 * 1024


@dataclass(frozen=True, slots=True)
class Assignment:
    """One worker's place in its node."""

    number: int
    """From 0."""
    version: str
    """Of the parent: workers of two versions would not understand one another."""
    listen_fds: tuple[int, ...]
    """The listening sockets of all workers, inherited; the parent keeps them while a worker is restarted. A
    process does not know which worker it will be when it is started, so it has them all, and closes the
    others': each has to be able to close its own for good."""
    config: Config

    def encode(self) -> bytes:
        """The line."""
        words = {key: str(getattr(self.config, key)) for key in settings.SETTINGS if key not in PARENT_ONLY}
        table = {
            "number": self.number,
            "version": self.version,
            "listen_fds": self.listen_fds,
            "settings": words,
            "test_hooks": self.config.test_hooks,
        }
        return json.dumps(table).encode() + b"\n"


def decode(line: bytes) -> Assignment:
    """Read the line.

    Raises:
        NotAssignedError: it is none. Nobody but a node starts workers.
        ConfigError: a setting that this version does not know or cannot use.
    """
    try:
        table = json.loads(line)
        number, version = int(table["number"]), str(table["version"])
        listen_fds = tuple(map(int, table["listen_fds"]))
        words, test_hooks = dict(table["settings"]), bool(table["test_hooks"])
    except (ValueError, KeyError, TypeError):
        raise NotAssignedError from None
    values = {key: _read(key, word) for key, word in words.items()}
    return Assignment(number, version, listen_fds, Config(**values, admin=None, test_hooks=test_hooks))


def read_assignment(read: Callable[[int], bytes]) -> Assignment:
    """Read the line from a pipe, and nothing behind it: what follows there is only the parent's end.

    Args:
        read: reads at most so many bytes and waits for at least one; empty at the end.

    Raises:
        NotAssignedError, ConfigError: as `decode`.
    """
    line = bytearray()
    while not line.endswith(b"\n"):
        data = read(MAX_LINE_BYTES)
        line += data
        if not data or len(line) > MAX_LINE_BYTES:
            raise NotAssignedError
    return decode(bytes(line))


def _read(key: str, word: str) -> Any:
    setting = settings.SETTINGS.get(key)
    if setting is None or key in PARENT_ONLY:
        raise ConfigError("the node", key, "this worker has no such setting")
    try:
        return setting.read(word)
    except ValueError as error:
        raise ConfigError("the node", key, str(error)) from None
