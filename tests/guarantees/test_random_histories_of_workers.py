"""D1 to D6 and D8 between workers: as test_random_histories, with several workers that die one by one.

Beside all that breaks there, links between workers are cut and late, and single workers are killed and come
back while the others go on. `python -m tests.guarantees.test_random_histories_of_workers FIRST LAST` runs
more seeds.
"""

import logging
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from actors.network import Detached, Link, Listener, Network
from client.registration import Applicant, open_application
from client.relay_url import RelayUrl
from relay.config import HostPort
from relay.journal import RelayJournal
from storage import Environment
from tests.guarantees.test_random_histories import (
    CONFIG,
    FAULTS_BY_NAME,
    NUMBERS,
    PORT,
    Resident,
    Town,
    run_history,
    run_seeds,
    write,
)
from tests.helpers.late_journal import LateJournal, late_journal
from tests.helpers.relay_node import RunningNode
from tests.helpers.several_workers import SeveralWorkers, open_workers
from tests.helpers.sim_network import SimNetwork, open_sim_network


class SplitTown(Town):
    """A town whose node has several workers."""

    def __init__(self, network: SimNetwork, folder: Path, random: Random, workers: int) -> None:
        super().__init__(network, folder, random)
        self.workers = workers
        self.faults = SPLIT_FAULTS
        self.node: SeveralWorkers | None = None
        self.is_open = trio.Event()
        self.nursery: trio.Nursery | None = None
        self._late: dict[Path, LateJournal] = {}  # {folder of an environment: its present disk}

    def lives(self) -> list[RunningNode]:
        return [running for running in (self.node.running if self.node else ()) if running is not None]

    def journals(self) -> list[LateJournal]:
        return list(self._late.values())

    async def run_node(self) -> None:
        config = replace(CONFIG, listen=HostPort("127.0.0.1", 0))
        async with open_workers(
            self.folder / "relay",
            self.network,
            self.workers,
            config=config,
            entropy=self.entropy,
            clock=self.clock,
            make_journal=self._make_journal,
        ) as self.node:
            self.is_open.set()
            await trio.sleep_forever()

    def _make_journal(self, environment: Environment) -> RelayJournal:
        journal, late = late_journal(environment, self.network)
        self._late[environment.folder] = late
        late.on_commit = self.look_at_disk
        late.commit_seconds = self.random.choice((0.0, 0.001, 0.05))
        late.report_seconds = self.random.choice((0.0, 0.001, 0.05))
        return journal

    def kill_node(self) -> None:
        """All workers at once."""
        for number in range(self.workers):
            self.kill_worker(number)

    def kill_worker(self, number: int) -> None:
        """It is started again a little later."""
        if self.node is not None and self.node.running[number] is not None and self.nursery is not None:
            self.note(f"worker {number} is killed")
            self.node.kill(number)
            self.nursery.start_soon(self._revive, number)

    async def _revive(self, number: int) -> None:
        assert self.node is not None
        await trio.sleep(self.random.uniform(0.1, 2))
        await self.node.start(number)
        self.note(f"worker {number} is back")

    async def register(self, number: str) -> None:
        """Give a number a home, through whichever worker."""
        assert self.node is not None
        home = self.folder / number[-4:]
        relay = RelayUrl("127.0.0.1", PORT, self.node.worker(0).static.public)
        port = self.random.choice(self.lives()).port.port
        async with open_application(
            home,
            Applicant(relay, number),
            network=_Route(self.network, lambda: port),
            entropy=self.entropy,
            clock=self.clock,
        ) as application:
            await application.request_code()
            account = await application.register(self.node.codes.codes[number])
        self.residents[number] = Resident(number, home, account.user)

    def network_of(self, resident: Resident) -> Network:
        """A phone reaches the worker that owns its user, if that is alive."""

        def port_of_owner() -> int | None:
            assert self.node is not None
            running = self.node.running[self.node.stores[0].owner(resident.user)]
            return running.port.port if running is not None else None

        return _Route(self.network, port_of_owner)


