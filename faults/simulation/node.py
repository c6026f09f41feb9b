"""A node in the simulation: its workers, each of which can be killed and started anew on what is on its disk.

As in a real node each worker has its own tree, actors and environment, and what one tells another goes over
the (simulated) bus. They share one actor loop, the data folder, the secrets and the routing table. LMDB opens
a file once in a process, so the environments are opened once for all workers; when the whole node is killed
they are closed, and opened anew from their files.
"""

from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import trio

from actors import ActorRef, open_actor_system
from actors.ports import Clock, Entropy
from faults.simulation.disk import SimDisk, SimJournal, open_sim_journal
from faults.simulation.handover import SimHandOvers
from faults.simulation.host import HostNetwork
from faults.simulation.network import SimNetwork
from protocol import DeviceId, KeyPair, UserId
from relay.config import Config, HostPort
from relay.tree import relay_tree
from relay.tree_report import ROOT_NAME
from relay.worker import Phase, Worker
from storage import NodeSecrets, Store, load_or_create_secrets
from storage.accounts import list_devices
from storage.environment import Environment, open_environment
from storage.preparation import prepare_store
from storage.routing import RoutingTable, open_routing_table

HOST = "relay"
PORT = 5252
RESERVE_BYTES = 1 << 20
MAP_BYTES = 1 << 28

Note = Callable[[str], None]


class CodeBook:
    """The SMS gateway: who has asked for a code reads it here."""

    def __init__(self) -> None:
        self.codes: dict[str, str] = {}

    async def send_code(self, phone: str, code: str, via: str) -> None:
        await trio.lowlevel.checkpoint()
        self.codes[phone] = code


async def hash_pin_at_once(pin: str, salt: bytes, secret: bytes) -> bytes:
    """In no time and in no thread, for which a jumping clock would not wait."""
    await trio.lowlevel.checkpoint()
    return salt + pin.encode()


@dataclass(slots=True)
class Life:
    """One life of one worker."""

    worker: Worker
    root: ActorRef
    network: HostNetwork
    journal: SimJournal
    scope: trio.CancelScope
    ended: trio.Event


