"""A whole relay node inside a test: the real tree, actors and store, on whatever network the test brings."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import trio

from actors import ActorRef, open_actor_system
from actors.network import Listener as Port
from actors.network import Network
from actors.ports import Clock, Entropy, system_clock, system_entropy, system_monotonic
from actors.reactor import open_reactor
from protocol import DeviceAddress, KeyPair, UserId
from relay.config import Config, HostPort
from relay.errors import GatewayError
from relay.handover import HandOver, NobodyElse
from relay.journal import RelayJournal, open_journal
from relay.tree import relay_tree
from relay.tree_report import ROOT_NAME
from relay.worker import Phase, Worker
from storage import (
    Environment,
    InlineJournal,
    NodeSecrets,
    Store,
    accounts,
    load_or_create_secrets,
    open_environment,
)
from storage.accounts import DeviceRecord, UserRecord
from storage.routing import RoutingTable, create_routing_table
from tests.helpers.sim_network import SimNetwork

TEST_CONFIG = Config(listen=HostPort("127.0.0.1", 0), admin=None, test_hooks=True)


class CodeBook:
    """An SMS gateway that remembers the newest code of each phone, or refuses them all."""

    def __init__(self) -> None:
        self.codes: dict[str, str] = {}
        self.is_broken = False

    async def send_code(self, phone: str, code: str, via: str) -> None:
        await trio.lowlevel.checkpoint()
        if self.is_broken:
            raise GatewayError("the provider is down")
        self.codes[phone] = code


class SettableClock:
    """A wall clock that a test moves."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.time = now

    def now(self) -> float:
        return self.time


@dataclass(slots=True)
class RunningNode:
    """A node under test, and what a test wants to reach of it."""

    worker: Worker
    port: Port
    codes: CodeBook
    root: ActorRef

    def add_user(self, phone: str, static_key: bytes) -> DeviceAddress:
        """Put an account into the store, past registration; its device is `static_key`."""
        user = UserId(int.from_bytes(self.worker.entropy(7)) + 1)
        record = DeviceRecord(static_key, b"i" * 32, 1, b"s" * 32, b"g" * 64, 0)
        address, _, ops = accounts.add_device(user, UserRecord(phone, 0), record)
        InlineJournal(self.worker.environment).submit(ops, _must_succeed)
        return address

    def add_device(self, user: UserId, static_key: bytes) -> DeviceAddress:
        """Put another device of an account into the store, past linking; before its mailbox is awake."""
        with self.worker.environment.read() as reader:
            record = accounts.load_user(reader, user)
        assert record is not None
        device = DeviceRecord(static_key, b"j" * 32, 1, b"s" * 32, b"g" * 64, 0)
        address, _, ops = accounts.add_device(user, record, device)
        InlineJournal(self.worker.environment).submit(ops, _must_succeed)
        return address


def _must_succeed(error: Exception | None) -> None:
    assert error is None


def commit_at_once(environment: Environment) -> RelayJournal:
    """The journal of a test under a virtual clock, unless it brings another one."""
    return RelayJournal(InlineJournal(environment))


@asynccontextmanager
async def open_running_node(
    data: Path,
    network: Network | None = None,
    *,
    config: Config = TEST_CONFIG,
    entropy: Entropy = system_entropy,
    clock: Clock = system_clock,
    environment: Environment | None = None,
    make_journal: Callable[[Environment], RelayJournal] = commit_at_once,
) -> AsyncIterator[RunningNode]:
    """Run a node for the length of a block.

    Without `network`: real sockets, and a journal with its thread. With one: that network, and a journal that
    commits at once (or `make_journal`'s), so that a test under a virtual clock is deterministic.
    """
    if network is None:
        async with open_reactor() as reactor:
            with open_environment(data) as opened, open_journal(opened, system_monotonic) as journal:
                async with _run(data, reactor, config, entropy, clock, opened, journal) as running:
                    yield running
    elif environment is not None:
        journal = make_journal(environment)
        async with _run(data, network, config, entropy, clock, environment, journal) as running:
            yield running
    else:
        with open_environment(data) as opened:
            journal = make_journal(opened)
            async with _run(data, network, config, entropy, clock, opened, journal) as running:
                yield running


@asynccontextmanager
async def _run(
    data: Path,
    network: Network,
    config: Config,
    entropy: Entropy,
    clock: Clock,
    environment: Environment,
    journal: RelayJournal,
) -> AsyncIterator[RunningNode]:
    secrets = load_or_create_secrets(data, entropy)
    routing = create_routing_table(data)
    ports = Ports(clock, entropy, network, Store(environment), journal, routing, secrets, CodeBook())
    try:
        async with open_running_worker(replace(config, data=data), ports) as running:
            yield running
    finally:
        if isinstance(network, SimNetwork):
            # Killed connections leave the registers when their links end: not when there are none any more.
            network.abort_orphans()
        routing.close()


@dataclass(frozen=True, slots=True)
class Ports:
    """What a worker under test is given."""

    clock: Clock
    entropy: Entropy
    network: Network
    store: Store
    journal: RelayJournal
    routing: RoutingTable
    secrets: NodeSecrets
    codes: CodeBook
    handover: HandOver = field(default_factory=NobodyElse)


async def hash_pin_at_once(pin: str, salt: bytes, secret: bytes) -> bytes:
    """In no time and in no thread, for which a virtual clock would not wait."""
    await trio.lowlevel.checkpoint()
    return salt + pin.encode()


@asynccontextmanager
async def open_running_worker(config: Config, ports: Ports) -> AsyncIterator[RunningNode]:
    """Run a worker with its tree for the length of a block."""
    port = await ports.network.listen(config.listen.host, config.listen.port, 128)
    try:
        async with open_actor_system() as system:
            worker = Worker(
                config=config,
                clock=ports.clock,
                entropy=ports.entropy,
                network=ports.network,
                store=ports.store,
                journal=ports.journal,
                routing=ports.routing,
                secrets=ports.secrets,
                static=KeyPair.from_private_bytes(ports.secrets.static_key),
                sms=ports.codes,
                system=system,
                handover=ports.handover,
                hash_pin=hash_pin_at_once,
            )
            root = await system.start(lambda: relay_tree(worker, port, None), name=ROOT_NAME)
            worker.phase = Phase.READY
            yield RunningNode(worker, port, ports.codes, root)
    finally:
        port.close()