class _Route:
    """A network on which all ways lead to one worker."""

    def __init__(self, sim: SimNetwork, find_port: Callable[[], int | None]) -> None:
        self._sim = sim
        self._find_port = find_port

    async def connect(self, host: str, port: int) -> Link:
        found = self._find_port()
        if found is None:
            await trio.lowlevel.checkpoint()
            raise ConnectionRefusedError("its worker is dead")
        return await self._sim.connect(host, found)

    @property
    def open_links(self) -> int:
        return self._sim.open_links

    def call_at_turn_end(self, fn: Callable[[], None]) -> None:
        self._sim.call_at_turn_end(fn)

    def adopt(self, detached: Detached) -> Link:
        return self._sim.adopt(detached)

    async def listen(self, host: str, port: int, backlog: int, *, reuse_port: bool = False) -> Listener:
        return await self._sim.listen(host, port, backlog, reuse_port=reuse_port)

    async def listen_local(self, path: Path, backlog: int) -> Listener:
        return await self._sim.listen_local(path, backlog)

    async def connect_local(self, path: Path) -> Link:
        return await self._sim.connect_local(path)


# ---- faults ----


def kill_a_worker(town: Town) -> None:
    assert isinstance(town, SplitTown)
    town.kill_worker(town.random.randrange(town.workers))


def cut_a_bus_link(town: Town) -> None:
    links = [link for link in town.network.links if link.is_local]
    if links:
        town.network.cut(town.random.choice(links))


def change_the_bus(town: Town) -> None:
    town.network.local_latency = town.random.choice((0.0, 0.001, 0.05))


def cut_the_bus_in_a_burst(town: Town) -> None:
    """Again and again while messages are on it: some are lost, some are not, and answers likewise."""
    town.network.local_latency = 0.001
    in_a_burst(town, 0.5, lambda: cut_a_bus_link(town))


def kill_a_worker_in_a_burst(town: Town) -> None:
    assert isinstance(town, SplitTown)
    victim = town.random.randrange(town.workers)
    in_a_burst(town, 0.2, lambda: town.kill_worker(victim))


def in_a_burst(town: Town, likelihood: float, harm: Callable[[], None]) -> None:
    """Do harm every now and then while two write to each other every millisecond."""
    one, other = town.random.sample(list(town.residents.values()), 2)
    for step in range(8):
        town.network.courier.post(step * 0.001, lambda: write(town, one, other.number))
        town.network.courier.post(step * 0.001, lambda: write(town, other, one.number))
        if town.random.random() < likelihood:
            town.network.courier.post((step + town.random.random()) * 0.001, harm)


SPLIT_FAULTS: dict[str, Callable[[Town], None]] = {
    **FAULTS_BY_NAME,
    **{
        fault.__name__.replace("_", " "): fault
        for fault in (
            kill_a_worker,
            kill_a_worker_in_a_burst,
            cut_a_bus_link,
            cut_the_bus_in_a_burst,
            change_the_bus,
        )
    },
}


# ---- a run ----


@asynccontextmanager
async def open_split_town(folder: Path, seed: int) -> AsyncIterator[SplitTown]:
    async with open_sim_network() as network, trio.open_nursery() as nursery:
        random = Random(seed)
        town = SplitTown(network, folder, random, workers=random.choice((2, 3)))
        town.nursery = nursery
        town.began = trio.current_time()
        nursery.start_soon(town.run_node)
        await town.is_open.wait()
        for number in NUMBERS:
            await town.register(number)
        for resident in town.residents.values():
            nursery.start_soon(town.live, resident)
        yield town
        nursery.cancel_scope.cancel()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))  # tests/simulation/ has two hundred of the same kind
async def test_whatever_breaks_between_workers_nothing_is_lost_doubled_reordered_or_falsely_ticked(
    autojump_clock: MockClock, tmp_path: Path, caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    caplog.set_level(logging.CRITICAL, logger="roost")  # what is reported here was broken on purpose
    problems, log = await run_history(open_split_town, tmp_path, seed)
    assert not problems, "\n".join([f"seed {seed}", *problems, *log])


if __name__ == "__main__":
    sys.exit(run_seeds(open_split_town, int(sys.argv[1]), int(sys.argv[2])))
