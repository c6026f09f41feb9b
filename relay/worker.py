"""What the actors of one worker process share: its ports, its settings, and its plain registers.

The ports (clock, entropy, network, store, journal, SMS) are what a test or a simulation replaces; nothing
else in this package reaches outside. It all lives as long as the process, across restarts of its actors.
"""

from dataclasses import dataclass, field

import trio

from actors import ActorSystem
from actors.network import Network
from actors.ports import Clock, Entropy
from protocol import (
    DeviceAddress,
    DeviceId,
    GroupAddress,
    GroupId,
    GroupSeq,
    KeyPair,
    UserId,
    Welcome,
)
from relay.bus import Bus
from relay.bus.abroad import Abroad
from relay.bus.arrivals import Arrivals
from relay.bus.remote import RemoteBoard, RemoteDevice
from relay.config import BACKLOG_HIGH, Config
from relay.contacts import Discovery
from relay.correspondent import Correspondent, FindCorrespondent
from relay.flight import Flight
from relay.group.payload_counts import PayloadCounts
from relay.group.reports import Reports
from relay.group.unsettled import Unsettled
from relay.handover import HandOver, NobodyElse
from relay.journal import RelayJournal
from relay.metrics import Counters, Rate
from relay.outgoing import Surroundings
from relay.pauses import GarbagePauses
from relay.phase import Phase as Phase
from relay.pin_hash import HashPin, hash_pin
from relay.presence import Presence
from relay.presence_board import PresenceBoard
from relay.rate_limits import RateLimits
from relay.sms import SmsGateway
from relay.visibility import Visibility
from relay.watching import Board, Watching
from storage import Environment, NodeSecrets, Store, accounts
from storage.environment import Reader
from storage.fanouts import all_fanouts
from storage.folder import volatile_folder
from storage.routing import RoutingTable


