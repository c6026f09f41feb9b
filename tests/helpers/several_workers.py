"""A node of several workers inside one test: each with its own tree and actors, on one simulated network.

What processes share is shared: the data folder, the secrets, the routing table. LMDB opens a file once in a
process, so every environment is opened once here and outlives the workers, which come and go: `kill` ends one
as SIGKILL does, `start` begins another on the same rows.

They share one actor loop, but no objects: what one tells another goes over the simulated bus.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import trio
import trio.testing

from actors.ports import Clock, Entropy, system_clock, system_entropy
from faults.simulation.host import HostNetwork
from protocol import CodeRoute, CodeSent, DeviceAddress, KeyPair, Registered, RequestCode, UserId
from protocol.slots import first_user_of, slots_of
from relay.bus.peer import Peer
from relay.config import Config
from relay.journal import RelayJournal
from relay.registration import DESK_WORKER
from relay.worker import Worker
from storage import Environment, InlineJournal, NodeSecrets, Store, accounts, load_or_create_secrets
from storage.accounts import DeviceRecord, UserRecord
from storage.environment import open_environment
from storage.preparation import prepare_store
from storage.routing import RoutingTable, open_routing_table
from storage.tables import Family, Op, of_family
from tests.helpers.device import Device, connect
from tests.helpers.late_journal import LateJournal
from tests.helpers.relay_node import (
    TEST_CONFIG,
    CodeBook,
    Ports,
    RunningNode,
    open_running_worker,
)
from tests.helpers.sim_handover import SimHandOvers
from tests.helpers.sim_network import SimLink, SimNetwork
from tests.helpers.stage import registration

WAIT_SECONDS = 60.0  # of the virtual clock
USER_ID_BYTES = 8  # what a user id is drawn from; a code takes fewer, a key more


@dataclass(slots=True)
class Resident:
    """A registered device that can be connected again and again, at its owner."""

    node: "SeveralWorkers"
    number: str
    keys: KeyPair
    address: DeviceAddress

    @property
    def owner(self) -> int:
        """The worker that owns the user."""
        return self.node.worker(0).store.owner(self.address.user)

    async def connect(self, *, resume: int = 0, through: int | None = None) -> Device:
        """Connect by IK to the worker that owns the user, or to another one."""
        running = self.node.running[self.owner if through is None else through]
        assert running is not None, "its worker is dead"
        key = running.worker.static.public
        return await connect(self.node.sim, running.port.port, self.keys, relay_key=key, resume=resume)


class SeveralWorkers:
    """The workers of a node."""

    def __init__(
        self,
        sim: SimNetwork,
        config: Config,
        nursery: trio.Nursery,
        stores: list[Store],
        routing: RoutingTable,
        secrets: NodeSecrets,
        entropy: Entropy,
        clock: Clock,
        make_journal: Callable[[Environment], RelayJournal],
    ) -> None:
        self.sim = sim
        self.config = config
        self.stores = stores
        self.codes = CodeBook()
        self.handovers = SimHandOvers()
        self.entropy = entropy
        self.clock = clock
        self.running: list[RunningNode | None] = [None] * len(stores)
        self._nursery = nursery
        self._routing = routing
        self._secrets = secrets
        self._make_journal = make_journal
        self._scopes: list[trio.CancelScope | None] = [None] * len(stores)
        self._networks: list[HostNetwork | None] = [None] * len(stores)

    def worker(self, number: int) -> Worker:
        """A worker that is alive."""
        running = self.running[number]
        assert running is not None, f"worker {number} is dead"
        return running.worker

    def bus(self, number: int, peer: int) -> Peer:
        """A worker's view of another."""
        return self.worker(number).bus.peers[peer]

    # ---- life and death ----

    async def start(self, number: int) -> None:
        """Start a worker that is not running; returns when devices can connect."""
        assert self.running[number] is None
        await self._nursery.start(self._live, number)

    async def _live(self, number: int, task_status: trio.TaskStatus[None]) -> None:
        network = self._networks[number] = HostNetwork(self.sim, f"worker {number}")
        self._routing.drop_worker(number, self.clock.now())  # as every worker begins
        ports = Ports(
            self.clock,
            self.entropy,
            network,
            self.stores[number],
            self._make_journal(self.stores[number].own),
            self._routing,
            self._secrets,
            self.codes,
            self.handovers.open(number),
        )
        with trio.CancelScope() as scope:
            self._scopes[number] = scope
            async with open_running_worker(self.config, ports) as self.running[number]:
                task_status.started()
                await trio.sleep_forever()

    def kill(self, number: int) -> None:
        """As SIGKILL: nobody is told anything, and what was not committed is gone."""
        running, scope, network = self.running[number], self._scopes[number], self._networks[number]
        if running is None or scope is None or network is None:
            return
        self.running[number] = None
        journal = running.worker.journal.raw
        if isinstance(journal, LateJournal):
            journal.lose_what_is_gathered()
        network.cut()
        self.handovers.close(number)
        scope.cancel()

    async def restart(self, number: int) -> None:
        """Kill a worker, start it again, and wait until the others have noticed."""
        self.kill(number)
        await trio.testing.wait_all_tasks_blocked()
        await self.start(number)
        await self.until_connected()

    def cut_bus(self, one: int, other: int) -> None:
        """Break the link between two workers: what is on the way is lost, in both directions."""
        peer = self.bus(one, other)
        if peer.is_up:
            assert isinstance(peer._link, SimLink)
            self.sim.cut(peer._link)

    async def until_connected(self) -> None:
        """Wait until all workers that live hear one another."""
        alive = [number for number, running in enumerate(self.running) if running is not None]
        with trio.fail_after(WAIT_SECONDS):
            while not all(self.bus(a, b).is_up for a in alive for b in alive if a != b):  # noqa: ASYNC110
                await trio.sleep(0.01)  # of the virtual clock
        await trio.testing.wait_all_tasks_blocked()

    # ---- people ----

    async def stranger(self, number: int) -> Device:
        """A connection to a worker of a device that nobody knows."""
        running = self.running[number]
        assert running is not None, "that worker is dead"
        return await connect(self.sim, running.port.port, KeyPair.generate(self.entropy))

    def draw_users_for(self, owner: int) -> None:
        """Let the next user who registers belong to this worker."""
        first = first_user_of(slots_of(owner, len(self.stores))[0])
        worker = self.worker(DESK_WORKER)

        def entropy(count: int) -> bytes:
            drawn = self.entropy(count)
            if count != USER_ID_BYTES:
                return drawn
            worker.entropy = self.entropy
            return (first + int.from_bytes(drawn[2:])).to_bytes(count)

        worker.entropy = entropy

    async def register(self, through: int, number: str, *, owner: int) -> "Resident":
        """Register a number with a code, as a stranger does; the account belongs to `owner`."""
        device = await self.stranger(through)
        device.say(RequestCode(1, number, CodeRoute.SMS))
        await device.expect(CodeSent)
        self.draw_users_for(owner)
        device.say(registration(2, number, self.codes.codes[number]))
        registered = await device.expect(Registered)
        device.vanish()
        return Resident(self, number, device.keys, DeviceAddress(registered.user, registered.device))

    def add_user(self, owner: int, number: str) -> Resident:
        """Put an account into the store, past registration, so that `owner` is its worker."""
        slot = slots_of(owner, len(self.stores))[0]
        user = UserId(first_user_of(slot) + int.from_bytes(self.entropy(6)) + 1)
        keys = KeyPair.generate(self.entropy)
        record = DeviceRecord(keys.public, b"i" * 32, 1, b"s" * 32, b"g" * 64, 0)
        address, _, ops = accounts.add_device(user, UserRecord(number, 0), record)
        commit(self.stores[owner].own, of_family(ops, Family.USER))
        commit(self.stores[0].own, of_family(ops, Family.DIRECTORY))
        return Resident(self, number, keys, address)


