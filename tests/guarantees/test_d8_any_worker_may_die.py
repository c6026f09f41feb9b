"""D8 with real processes: a worker or the whole node may die by kill -9, and phones go on where they were."""

import json
import os
import signal
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trio

from actors.ports import system_clock, system_entropy
from actors.reactor import open_reactor
from client import (
    Applicant,
    ConnectionChanged,
    Connectivity,
    MessageState,
    Phone,
    open_application,
    open_phone,
    parse_relay_url,
)
from client.code_file import wait_for_code
from protocol.slots import owner_of, slot_of
from tests.helpers.real_node import RealNode, running_node, start_node

WAIT_SECONDS = 40.0

RESTART_SECONDS = 10.0
"""A tenth of it on a quiet machine; docs/operations.md has the figure. Tests run on busy ones."""

NUMBERS = [f"+49171392{number:04}" for number in range(1, 40)]

pytestmark = pytest.mark.slow


@dataclass
class Town:
    """A node in a folder, and the phones that were registered with it."""

    folder: Path
    workers: dict[str, int] = field(default_factory=dict)  # {phone: the worker that owns it}

    @property
    def sms(self) -> str:
        return f"file:{self.folder / 'codes.jsonl'}"

    def home(self, number: str) -> Path:
        return self.folder / number

    async def register(self, node: RealNode, number: str, workers: int) -> None:
        applicant = Applicant(parse_relay_url(node.relay), number)
        async with (
            open_reactor() as network,
            open_application(
                self.home(number), applicant, network=network, entropy=system_entropy, clock=system_clock
            ) as application,
        ):
            await application.request_code()
            code = await wait_for_code(self.folder / "codes.jsonl", number, 0)
            account = await application.register(code)
        self.workers[number] = owner_of(slot_of(account.user), workers)

    async def populate(self, node: RealNode, each: int) -> list[list[str]]:
        """Register phones until each of two workers owns so many; returns them by worker."""
        for number in NUMBERS:
            await self.register(node, number, workers=2)
            owned = [[phone for phone, worker in self.workers.items() if worker == who] for who in (0, 1)]
            if all(len(phones) >= each for phones in owned):
                return owned
        raise AssertionError(f"so lopsided a draw is a bug: {self.workers}")


@asynccontextmanager
async def online(town: Town, numbers: Iterable[str]) -> AsyncIterator[list[Phone]]:
    """Phones that are connected."""
    async with open_all([town.home(number) for number in numbers]) as phones:
        with trio.fail_after(WAIT_SECONDS):
            for phone in phones:
                await phone.wait_online()
        yield phones


@asynccontextmanager
async def open_all(homes: list[Path]) -> AsyncIterator[list[Phone]]:
    if not homes:
        yield []
        return
    async with open_phone(homes[0]) as first, open_all(homes[1:]) as others:
        yield [first, *others]


async def delivered(phone: Phone, messages: list[str]) -> None:
    with trio.fail_after(WAIT_SECONDS):
        for message in messages:
            await phone.wait_for(message, MessageState.DELIVERED)


def texts(phone: Phone, sender: str) -> list[str]:
    """What a phone shows of one sender, in order."""
    return [str(entry.text) for entry in phone.history() if not entry.outgoing and entry.phone == sender]


async def test_a_killed_worker_is_back_and_nothing_is_lost_while_the_other_s_phones_notice_nothing(
    tmp_path: Path,
) -> None:
    town = Town(tmp_path)
    with running_node(tmp_path / "node", sms=town.sms, workers=2) as node:
        doomed, spared = await town.populate(node, each=2)
        numbers = [*doomed[:2], *spared[:2]]
        async with online(town, numbers) as (a, b, c, d):
            talks = [(a, numbers[2], c), (c, numbers[0], a), (b, numbers[0], a), (d, numbers[2], c)]
            sent: list[list[str]] = [[] for _ in talks]
            changes: list[ConnectionChanged] = []
            with c.events.watch(changes.append), d.events.watch(changes.append):
                await talk(talks, sent, rounds=10)
                killed = node.workers[0]
                os.kill(killed, signal.SIGKILL)
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(talk, talks, sent, 30)
                    seconds = await trio.to_thread.run_sync(node.wait_until_restarted, 0, killed)
                await talk(talks, sent, rounds=10)
                for (sender, _, _), messages in zip(talks, sent, strict=True):
                    await delivered(sender, messages)
            expected = [f"message {number}" for number in range(50)]
            for sender, _, receiver in talks:
                number = numbers[[a, b, c, d].index(sender)]
                assert texts(receiver, number) == expected
        assert changes == []
        assert seconds < RESTART_SECONDS
        assert [node.worker(number)["restarts"] for number in (0, 1)] == [1, 0]


