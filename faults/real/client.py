"""A process with several phones: `python -m faults.real.client ORDERS.json`.

Its standard input is its leash: it is told there what to do, a word a line (orders.py), and ends when it is
closed. What it has done and seen is in its ledger, and nowhere else. Killed at any moment, it goes on from
the homes and the ledger when it is started again.
"""

import logging
import os
import sqlite3
import sys
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Sequence
from contextlib import aclosing
from pathlib import Path

import trio

from actors.network import Network
from actors.reactor import open_reactor
from client import database
from client.relay_url import parse_relay_url
from faults.real.commits import passages
from faults.real.handset import Handset
from faults.real.joining import RETRY_SECONDS, link, register
from faults.real.ledger import Ledger, read_ledger
from faults.real.memory import Memory, remember
from faults.real.orders import Orders, Role, Word
from faults.substitution import substituted

POLL_SECONDS = 0.1  # of one's own phones, each with conditions of its own
COMPANION = "c"
"""What the name of a companion has behind the person's."""
HEARD_BYTES = 4_096


class Client:
    """The phones of a process, and what they are to do.

    Args:
        orders: who they are.
        ledger: what they write in.
        network: where links come from.
        say: tells the crowd.
    """

    def __init__(self, orders: Orders, ledger: Ledger, network: Network, say: Callable[[Word], None]) -> None:
        self._orders = orders
        self._ledger = ledger
        self._network = network
        self._say = say
        self._memories = remember(read_ledger(ledger.path))
        self._relay = parse_relay_url(orders.relay)
        self._handsets: list[Handset] = []
        self._living = trio.Event()
        self._joined = trio.Event()
        self._word = Word.QUIET

    async def run(self, words: AsyncIterable[Word]) -> None:
        """Do what is said, until nothing more will be."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._join, nursery)
            async for word in words:
                self._obey(word, nursery)
            nursery.cancel_scope.cancel()

    def _obey(self, word: Word, nursery: trio.Nursery) -> None:
        self._word = word
        for handset in self._handsets:
            handset.is_writing = word is Word.WRITE
        if word is Word.QUIET:
            nursery.start_soon(self._settle)
        elif word is Word.SHOW:
            nursery.start_soon(self._show)

    # ---- the beginning ----

    async def _join(self, nursery: trio.Nursery) -> None:
        for role in self._orders.roles:
            await self._bring_in(role)
        for handset in self._handsets:
            nursery.start_soon(handset.live)
        self._living.set()
        while not all(handset.is_online for handset in self._handsets):  # noqa: ASYNC110
            await trio.sleep(POLL_SECONDS)
        self._say(Word.JOINED)
        self._joined.set()
        await self._make_groups()

    async def _bring_in(self, role: Role) -> None:
        home, sms = Path(self._orders.folder) / role.person, Path(self._orders.sms)
        await register(home, role.number, self._relay, sms, self._network)
        self._add(role.person, role, home)
        if role.has_companion:
            name = role.person + COMPANION
            await link(home.with_name(name), name, home, self._relay, self._network)
            self._add(name, role, home.with_name(name))

    def _add(self, who: str, role: Role, home: Path) -> None:
        memory = self._memories.get(who, Memory())
        handset = Handset(who, role, self._orders, home, self._network, self._ledger, memory)
        handset.is_writing = self._word is Word.WRITE
        self._handsets.append(handset)

    async def _make_groups(self) -> None:
        while self._word is not Word.WRITE:  # noqa: ASYNC110 - not before everybody is there
            await trio.sleep(POLL_SECONDS)
        while not all([await each.make_groups() for each in self._handsets]):  # noqa: ASYNC110
            await trio.sleep(RETRY_SECONDS)

    # ---- the end ----

    async def _settle(self) -> None:
        await self._joined.wait()
        while not all(handset.has_settled for handset in self._handsets):
            if self._word is not Word.QUIET:
                return
            await trio.sleep(POLL_SECONDS)
        for handset in self._handsets:
            handset.note_settled()
        self._say(Word.SETTLED)

    async def _show(self) -> None:
        await self._living.wait()
        for handset in self._handsets:
            await handset.show()
        self._say(Word.SHOWN)


def say(word: Word) -> None:
    """Tell the crowd."""
    print(word.value, flush=True)


async def words_of(descriptor: int) -> AsyncGenerator[Word, None]:
    """What is said on a descriptor, until it is closed."""
    async with trio.lowlevel.FdStream(os.dup(descriptor)) as stream:
        begun = b""
        while heard := await stream.receive_some(HEARD_BYTES):
            *lines, begun = (begun + heard).split(b"\n")
            for line in lines:
                yield Word(line.decode())


async def serve(orders: Orders) -> None:
    """Be a client until standard input is closed."""
    ledger = Ledger(Path(orders.ledger))
    with substituted(database, "_configure", _configure_for_kills), passages(Path(orders.traps)):
        async with open_reactor() as network, aclosing(words_of(sys.stdin.fileno())) as words:
            await Client(orders, ledger, network, say).run(words)


_configure = database._configure


def _configure_for_kills(connection: sqlite3.Connection) -> None:
    """As the product has it, but for the fsync of each commit: what was given to the kernel outlives SIGKILL.

    Nothing here takes the phones' power. The disk that a run is about is the node's, which would otherwise
    wait for that of twenty phones.
    """
    _configure(connection)
    connection.execute("PRAGMA synchronous = OFF").fetchall()


def main(argv: Sequence[str] | None = None) -> int:
    """Run a client; the exit status."""
    words = sys.argv[1:] if argv is None else argv
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    trio.run(serve, Orders.load(Path(words[0])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