def commit(environment: Environment, ops: list[Op]) -> None:
    def must_succeed(error: Exception | None) -> None:
        assert error is None

    InlineJournal(environment).submit(ops, must_succeed)


def commit_at_once(environment: Environment) -> RelayJournal:
    return RelayJournal(InlineJournal(environment))


@asynccontextmanager
async def open_workers(
    data: Path,
    sim: SimNetwork,
    workers: int,
    *,
    config: Config = TEST_CONFIG,
    entropy: Entropy = system_entropy,
    clock: Clock = system_clock,
    make_journal: Callable[[Environment], RelayJournal] = commit_at_once,
) -> AsyncIterator[SeveralWorkers]:
    """A node of so many workers, all running and connected; killed at the end of the block."""
    async with AsyncExitStack() as stack:
        stack.enter_context(prepare_store(data, workers, lambda _line: None))
        environments = [stack.enter_context(open_environment(data, number)) for number in range(workers)]
        routing = stack.enter_context(open_routing_table(data))
        stores = [Store(environment, environments) for environment in environments]
        secrets = load_or_create_secrets(data, entropy)
        nursery = await stack.enter_async_context(trio.open_nursery())
        node = SeveralWorkers(
            sim,
            replace(config, data=data),
            nursery,
            stores,
            routing,
            secrets,
            entropy,
            clock,
            make_journal,
        )
        for number in range(workers):
            await node.start(number)
        await node.until_connected()
        yield node
        nursery.cancel_scope.cancel()