async def talk(talks: list[tuple[Phone, str, Phone]], sent: list[list[str]], rounds: int) -> None:
    """Everybody says something, a few times, at a person's pace on a fast day."""
    for _ in range(rounds):
        for (sender, to, _), messages in zip(talks, sent, strict=True):
            messages.append(sender.send_text(to, f"message {len(messages)}"))
        await trio.sleep(0.02)  # real processes: they need real time


async def test_a_killed_parent_takes_its_workers_along_and_the_next_start_works_at_once(
    tmp_path: Path,
) -> None:
    town = Town(tmp_path)
    node = start_node(tmp_path / "node", sms=town.sms, workers=2)
    doomed, spared = await town.populate(node, each=1)
    ann, ben = doomed[0], spared[0]
    async with online(town, [ann, ben]) as (phone, other):
        sent: list[list[str]] = [[]]
        await talk([(phone, ben, other)], sent, rounds=10)
        node.kill()
        with running_node(tmp_path / "node", sms=town.sms, workers=2, listen=node.place):
            await talk([(phone, ben, other)], sent, rounds=10)
            await delivered(phone, sent[0])
        assert texts(other, ann) == [f"message {number}" for number in range(20)]


async def test_with_more_workers_and_with_fewer_what_waits_is_kept(tmp_path: Path) -> None:
    town = Town(tmp_path)
    ann, ben = NUMBERS[:2]
    sent: list[str] = []
    place = "127.0.0.1:0"
    for workers in (1, 3, 2):
        with running_node(tmp_path / "node", sms=town.sms, workers=workers, listen=place) as node:
            place = node.place
            if not town.workers:
                await town.register(node, ann, workers)
                await town.register(node, ben, workers)
            async with online(town, [ann]) as (phone,):
                sent += [phone.send_text(ben, f"message {len(sent) + number}") for number in range(5)]
                with trio.fail_after(WAIT_SECONDS):
                    await phone.wait_for(sent[-1], MessageState.ACCEPTED)
            assert node.ask("/status")["queued_messages"] == len(sent)
    with running_node(tmp_path / "node", sms=town.sms, workers=4, listen=place):
        async with online(town, [ann, ben]) as (phone, other):
            await delivered(phone, sent)
            assert texts(other, ann) == [f"message {number}" for number in range(15)]


async def test_a_node_that_drains_says_goodbye_to_the_phones_of_all_workers(tmp_path: Path) -> None:
    town = Town(tmp_path)
    with running_node(tmp_path / "node", sms=town.sms, workers=2) as node:
        doomed, spared = await town.populate(node, each=1)
        async with online(town, [doomed[0], spared[0]]) as phones:
            changes: list[list[ConnectionChanged]] = [[], []]
            with phones[0].events.watch(changes[0].append), phones[1].events.watch(changes[1].append):
                node.process.send_signal(signal.SIGTERM)
                with trio.fail_after(WAIT_SECONDS):
                    assert await trio.to_thread.run_sync(node.process.wait) == 0
            for seen in changes:  # the first that each saw: it has tried again since, and found nobody
                goodbyes = [change for change in seen if change.connectivity is Connectivity.WAITING]
                assert goodbyes[0].reason == "restarting"
    events = [json.loads(line) for line in node.output.read_text().splitlines() if line.startswith("{")]
    assert [event["worker"] for event in events if event["event"] == "worker_stopped"] in ([0, 1], [1, 0])
