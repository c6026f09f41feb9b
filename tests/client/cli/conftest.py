import argparse
import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import trio

from actors.reactor import open_reactor
from client.cli import register
from tests.client.conftest import ANN, BEN
from tests.helpers.scripted_relay import CODE, ScriptedRelay


@dataclass
class Outcome:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The lines of its output, as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Desk:
    """A folder with homes, a relay on a real port, and the commands."""

    relay: ScriptedRelay
    folder: Path
    capsys: pytest.CaptureFixture[str]

    @property
    def code_file(self) -> Path:
        return self.folder / "codes.jsonl"

    def write_code(self, phone: str) -> None:
        with self.code_file.open("a") as file:
            file.write(json.dumps({"phone": phone, "code": CODE, "via": "sms", "at": 0}) + "\n")

    def home(self, name: str) -> str:
        return str(self.folder / name)

    def run(self, command: ModuleType, *words: object) -> Outcome:
        """Run a command as the console script would, in this process."""
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        status = command.run(parser.parse_args([str(word) for word in words]))
        printed = self.capsys.readouterr()
        return Outcome(status, printed.out, printed.err)

    def register(self, name: str, phone: str, *more: object) -> Outcome:
        return self.run(
            register, "--home", self.home(name), "--relay", self.relay.url, "--phone", phone,
            *(more or ("--code", CODE)),
        )  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    """A desk with nobody registered. The relay runs in a thread: the commands bring their own loop."""
    with _relay_in_a_thread() as relay:
        desk = Desk(relay, tmp_path, capsys)
        relay.on_code = desk.write_code
        yield desk


@pytest.fixture
def pair(desk: Desk) -> Desk:
    """A desk with the homes of Ann and Ben."""
    for name, phone in (("ann", ANN), ("ben", BEN)):
        assert desk.register(name, phone).status == 0
    return desk


class _relay_in_a_thread:  # noqa: N801 - used as a function
    def __init__(self) -> None:
        self.relay = ScriptedRelay(os.urandom)
        self._started = threading.Event()
        self._thread = threading.Thread(target=trio.run, args=(self._main,))
        self._stop: Callable[[], None] = lambda: None

    def __enter__(self) -> ScriptedRelay:
        self._thread.start()
        assert self._started.wait(10)
        return self.relay

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._thread.join(10)

    async def _main(self) -> None:
        token = trio.lowlevel.current_trio_token()
        async with open_reactor() as network, trio.open_nursery() as nursery:
            self._stop = lambda: token.run_sync_soon(nursery.cancel_scope.cancel)
            await nursery.start(self.relay.serve, network, "127.0.0.1", 0)
            self._started.set()
