"""What the actors of one worker process share: its ports, its settings, and its plain registers.

The ports (clock, entropy, network, store, journal, SMS) are what a test or a simulation replaces; nothing
else in this package reaches outside. It all lives as long as the process, across restarts of its actors.
"""

from dataclasses import dataclass, field
from enum import Enum

import trio

from actors import ActorSystem
from actors.network import Network
from actors.ports import Clock, Entropy
from protocol import KeyPair, UserId
from relay.config import Config
from relay.correspondent import FindCorrespondent
from relay.flight import Flight
from relay.journal import RelayJournal
from relay.metrics import Counters, Rate
from relay.outgoing import Surroundings
from relay.pauses import GarbagePauses
from relay.presence import Presence
from relay.rate_limits import RateLimits
from relay.sms import SmsGateway
from storage import Environment, NodeSecrets, accounts
from storage.routing import RoutingTable


class Phase(Enum):
    """Where a node is in its life."""

    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"


@dataclass(slots=True)
class Worker:
    """One worker of a node; every actor of the relay is given it."""

    config: Config
    clock: Clock
    entropy: Entropy
    network: Network
    environment: Environment
    journal: RelayJournal
    routing: RoutingTable
    secrets: NodeSecrets
    static: KeyPair
    """The relay's Noise key; its public half stands in the relay's address."""
    sms: SmsGateway
    system: ActorSystem

    phase: Phase = Phase.STARTING
    counters: Counters = field(default_factory=Counters)
    presence: Presence = field(default_factory=Presence)
    messages_rate: Rate = field(default_factory=Rate)
    flights: dict[UserId, Flight] = field(default_factory=dict)
    """What each mailbox has given to the journal; must outlive the mailbox (flight.py says why)."""
    correspondent: FindCorrespondent = field(init=False)
    """Whom to tell what became of a device's messages, wherever that device is connected."""
    limits: RateLimits = field(init=False)
    surroundings: Surroundings = field(init=False)
    """What the outgoing sides of all connections share."""
    garbage: GarbagePauses = field(default_factory=GarbagePauses)
    drain: trio.Event = field(default_factory=trio.Event)
    """Set by whoever wants the node to drain and end, as SIGTERM does."""
    started_at: float = field(default_factory=trio.current_time)
    _connections: int = 0

    def __post_init__(self) -> None:
        self.limits = RateLimits(self.config)
        self.correspondent = self.presence.of_device
        self.surroundings = Surroundings(
            self.network, self.counters, self.phone_of, self.config.max_unsent_bytes
        )

    def phone_of(self, user: UserId) -> str | None:
        """The number of an account, for introducing it; None if it is gone."""
        with self.environment.read() as reader:
            record = accounts.load_user(reader, user)
        return record.phone if record is not None else None

    def next_connection_number(self) -> int:
        """Connections are counted from 1, for logs."""
        self._connections += 1
        return self._connections

    def sample_rates(self) -> None:
        """Once a sweep: what the rates are computed from."""
        self.messages_rate.sample(trio.current_time(), self.counters.accepted)

    @property
    def uptime_seconds(self) -> float:
        """Since the node was made."""
        return trio.current_time() - self.started_at
