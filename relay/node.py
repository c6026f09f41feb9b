"""A relay node: what its parent process holds while the workers serve.

The parent serves no device. It holds what must outlive a worker (the data folder's lock, the device port, the
admin endpoint's socket), supervises the worker processes, and speaks for all of them. It is kept that small
because nothing can restart it: when it ends, however it ends, its workers end with it.
"""

import base64
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import trio

from actors import ActorSystem, open_actor_system
from actors.ports import system_entropy
from protocol.noise import KeyPair
from relay.config import DRAIN_SECONDS, Config, HostPort
from relay.crew import Crew, worker_commands
from relay.device_port import DevicePort, open_device_port
from relay.door import Door
from relay.errors import ConfigError
from relay.phase import Phase
from relay.version import node_version
from storage import is_backup, load_or_create_secrets, prepare_store
from supervisors import Command, Reserve


@dataclass(slots=True)
class Node:
    """What the actors of the parent process share."""

    config: Config
    address: str
    """What phones register with: where the node is, and the key that proves that it is this one."""
    system: ActorSystem
    port: DevicePort
    door: Door | None
    """The admin endpoint's; None if it is off."""
    crew: Crew
    reserve: Reserve
    """A process that waits to become whichever worker is needed next."""
    commands: list[Command]
    """How to start each of the crew."""

    phase: Phase = Phase.STARTING
    drain: trio.Event = field(default_factory=trio.Event)
    """Set by whoever wants the node to drain and end, as SIGTERM does."""
    started_at: float = field(default_factory=trio.current_time)

    @property
    def uptime_seconds(self) -> float:
        """Since the parent began."""
        return trio.current_time() - self.started_at


@asynccontextmanager
async def open_node(
    config: Config, progress: Callable[[str], None], log_words: Sequence[str] = ()
) -> AsyncIterator[Node]:
    """Open what a node holds, in order, and close it in reverse.

    Args:
        config: the settings.
        progress: told in a line what takes long before anything can serve.
        log_words: the arguments that tell a worker how log lines look.

    Raises:
        AddressInUseError: it cannot listen where it was told to.
        ConfigError: the data folder is a backup.
        StorageError: the data folder is in use, too new or damaged.
    """
    async with AsyncExitStack() as stack:
        if is_backup(config.data):
            advice = "put it in place with 'roost restore', which makes it safe to go on from"
            raise ConfigError("data", str(config.data), f"this is a backup: {advice}")
        stack.enter_context(prepare_store(config.data, config.workers, progress))
        secrets = load_or_create_secrets(config.data, system_entropy)
        door = Door(config.admin) if config.admin is not None else None
        if door is not None:
            stack.callback(door.close)
        port = await open_device_port(config.listen, config.workers)
        stack.callback(port.close)
        reserve = Reserve()
        yield Node(
            config=config,
            address=relay_address(port.place, secrets.static_key),
            system=await stack.enter_async_context(open_actor_system(grace_s=DRAIN_SECONDS)),
            port=port,
            door=door,
            crew=Crew(config.data, config.workers),
            reserve=reserve,
            commands=worker_commands(config, node_version(), port, log_words, reserve),
        )


def relay_address(place: HostPort, static_key: bytes) -> str:
    """`roost://HOST:PORT#KEY`, with the public half of the key."""
    public = KeyPair.from_private_bytes(static_key).public
    return f"roost://{place}#{base64.urlsafe_b64encode(public).decode().rstrip('=')}"