@dataclass(slots=True)
class Worker:
    """One worker of a node; every actor of the relay is given it."""

    config: Config
    clock: Clock
    entropy: Entropy
    network: Network
    store: Store
    journal: RelayJournal
    routing: RoutingTable
    secrets: NodeSecrets
    static: KeyPair
    """The relay's Noise key; its public half stands in the relay's address."""
    sms: SmsGateway
    system: ActorSystem

    phase: Phase = Phase.STARTING
    environment: Environment = field(init=False)
    """The store's own environment: the rows of our own users."""
    counters: Counters = field(default_factory=Counters)
    presence: Presence = field(default_factory=Presence)
    messages_rate: Rate = field(default_factory=Rate)
    flights: dict[UserId, Flight] = field(default_factory=dict)
    """What each mailbox has given to the journal; must outlive the mailbox (flight.py says why)."""
    group_flights: dict[GroupId, Flight] = field(default_factory=dict)
    """Likewise of each group's actor."""
    arrived: dict[GroupId, GroupSeq] = field(default_factory=dict)
    """How far groups have come here, what is on its way to the disk included; bounded by groups with members
    here."""
    payload_counts: PayloadCounts = field(init=False)
    """How many rows refer to what groups have sent."""
    unsettled: Unsettled = field(init=False)
    """What groups have brought to devices that have no rows of their own for it."""
    reports: Reports = field(init=False)
    """How far our users are in their groups, on the way there."""
    correspondent: FindCorrespondent = field(init=False)
    """Whom to tell what became of a device's messages, wherever that device is connected."""
    bus: Bus = field(init=False)
    """The other workers of the node."""
    abroad: Abroad = field(init=False)
    """What our devices have to do with users of other workers."""
    arrivals: Arrivals = field(init=False)
    """What comes from other workers for our users."""
    limits: RateLimits = field(init=False)
    visibility: Visibility = field(init=False)
    """Who may see what of whom."""
    discovery: Discovery = field(init=False)
    """Who finds whom by the number."""
    board: PresenceBoard = field(init=False)
    """Who watches the users of this worker."""
    watching: Watching = field(init=False)
    """Whom the devices of this worker watch."""
    max_links: int = 2**31
    """Sockets that there are descriptors for; beyond them peers are cut off (descriptors.py)."""
    handover: HandOver = field(default_factory=NobodyElse)
    """How connections leave for the workers that own their users, and come from those that accepted them."""
    hash_pin: HashPin = hash_pin
    """Slow on purpose, in a thread; tests under a virtual clock bring a fast one."""
    surroundings: Surroundings = field(init=False)
    """What the outgoing sides of all connections share."""
    garbage: GarbagePauses = field(default_factory=GarbagePauses)
    started_at: float = field(default_factory=trio.current_time)
    _connections: int = 0

    def __post_init__(self) -> None:
        self.environment = self.store.own
        self.limits = RateLimits(self.config)
        self.payload_counts = PayloadCounts(self.journal, self.network.call_at_turn_end)
        with self.environment.read() as reader:
            self.unsettled = Unsettled(all_fanouts(reader), trio.current_time())
        self.reports = Reports(self.system)
        self.bus = Bus(
            self.network,
            volatile_folder(self.config.data),
            self.store.worker,
            self.store.workers,
            self.entropy,
            lambda: self.journal.backlog >= BACKLOG_HIGH,
        )
        self.abroad = Abroad(self.bus, self.presence)
        self.arrivals = Arrivals(self.bus, self.system)
        # With one worker, what it always was: nothing is to be decided for each tick.
        self.correspondent = self._find_correspondent if self.bus.peers else self.presence.of_device
        self.visibility = Visibility(self.reader_of)
        self.discovery = Discovery(self.store.read_directory, self.reader_of, self.visibility)
        self.board = PresenceBoard(self.routing, self.visibility, self.correspondent, self.clock)
        self.watching = Watching(self._board_of)
        self.surroundings = Surroundings(
            self.network, self.counters, self.phone_of, self.config.max_unsent_bytes
        )

    def _find_correspondent(self, device: DeviceAddress) -> Correspondent | None:
        """Of a device of another worker only that knows whether it is online."""
        peer = self.bus.peer_of(device.user)
        if peer is None:
            return self.presence.of_device(device)
        return RemoteDevice(peer, device) if peer.is_up else None

    def _board_of(self, user: UserId) -> Board:
        peer = self.bus.peer_of(user)
        return self.board if peer is None else RemoteBoard(peer)

    def reader_of(self, user: UserId) -> Reader:
        """A look into the store where the rows of a user are."""
        return self.store.read_of(user)

    def phone_of(self, user: UserId) -> str | None:
        """The number of an account, for introducing it; None if it is gone."""
        with self.store.read_of(user) as reader:
            record = accounts.load_user(reader, user)
        return record.phone if record is not None else None

    def flight_of(self, user: UserId) -> Flight:
        """What the mailbox of a user has on its way to the disk; that of its predecessor, if it died."""
        flight = self.flights.get(user)
        if flight is None:
            flight = self.flights[user] = Flight(user, self.journal, self.correspondent, self.counters)
        return flight

    def group_flight_of(self, group: GroupId) -> Flight:
        """Likewise for a group."""
        flight = self.group_flights.get(group)
        if flight is None:
            chat = GroupAddress(group)
            flight = self.group_flights[group] = Flight(chat, self.journal, self.correspondent, self.counters)
        return flight

    def welcome(self, device: DeviceAddress | None, queued: int = 0) -> Welcome:
        """The first word to whoever has shaken hands: a device, or a stranger (None)."""
        return Welcome(
            user=device.user if device is not None else UserId(0),
            device=device.device if device is not None else DeviceId(0),
            server_time=int(self.clock.now() * 1000),
            keepalive_s=self.config.keepalive_seconds,
            window=self.config.window_messages,
            queued=queued,
        )

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
