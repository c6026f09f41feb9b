"""D1 to D6 and D8 at once: phones write to one another at random while everything breaks at random.

A run is drawn from one seed: who writes to whom and when, what breaks and when. Then everything heals, and
the checker compares what was written with what each side has. Real relay, real phones, real stores, on a
simulated network and the virtual clock; `python -m tests.guarantees.test_random_histories FIRST LAST` runs
more seeds than the suite does, and names those that fail.

The parts know nothing of one another: `write_at_random`, `break_at_random` and `check` share the `Town`.
"""

import logging
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import pytest
import trio
from trio._core import _run as trio_run
from trio.testing import MockClock

from actors.network import Network
from actors.ports import Entropy
from client.events import Event, MessageReceived, TickChanged
from client.phone import Phone, open_phone
from client.records import EntryKind, HistoryEntry, MessageState
from client.registration import Applicant, open_application
from client.relay_url import RelayUrl
from client.store import Store
from protocol import DeviceAddress, UserId
from relay.config import HostPort
from relay.journal import RelayJournal
from relay.mailbox_handle import MailboxHandle, name_of
from storage import Environment, Op
from storage.mailboxes import MESSAGE_CODEC
from storage.tables import QUEUE, Put
from tests.helpers.late_journal import LateJournal, late_journal
from tests.helpers.relay_node import TEST_CONFIG, RunningNode, open_running_node
from tests.helpers.sim_network import SimNetwork, open_sim_network

PORT = 5252
NUMBERS = ("+491713920001", "+491713920002", "+491713920003")
CONFIG = replace(
    TEST_CONFIG,
    listen=HostPort("127.0.0.1", PORT),
    keepalive_seconds=4,
    window_messages=5,
    mailbox_idle_seconds=2,
)

SECONDS_OF_HARM = 20.0
SECONDS_TO_HEAL = 300  # of the virtual clock; back-off and keepalive need up to a minute of them
MESSAGES = 30
FAULTS = 12
TICKED = (MessageState.ACCEPTED, MessageState.DELIVERED, MessageState.READ)


class Clock:
    """The wall clock of a run: trio's, on a fixed day."""

    def now(self) -> float:
        return 1_795_348_800.0 + trio.current_time()


@dataclass
class Resident:
    """One person: a home, the phone while it is open, and what was done with it."""

    number: str
    home: Path
    user: UserId
    phone: Phone | None = None
    written: list[tuple[str, str, str]] = field(default_factory=list)  # (message id, to, text), in order
    shown: list[tuple[str | None, str | None]] = field(default_factory=list)  # (from, text), as events said
    restart: trio.CancelScope = field(default_factory=trio.CancelScope)