class SimNode:
    """The workers of a node. ``run`` keeps them running until it is cancelled."""

    def __init__(
        self,
        data: Path,
        workers: int,
        sim: SimNetwork,
        config: Config,
        entropy_of: Callable[[str], Entropy],
        clock: Clock,
        note: Note,
    ) -> None:
        self.codes = CodeBook()
        self.disks = [SimDisk(number) for number in range(workers)]
        self.lives: list[Life | None] = [None] * workers
        self.gave_up: list[str] = []
        """Trees that ended by themselves: a restart limit was reached."""
        self.is_ending = False
        self._data = data
        self._workers = workers
        self._sim = sim
        self.config = replace(config, listen=HostPort(HOST, PORT), data=data)
        self._entropy_of = entropy_of
        self._clock = clock
        self._note = note
        self._handovers = SimHandOvers()
        self._stack = ExitStack()
        self._stores: list[Store] = []
        self._down_until = [0.0] * workers
        self._born = [0] * workers
        self._wants_reopening = False

    # ---- the store ----

    def open(self) -> None:
        """Open the files."""
        entropy = self._entropy_of("secrets")
        self._stack = ExitStack()
        self._stack.enter_context(
            prepare_store(
                self._data,
                self._workers,
                lambda _line: None,
                map_bytes=MAP_BYTES,
                reserve_bytes=RESERVE_BYTES,
            )
        )
        environments = [
            self._stack.enter_context(_open_small(self._data, number)) for number in range(self._workers)
        ]
        self._routing: RoutingTable = self._stack.enter_context(open_routing_table(self._data))
        self._stores = [Store(environment, environments) for environment in environments]
        self._secrets: NodeSecrets = load_or_create_secrets(self._data, entropy)

    def close(self) -> None:
        """Close the files."""
        self._stack.close()

    @property
    def key(self) -> bytes:
        """The node's public key."""
        return KeyPair.from_private_bytes(self._secrets.static_key).public

    def devices_of(self, user: UserId) -> list[DeviceId]:
        """The devices of an account, by the disk of its worker."""
        store = self._stores[0]
        with store.read_of(user) as reader:
            return [device for device, _ in list_devices(reader, user)]

    # ---- life and death ----

    @property
    def living(self) -> list[Life]:
        """The workers that are running."""
        return [life for life in self.lives if life is not None]

    async def run(self, number: int) -> None:
        """Keep one worker running: when it has ended, start it again a little later, as a parent does."""
        while not self.is_ending:
            await trio.sleep_until(self._down_until[number])
            if self._wants_reopening and not self.living:
                self._wants_reopening = False
                self.close()
                self.open()
                self._note("the node's files are opened anew")
            await self._live(number)

    async def _live(self, number: int) -> None:
        self._born[number] += 1
        name = f"worker {number}"
        network = HostNetwork(self._sim, name)
        journal, late = open_sim_journal(self._stores[number].own, self.disks[number], self._sim)
        self._routing.drop_worker(number, self._clock.now())
        with trio.CancelScope() as scope:
            async with AsyncExitStack() as stack:
                port = await network.listen(HOST, PORT, 128, reuse_port=True)
                stack.callback(port.close)
                system = await stack.enter_async_context(
                    open_actor_system(grace_s=0.0, stall_clock=trio.current_time)
                )
                worker = Worker(
                    config=self.config,
                    clock=self._clock,
                    entropy=self._entropy_of(f"{name} life {self._born[number]}"),
                    network=network,
                    store=self._stores[number],
                    journal=journal,
                    routing=self._routing,
                    secrets=self._secrets,
                    static=KeyPair.from_private_bytes(self._secrets.static_key),
                    sms=self.codes,
                    system=system,
                    handover=self._handovers.open(number),
                    hash_pin=hash_pin_at_once,
                )
                root = await system.start(lambda: relay_tree(worker, port, None), name=ROOT_NAME)
                worker.phase = Phase.READY
                life = self.lives[number] = Life(worker, root, network, late, scope, trio.Event())
                self._note(f"{name} is up")
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._watch_tree, life, number, nursery.cancel_scope)
                    await worker.journal.failed.wait()
                    self._note(f"{name} ends: its journal has failed")
                    self._mark_dead(number, 0.5)
                    nursery.cancel_scope.cancel()
        self._mark_dead(number, 0.5)

    async def _watch_tree(self, life: Life, number: int, scope: trio.CancelScope) -> None:
        reason = await life.root.wait_stopped()
        if self.lives[number] is life:
            self.gave_up.append(f"the tree of worker {number} ended: {reason}")
            self._note(self.gave_up[-1])
            self._mark_dead(number, 0.5)
            scope.cancel()

    def kill(self, number: int, down_seconds: float) -> None:
        """As SIGKILL: nobody is told anything, and what was not committed is gone."""
        life = self.lives[number]
        if life is not None:
            self._note(f"worker {number} is killed")
            self._mark_dead(number, down_seconds)
            life.scope.cancel()

    def kill_all(self, down_seconds: float) -> None:
        """The node, and its files are opened anew when it comes back."""
        self._wants_reopening = True
        for number in range(self._workers):
            self.kill(number, down_seconds)

    def _mark_dead(self, number: int, down_seconds: float) -> None:
        life = self.lives[number]
        if life is None:
            return
        self.lives[number] = None
        self._down_until[number] = trio.current_time() + down_seconds
        life.journal.die()
        life.network.cut()
        self._handovers.close(number)

    def cut_bus(self, number: int) -> None:
        """Break what one worker has open to the others."""
        life = self.lives[number]
        for link in life.network.links if life is not None else ():
            if link.is_local:
                self._sim.cut(link)


def _open_small(data: Path, number: int) -> Environment:
    return open_environment(data, number, map_bytes=MAP_BYTES, reserve_bytes=RESERVE_BYTES)
