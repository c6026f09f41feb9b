"""The crowd of a run: client processes with several phones each, started, killed, stilled and told to stop.

Not here: what they do and note (client.py), what follows from it (checker.py).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import trio

from client.relay_url import RelayUrl
from faults.real.fault import Broken
from faults.real.ledger import Record, read_ledgers
from faults.real.orders import Orders, Role, Word

SOURCE = Path(__file__).parents[2]
CLIENT = "faults.real.client"
JOIN_SECONDS = 120.0
"""For all devices of a crowd to have accounts and be online."""
SHOW_SECONDS = 180.0
"""A phone's history of half an hour is some ten thousand messages, of which each takes some queries."""
STOP_SECONDS = 10.0
GROUP_SIZE = 4
GROUP_EVERY = 4
"""Every so many people one makes a group with the next ones."""
NUMBER = "+49171392{:04}"
"""German numbers that are set aside for films: nobody owns them."""


class Minder(Protocol):
    """Is told what has been started, so that it can be ended if we are killed."""

    def mind_session(self, leader: int) -> None:
        """A process that leads a session of its own has been started."""


class ClientProcess:
    """One client, for all the lives that it has.

    Args:
        orders: what it is.
        folder: where everything about it goes.
        minder: told of each process that is started.
    """

    def __init__(self, orders: Orders, folder: Path, minder: Minder | None = None) -> None:
        self.name = orders.name
        self.orders = orders
        self.folder = folder
        self.ledger = Path(orders.ledger)
        self.log = folder / f"{orders.name}.log"
        self.traps = Path(orders.traps)
        """Where a death can be laid for it (commits.py)."""
        self.process: subprocess.Popen[bytes] | None = None
        self.asked_to_end = True
        """Whether nobody need wonder if it is not running."""
        self._minder = minder
        self._word: Word | None = None
        self._heard = b""
        self._words: list[Word] = []

    @property
    def pid(self) -> int:
        """Its process. Raises Broken if it has never been started."""
        if self.process is None:
            raise Broken(f"{self.name} has not been started")
        return self.process.pid

    @property
    def is_running(self) -> bool:
        """Whether it lives, stopped or not."""
        return self.process is not None and self.process.poll() is None

    @property
    def status(self) -> int | None:
        """How its latest process ended; None: it has not."""
        return None if self.process is None else self.process.poll()

    def start(self) -> None:
        """Start it, for the first time or again; it is told what it was told last."""
        self._close_pipes()  # of the life before
        path = self.folder / f"{self.name}.json"
        self.orders.save(path)
        self._heard = b""
        self._words = []
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", CLIENT, str(path)],
                cwd=SOURCE,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C is the run's business, which then lets it go
            )
        self.asked_to_end = False
        if self._minder is not None:
            self._minder.mind_session(self.process.pid)
        if self._word is not None:
            self.tell(self._word)

    def tell(self, word: Word) -> None:
        """Tell it what to do from now on; one that does not run is told when it does."""
        self._word = word
        if self.is_running:
            assert self.process is not None
            assert self.process.stdin is not None
            try:
                os.write(self.process.stdin.fileno(), word.value.encode() + b"\n")
            except BrokenPipeError:
                pass  # it has just ended

    async def until(self, word: Word) -> None:
        """Wait until it says this; as long as it takes.

        Raises:
            Broken: it ended before; with its last words.
        """
        while word not in self._words:
            assert self.process is not None
            assert self.process.stdout is not None
            descriptor = self.process.stdout.fileno()
            await trio.lowlevel.wait_readable(descriptor)
            heard = os.read(descriptor, 4_096)
            if not heard:
                raise Broken(f"{self.name} ended before it was {word.value}: {self.last_words()}")
            *lines, self._heard = (self._heard + heard).split(b"\n")
            self._words += [Word(line.decode()) for line in lines]
        self._words.remove(word)

    def pause(self) -> None:
        """Stop all of it (SIGSTOP) until `go_on`."""
        if self.is_running:
            os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on (SIGCONT)."""
        if self.is_running:
            os.kill(self.pid, signal.SIGCONT)

    async def kill(self) -> None:
        """End it at once (SIGKILL), stopped or not."""
        self.asked_to_end = True
        if self.is_running:
            os.kill(self.pid, signal.SIGKILL)
            await self.until_ended()
        self._close_pipes()

    async def close(self) -> None:
        """Let it go: it says goodbye and ends, or is killed after `STOP_SECONDS`."""
        self.asked_to_end = True
        if self.process is None or not self.is_running:
            self._close_pipes()
            return
        with trio.CancelScope(shield=True):
            if self.is_running:
                assert self.process.stdin is not None
                self.process.stdin.close()
                self.go_on()
                with trio.move_on_after(STOP_SECONDS):
                    await self.until_ended()
            await self.kill()

    async def until_ended(self) -> None:
        """Wait until it has ended, as long as it takes."""
        if not self.is_running:
            return
        descriptor = os.pidfd_open(self.pid)
        try:
            await trio.lowlevel.wait_readable(descriptor)
        finally:
            os.close(descriptor)
        assert self.process is not None
        self.process.wait()

    def _close_pipes(self) -> None:
        if self.process is not None:
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    pipe.close()

    def last_words(self) -> str:
        """The end of its log."""
        words = self.log.read_text(errors="replace") if self.log.exists() else ""
        return words.strip()[-2_000:] or "none"


class Crowd:
    """All clients of a run. Nobody is there before `start`.

    Args:
        folder: where homes, ledgers and logs go; made if need be.
        key: the relay's.
        sms: the file that is everybody's text messages.
        port_of: the port of 127.0.0.1 that a client, by its name, connects to.
        clients: how many processes.
        phones: how many people are in each.
        seed: what they do is drawn from.
        rate: messages that a device writes in a second.
        companions: how many people of each process have a second device.
        minder: told of each process that is started.
    """

    def __init__(
        self,
        folder: Path,
        key: bytes,
        sms: Path,
        port_of: Callable[[str], int],
        *,
        clients: int = 4,
        phones: int = 4,
        seed: int = 0,
        rate: float = 2.0,
        companions: int = 0,
        minder: Minder | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        people = [f"p{place:02}" for place in range(clients * phones)]
        everybody = {person: NUMBER.format(place + 1) for place, person in enumerate(people)}
        groups = _groups(people)
        self.clients: list[ClientProcess] = []
        for place in range(clients):
            name = f"c{place}"
            own = people[place * phones : (place + 1) * phones]
            orders = Orders(
                name=name,
                folder=str(folder),
                ledger=str(folder / f"{name}.jsonl"),
                traps=str(folder / f"{name}.traps"),
                relay=str(RelayUrl("127.0.0.1", port_of(name), key)),
                sms=str(sms),
                roles=tuple(
                    Role(person, everybody[person], number < companions) for number, person in enumerate(own)
                ),
                everybody=everybody,
                groups=groups,
                seed=seed,
                rate=rate,
            )
            self.clients.append(ClientProcess(orders, folder, minder))

    @property
    def ledgers(self) -> list[Path]:
        """The clients' ledgers."""
        return [client.ledger for client in self.clients]

    def records(self) -> list[Record]:
        """All that the clients have noted so far, by time. Raises DamagedLedgerError."""
        return read_ledgers(self.ledgers)

    async def start(self, seconds: float = JOIN_SECONDS) -> None:
        """Start all clients; returns when everybody has an account and is online, and writes.

        Raises:
            Broken: that took too long, or a client ended.
        """
        for client in self.clients:
            client.start()
        late = await self._until_all(Word.JOINED, seconds)
        if late:
            raise Broken(f"not everybody came online within {seconds:.0f} s: {'; '.join(late.values())}")
        for client in self.clients:
            client.tell(Word.WRITE)

    async def quiet(self, seconds: float) -> list[str]:
        """Have all write no more, let what is on its way come to its end, and have what phones show noted.

        Clients that do not run are left out.

        Returns:
            The clients that had not settled when the time was up.
        """
        for client in self.clients:
            client.tell(Word.QUIET)
        unsettled = await self._until_all(Word.SETTLED, seconds)
        for client in self.clients:
            client.tell(Word.SHOW)
        await self._until_all(Word.SHOWN, SHOW_SECONDS)
        return list(unsettled)

    async def close(self) -> None:
        """Let all clients go, and wait until they have ended."""
        with trio.CancelScope(shield=True):
            async with trio.open_nursery() as nursery:
                for client in self.clients:
                    nursery.start_soon(client.close)

    async def _until_all(self, word: Word, seconds: float) -> dict[str, str]:
        """Wait until all that run have said this; {client: why not} of those who did not in time."""
        running = [client for client in self.clients if client.is_running]
        late = {client.name: f"{client.name} is not {word.value}" for client in running}

        async def wait(client: ClientProcess) -> None:
            try:
                await client.until(word)
            except Broken as broken:
                late[client.name] = str(broken)
            else:
                del late[client.name]

        with trio.move_on_after(seconds):
            async with trio.open_nursery() as nursery:
                for client in running:
                    nursery.start_soon(wait, client)
        return late


def _groups(people: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """{group: members}: of people of different clients, as people stand in the order of their clients."""
    size = min(GROUP_SIZE, len(people))
    step = max(1, len(people) // size)
    return {
        f"g{number}": tuple(people[(number + place * step) % len(people)] for place in range(size))
        for number in range(0, len(people), GROUP_EVERY)
    }