class Town:
    """A node that can be killed, and people."""

    def __init__(self, network: SimNetwork, folder: Path, random: Random) -> None:
        self.network = network
        self.folder = folder
        self.random = random
        self.entropy: Entropy = random.randbytes
        self.clock = Clock()
        self.residents: dict[str, Resident] = {}
        self.running: RunningNode | None = None
        self.journal: LateJournal | None = None
        self.problems: list[str] = []
        self.began = 0.0
        self.log: list[str] = []
        self.faults = FAULTS_BY_NAME
        self.stored: Counter[tuple[UserId, UserId]] = Counter()  # {(writer, reader): messages ever on disk}
        self._seen: set[tuple[bytes, DeviceAddress, int]] = set()  # (whose queue, from whom, number)
        self._node_scope = trio.CancelScope()

    def lives(self) -> list[RunningNode]:
        """The workers that are running."""
        return [self.running] if self.running is not None else []

    def journals(self) -> list[LateJournal]:
        """Their disks."""
        return [self.journal] if self.journal is not None else []

    def note(self, what: str) -> None:
        self.log.append(f"{trio.current_time() - self.began:8.3f} {what}")

    # ---- the node ----

    async def run_node(self) -> None:
        """Keep a node running on the same store; each time it is killed, start it again a little later."""
        while True:
            with trio.CancelScope() as self._node_scope:
                async with open_running_node(
                    self.folder / "relay",
                    self.network,
                    config=CONFIG,
                    entropy=self.entropy,
                    clock=self.clock,
                    make_journal=self._make_journal,
                ) as self.running:
                    self.note("node is up")
                    await trio.sleep_forever()
            self.running = None
            await trio.sleep(self.random.uniform(0, 2))

    def _make_journal(self, environment: Environment) -> RelayJournal:
        journal, self.journal = late_journal(environment, self.network)
        self.journal.on_commit = self.look_at_disk
        self.journal.commit_seconds = self.random.choice((0.0, 0.001, 0.05))
        self.journal.report_seconds = self.random.choice((0.0, 0.001, 0.05))
        return journal

    def look_at_disk(self, ops: Sequence[Op]) -> None:
        """D4 as the relay has to keep it, whatever phones make of repetitions: a message is stored once."""
        for op in ops:
            if isinstance(op, Put) and op.table == QUEUE:
                message = MESSAGE_CODEC.unpack(op.key, op.value)
                owner = op.key[:-8]  # the key without its seq
                once = (owner, message.sender, message.number)
                if once in self._seen:
                    self.problems.append(f"number {message.number} of {message.sender} was stored twice")
                self._seen.add(once)
                self.stored[message.sender.user, UserId(int.from_bytes(owner[:8]))] += 1

    def kill_node(self) -> None:
        """As SIGKILL: nobody is told anything, and what was not committed is gone."""
        if self.running is not None and self.journal is not None:
            self.journal.lose_what_is_gathered()
            self.network.cut_all()
            self._node_scope.cancel()

    # ---- people ----

    def network_of(self, _resident: Resident) -> Network:
        """What a phone connects through."""
        return self.network

    async def register(self, number: str) -> None:
        """Give a number a home."""
        assert self.running is not None
        home = self.folder / number[-4:]
        relay = RelayUrl("127.0.0.1", PORT, self.running.worker.static.public)
        async with open_application(
            home, Applicant(relay, number), network=self.network, entropy=self.entropy, clock=self.clock
        ) as application:
            await application.request_code()
            account = await application.register(self.running.codes.codes[number])
        self.residents[number] = Resident(number, home, account.user)

    async def live(self, resident: Resident) -> None:
        """Be somebody whose phone is on, but for the moments in which it is restarted."""
        while True:
            with trio.CancelScope() as resident.restart:
                async with open_phone(
                    resident.home, network=self.network_of(resident), entropy=self.entropy, clock=self.clock
                ) as resident.phone:
                    try:
                        with resident.phone.events.subscribe() as events:
                            while True:
                                self._look_at(resident, await events.next())
                    finally:
                        resident.phone = None  # its store is about to be closed
            await trio.sleep(self.random.uniform(0, 1))

    def _look_at(self, resident: Resident, event: Event) -> None:
        match event:
            case MessageReceived(phone=phone, text=text):
                resident.shown.append((phone, text))
                if resident.phone is not None and self.random.random() < 0.5:
                    resident.phone.mark_seen()
            case TickChanged(message_id=message_id, state=state):
                problem = find_false_tick(self, resident, message_id, state)
                if problem:
                    self.problems.append(problem)
            case _:
                pass


# ---- workload ----


async def write_at_random(town: Town) -> None:
    """Everybody writes to everybody, alone and in bursts, whether the phone is on or not."""
    random = town.random
    left = MESSAGES
    while left:
        await trio.sleep(random.expovariate(MESSAGES / SECONDS_OF_HARM / 3))
        writer, reader = random.sample(list(town.residents.values()), 2)
        for _ in range(min(left, random.choice((1, 1, 2, 8)))):
            write(town, writer, reader.number)
            left -= 1


def write(town: Town, writer: Resident, to: str) -> None:
    text = f"{writer.number[-1]} to {to[-1]}, {len(writer.written)}"
    if writer.phone is not None:
        message_id = writer.phone.send_text(to, text)
    else:  # as another process does
        with Store.open(writer.home, town.entropy, town.clock) as store:
            message_id = store.queue_text(to, text)
    town.note(f"written: {text}")
    writer.written.append((message_id, to, text))


# ---- faults ----


async def break_at_random(town: Town) -> None:
    """Break something every now and then."""
    faults = list(town.faults)
    kinds = town.random.sample(faults, town.random.randint(1, len(faults)))  # a few of many, or many of a few
    for _ in range(FAULTS):
        await trio.sleep(town.random.expovariate(FAULTS / SECONDS_OF_HARM))
        name = town.random.choice(kinds)
        town.note(name)
        town.faults[name](town)


def cut_a_link(town: Town) -> None:
    if town.network.links:
        town.network.cut(town.random.choice(town.network.links))


