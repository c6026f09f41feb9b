"""A process with several phones: `python -m faults.real.client ORDERS.json`.

Its standard input is its leash: it is told there what to do, a word a line (orders.py), and ends when it is
closed. What it has done and seen is in its ledger, and nowhere else. Killed at any moment, it goes on from
the homes and the ledger when it is started again.
"""

import logging
import os
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import trio

from actors.network import Network
from actors.reactor import open_reactor
from client.relay_url import parse_relay_url
from faults.real.handset import Handset
from faults.real.joining import link, register
from faults.real.ledger import Ledger, read_ledger
from faults.real.memory import Memory, remember
from faults.real.orders import Orders, Role, Word

POLL_SECONDS = 0.1  # of one's own phones, each with conditions of its own
COMPANION = "c"
"""What the name of a companion has behind the person's."""
HEARD_BYTES = 4_096


class Client:
    """The phones of a process, and what they are to do.

    Args:
        orders: who they are.
        ledger: what they write in.
    """

    def __init__(self, orders: Orders, ledger: Ledger) -> None:
        self._orders = orders
        self._ledger = ledger
        self._memories = remember(read_ledger(ledger.path))
        self._relay = parse_relay_url(orders.relay)
        self._handsets: list[Handset] = []
        self._joined = trio.Event()
        self._word = Word.QUIET

    async def run(self) -> None:
        """Be there until the leash is let go."""
        async with open_reactor() as network, trio.open_nursery() as nursery:
            nursery.start_soon(self._join, network, nursery)
            async for word in _words():
                await self._obey(word, nursery)
            nursery.cancel_scope.cancel()

    async def _obey(self, word: Word, nursery: trio.Nursery) -> None:
        self._word = word
        for handset in self._handsets:
            handset.is_writing = word is Word.WRITE
        if word is Word.QUIET:
            nursery.start_soon(self._settle)
        elif word is Word.SHOW:
            nursery.start_soon(self._show)

    # ---- the beginning ----

    async def _join(self, network: Network, nursery: trio.Nursery) -> None:
        for role in self._orders.roles:
            await self._bring_in(role, network)
        for handset in self._handsets:
            nursery.start_soon(handset.live)
        while not all(handset.is_online for handset in self._handsets):  # noqa: ASYNC110
            await trio.sleep(POLL_SECONDS)
        say(Word.JOINED)
        self._joined.set()
        await self._make_groups()

    async def _bring_in(self, role: Role, network: Network) -> None:
        home, sms = Path(self._orders.folder) / role.person, Path(self._orders.sms)
        await register(home, role.number, self._relay, sms, network)
        self._add(role.person, role, home, network)
        if role.has_companion:
            name = role.person + COMPANION
            await link(home.with_name(name), name, home, self._relay, network)
            self._add(name, role, home.with_name(name), network)

    def _add(self, who: str, role: Role, home: Path, network: Network) -> None:
        memory = self._memories.get(who, Memory())
        handset = Handset(who, role, self._orders, home, network, self._ledger, memory)
        handset.is_writing = self._word is Word.WRITE
        self._handsets.append(handset)

    async def _make_groups(self) -> None:
        while self._word is not Word.WRITE:  # noqa: ASYNC110 - not before everybody is there
            await trio.sleep(POLL_SECONDS)
        for handset in self._handsets:
            await handset.make_groups()

    # ---- the end ----

    async def _settle(self) -> None:
        await self._joined.wait()
        while not all(handset.has_settled for handset in self._handsets):
            if self._word is not Word.QUIET:
                return
            await trio.sleep(POLL_SECONDS)
        for handset in self._handsets:
            handset.note_settled()
        say(Word.SETTLED)

    async def _show(self) -> None:
        for handset in self._handsets:
            handset.show()
            await trio.lowlevel.checkpoint()
        say(Word.SHOWN)


def say(word: Word) -> None:
    """Tell the crowd."""
    print(word.value, flush=True)


async def _words() -> AsyncIterator[Word]:
    """What is said on standard input, until it is closed."""
    async with trio.lowlevel.FdStream(os.dup(sys.stdin.fileno())) as stream:
        begun = b""
        while heard := await stream.receive_some(HEARD_BYTES):
            *lines, begun = (begun + heard).split(b"\n")
            for line in lines:
                yield Word(line.decode())


def main(argv: Sequence[str] | None = None) -> int:
    """Run a client; the exit status."""
    words = sys.argv[1:] if argv is None else argv
    orders = Orders.load(Path(words[0]))
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
    ledger = Ledger(Path(orders.ledger))
    trio.run(Client(orders, ledger).run)
    return 0


if __name__ == "__main__":
    sys.exit(main())
