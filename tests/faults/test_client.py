"""faults/real/client.py: real phones at a real relay, in one process and a time that jumps."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from client.relay_url import RelayUrl
from faults.real.checker import check
from faults.real.client import Client, words_of
from faults.real.ledger import Elsewhere, Grouped, Ledger, Life, Looks, Record, Shelf, Wrote, read_ledgers
from faults.real.orders import Orders, Role, Word
from tests.helpers.relay_node import CodeBook, open_running_node
from tests.helpers.sim_network import SimNetwork, open_sim_network

pytestmark = pytest.mark.slow

NUMBERS = {f"p0{place}": f"+49171392000{place}" for place in range(4)}
PATIENCE_SECONDS = 120.0
POLL_SECONDS = 0.05


@dataclass
class Place:
    """A relay, and clients that come and go."""

    folder: Path
    network: SimNetwork
    relay: RelayUrl
    nursery: trio.Nursery
    said: dict[str, list[Word]] = field(default_factory=dict)
    """{client: what it has said}"""
    leashes: dict[str, trio.MemorySendChannel[Word]] = field(default_factory=dict)

    def ledger(self, name: str) -> Path:
        return self.folder / f"{name}.jsonl"

    def records(self) -> list[Record]:
        return read_ledgers(map(self.ledger, self.said))

    def start(self, name: str, *roles: Role, groups: Mapping[str, tuple[str, ...]] | None = None) -> None:
        """A client with these people."""
        ledger = self.ledger(name)
        orders = Orders(
            name=name,
            folder=str(self.folder),
            ledger=str(ledger),
            traps=str(self.folder / "traps"),
            relay=str(self.relay),
            sms=str(self.folder / "sms.jsonl"),
            roles=roles,
            everybody={person: NUMBERS[person] for person in NUMBERS},
            groups=groups or {},
        )
        said = self.said[name] = []
        self.leashes[name], words = trio.open_memory_channel[Word](10)
        client = Client(orders, Ledger(ledger, trio.current_time), self.network, said.append)
        self.nursery.start_soon(client.run, words)

    def tell(self, word: Word) -> None:
        """All clients."""
        for leash in self.leashes.values():
            leash.send_nowait(word)

    async def until(self, word: Word) -> None:
        """All have said it."""
        with trio.fail_after(PATIENCE_SECONDS):
            while not all(word in said for said in self.said.values()):  # noqa: ASYNC110 - virtual time
                await trio.sleep(POLL_SECONDS)

    async def end(self) -> None:
        """All settle, show what they have, and are let go."""
        self.tell(Word.QUIET)
        await self.until(Word.SETTLED)
        self.tell(Word.SHOW)
        await self.until(Word.SHOWN)
        for leash in self.leashes.values():
            leash.close()


@pytest.fixture
async def place(autojump_clock: MockClock, tmp_path: Path) -> AsyncIterator[Place]:
    """A relay whose text messages come into a file."""
    async with _open_place(tmp_path) as place:
        yield place


@asynccontextmanager
async def _open_place(folder: Path) -> AsyncIterator[Place]:
    async with (
        open_sim_network() as network,
        open_running_node(folder / "relay", network) as node,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(_bring_codes, node.codes, folder / "sms.jsonl")
        relay = RelayUrl("127.0.0.1", node.port.port, node.worker.static.public)
        yield Place(folder, network, relay, nursery)
        nursery.cancel_scope.cancel()


async def _bring_codes(codes: CodeBook, path: Path) -> None:
    """As a relay's file gateway does."""
    while True:
        lines = [f'{{"phone": "{phone}", "code": "{code}"}}\n' for phone, code in codes.codes.items()]
        path.write_text("".join(lines))  # noqa: ASYNC240 - a few bytes
        await trio.sleep(POLL_SECONDS)


async def test_people_of_two_clients_write_read_and_come_to_an_end(
    autojump_clock: MockClock, place: Place
) -> None:
    groups = {"g0": ("p00", "p01", "p02", "p03")}
    place.start(
        "c0", Role("p00", NUMBERS["p00"], has_companion=True), Role("p01", NUMBERS["p01"]), groups=groups
    )
    place.start("c1", Role("p02", NUMBERS["p02"]), Role("p03", NUMBERS["p03"]), groups=groups)
    await place.until(Word.JOINED)
    place.tell(Word.WRITE)
    await trio.sleep(6.0)
    await place.end()
    records = place.records()
    findings = check(records)
    assert findings.violations == []
    assert findings.counts["devices"] == 5
    assert findings.counts["accepted"] > 20
    assert findings.counts["read"] == findings.counts["accepted"] == findings.counts["written"]
    assert {type(record) for record in records} >= {Grouped, Looks, Elsewhere}
    assert_harm_is_found(records)


def assert_harm_is_found(records: list[Record]) -> None:
    """What is done to the last shelf of a run in which all held does not go unnoticed."""
    *before, shelf = records
    assert isinstance(shelf, Shelf)
    came_in = [entry for entry in shelf.entries if not entry.is_outgoing and entry.kind == "text"]
    first, last = shelf.entries.index(came_in[0]), shelf.entries.index(came_in[-1])
    missing = (*shelf.entries[:first], *shelf.entries[first + 1 :])
    renamed = (*missing, came_in[0]._replace(text="p00.7.7"))
    doubled = (*shelf.entries, came_in[-1])
    late = (*missing[:last], came_in[0], *missing[last:])
    rules = [
        {violation.rule for violation in check([*before, replace(shelf, entries=entries)]).violations}
        for entries in (missing, renamed, doubled, late)
    ]
    assert [rule in found for rule, found in zip(("D2", "phantom", "D4", "D3"), rules, strict=True)] == [
        True
    ] * 4


async def test_a_later_life_goes_on_with_the_accounts_and_the_messages_of_the_earlier_one(
    autojump_clock: MockClock, place: Place
) -> None:
    roles = [Role(person, NUMBERS[person]) for person in NUMBERS]
    place.start("c0", *roles)
    await place.until(Word.JOINED)
    place.tell(Word.WRITE)
    await trio.sleep(3.0)
    place.leashes["c0"].close()  # in the middle of it
    await trio.sleep(3.0)
    place.start("c0", *roles)
    await place.until(Word.JOINED)
    place.tell(Word.WRITE)
    await trio.sleep(3.0)
    await place.end()
    records = place.records()
    assert check(records).violations == []
    assert [each.life for each in records if isinstance(each, Life) and each.who == "p00"] == [1, 2]
    texts = [each.text for each in records if isinstance(each, Wrote)]
    assert any(".1." in text for text in texts)
    assert any(".2." in text for text in texts)


async def test_words_are_heard_whole_until_the_leash_is_let_go() -> None:
    mine, theirs = os.pipe()

    async def speak() -> None:
        for part in (b"wri", b"te\nquiet\nsh", b"ow\n"):
            os.write(theirs, part)
            await wait_all_tasks_blocked()
        os.close(theirs)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(speak)
        heard = [word async for word in words_of(mine)]
    os.close(mine)
    assert heard == [Word.WRITE, Word.QUIET, Word.SHOW]