def silence_a_link(town: Town) -> None:
    links = [link for link in town.network.links if not link.is_local]  # processes are never so far apart
    if links:
        town.network.silence(town.random.choice(links))


def crash_a_mailbox(town: Town) -> None:
    crash_mailbox_of(town, town.random.choice(list(town.residents.values())))


def crash_mailbox_of(town: Town, resident: Resident) -> None:
    for running in town.lives():
        ref = running.worker.system.whereis(name_of(resident.user))
        if ref is not None:
            MailboxHandle(ref).crash()


def kill_a_connection(town: Town) -> None:
    """Not one that still shakes hands: it has no actor yet."""
    connections = [each for running in town.lives() for each in running.worker.presence.connections()]
    owners = [each.owner for each in connections if each.owner is not None]
    if owners:
        town.random.choice(owners).kill()


def kill_the_node(town: Town) -> None:
    town.kill_node()


def restart_a_phone(town: Town) -> None:
    resident = town.random.choice(list(town.residents.values()))
    if town.random.random() < 0.5:
        town.network.cut_all()  # it cannot say goodbye
    resident.restart.cancel()


def change_the_disk(town: Town) -> None:
    for journal in town.journals():
        journal.commit_seconds = town.random.choice((0.0, 0.01, 0.3))
        journal.report_seconds = town.random.choice((0.0, 0.01, 0.3))


def fill_the_disk(town: Town) -> None:
    """Until the next look at it; what is refused meanwhile fails, and says so."""
    for journal in town.journals():
        journal.is_full = not journal.is_full


def crash_a_mailbox_in_a_burst(town: Town) -> None:
    """Again and again while messages come in, so that it dies with some in its hands."""
    writer, reader = town.random.sample(list(town.residents.values()), 2)
    for step in range(6):
        town.network.courier.post(step * 0.001, lambda: write(town, writer, reader.number))
        town.network.courier.post(step * 0.001, lambda: crash_mailbox_of(town, reader))


def change_the_network(town: Town) -> None:
    town.network.latency = town.random.choice((0.0, 0.01, 0.2))
    town.network.segment_bytes = town.random.choice((16_384, 100, 7))


FAULTS_BY_NAME: dict[str, Callable[[Town], None]] = {
    fault.__name__.replace("_", " "): fault
    for fault in (
        cut_a_link,
        silence_a_link,
        crash_a_mailbox,
        kill_a_connection,
        kill_the_node,
        restart_a_phone,
        change_the_disk,
        fill_the_disk,
        crash_a_mailbox_in_a_burst,
        change_the_network,
    )
}


async def heal(town: Town) -> None:
    """No more faults: wait until every message is with its reader and its writer knows."""
    town.note("healing")
    town.network.latency = town.network.local_latency = 0.0
    town.network.segment_bytes = 16_384
    for journal in town.journals():
        journal.is_full = False
    for _ in range(SECONDS_TO_HEAL):
        if not unsettled(town):
            break
        await trio.sleep(1)
    town.note("healed")


# ---- checker ----


def unsettled(town: Town) -> list[str]:
    """The messages whose writers do not know yet that they have arrived."""
    residents = town.residents.values()
    if any(resident.phone is None for resident in residents):
        return ["somebody's phone is off"]
    entries = [
        (_entry(writer, message_id), text) for writer in residents for message_id, _, text in writer.written
    ]
    return [
        f"{text} has not arrived: {entry}"
        for entry, text in entries
        if entry is None or entry.state in (MessageState.PENDING, MessageState.ACCEPTED)
    ]


def find_false_tick(town: Town, writer: Resident, message_id: str, state: MessageState) -> str | None:
    """D1 and D5, looked at the moment a tick comes.

    A ✓ for what is on no disk, a ✓✓ for what no device has, a blue one for what nobody saw.
    """
    to, text = next(((to, text) for id_, to, text in writer.written if id_ == message_id), ("", ""))
    if to and state is MessageState.ACCEPTED:
        return find_false_accepted(town, writer, to)
    if not to or state not in (MessageState.DELIVERED, MessageState.READ):
        return None
    reader = town.residents[to]
    with Store.open(reader.home, town.entropy, town.clock) as store:
        entry = next((entry for entry in store.history(writer.number) if entry.text == text), None)
    if entry is None:
        return f"{state.name} is false: {text!r} is not there"
    if state is MessageState.READ and entry.state is not MessageState.SEEN:
        return f"READ is false: {text!r} was not seen"
    return None


def find_false_accepted(town: Town, writer: Resident, to: str) -> str | None:
    """Whether a writer has more ✓ than its reader's mailbox has ever had messages of it."""
    assert writer.phone is not None
    entries = [writer.phone.entry(message_id) for message_id, other, _ in writer.written if other == to]
    ticked = sum(entry is not None and entry.state in TICKED for entry in entries)
    stored = town.stored[writer.user, town.residents[to].user]
    return f"ACCEPTED is false: {ticked} to {to} are ticked, {stored} on disk" if ticked > stored else None


def check(town: Town) -> list[str]:
    """Compare what was written with what each side has, once all is quiet: what is wrong, in words."""
    problems = [*town.problems, *unsettled(town)]
    for writer in town.residents.values():
        for reader in town.residents.values():
            if writer is not reader:
                problems += check_chat(writer, reader)
    return problems


def check_chat(writer: Resident, reader: Resident) -> list[str]:
    """D3 and D4 for one writer and one reader: everything once, in order, and shown as it was stored."""
    written = [
        text
        for message_id, to, text in writer.written
        if to == reader.number
        and (entry := _entry(writer, message_id))
        and entry.state != MessageState.FAILED
    ]
    assert reader.phone is not None
    entries = [entry for entry in reader.phone.history(writer.number) if not entry.outgoing]
    problems = [f"{reader.number} cannot read: {e}" for e in entries if e.kind is not EntryKind.TEXT]
    got = [entry.text for entry in entries if entry.kind is EntryKind.TEXT]
    if got != written:
        problems.append(f"{writer.number} wrote {written}, {reader.number} has {got}")
    shown = [text for phone, text in reader.shown if phone == writer.number]
    if len(shown) != len(set(shown)):
        problems.append(f"{reader.number} was shown something twice: {shown}")
    return problems


def _entry(resident: Resident, message_id: str) -> HistoryEntry | None:
    assert resident.phone is not None
    return resident.phone.entry(message_id)


# ---- a run ----


@asynccontextmanager
async def open_town(folder: Path, seed: int) -> AsyncIterator[Town]:
    """A node and three people who have met nobody yet."""
    async with open_sim_network() as network, trio.open_nursery() as nursery:
        town = Town(network, folder, Random(seed))
        town.began = trio.current_time()
        nursery.start_soon(town.run_node)
        await trio.testing.wait_all_tasks_blocked(0.01)
        for number in NUMBERS:
            await town.register(number)
        for resident in town.residents.values():
            nursery.start_soon(town.live, resident)
        yield town
        nursery.cancel_scope.cancel()


OpenTown = Callable[[Path, int], AbstractAsyncContextManager[Town]]


async def run_history(open_town: OpenTown, folder: Path, seed: int) -> tuple[list[str], list[str]]:
    """One history; returns what is wrong, and what happened."""
    trio_run._r.seed(seed)
    async with open_town(folder, seed) as town:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(write_at_random, town)
            nursery.start_soon(break_at_random, town)
        await heal(town)
        return check(town), town.log


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))  # tests/simulation/ has two hundred of the same kind
async def test_whatever_breaks_nothing_is_lost_doubled_reordered_or_falsely_ticked(
    autojump_clock: MockClock, tmp_path: Path, caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    caplog.set_level(logging.CRITICAL, logger="roost")  # what is reported here was broken on purpose
    problems, log = await run_history(open_town, tmp_path, seed)
    assert not problems, "\n".join([f"seed {seed}", *problems, *log])


def run_seeds(open_town: OpenTown, first: int, last: int) -> int:
    """Run many seeds by hand, `last` excluded; the number of those that failed, at most 1."""
    trio_run._ALLOW_DETERMINISTIC_SCHEDULING = True  # type: ignore[misc]  # as trio's own tests do
    logging.getLogger("roost").setLevel(logging.CRITICAL)
    failed = 0
    for seed in range(first, last):
        with tempfile.TemporaryDirectory() as folder:
            problems, log = trio.run(
                run_history, open_town, Path(folder), seed, clock=MockClock(autojump_threshold=0)
            )
        if problems:
            failed += 1
            print("\n".join([f"seed {seed}", *problems, *log]), flush=True)
    print(f"seeds {first} to {last - 1}: {failed} failed")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(run_seeds(open_town, int(sys.argv[1]), int(sys.argv[2])))
