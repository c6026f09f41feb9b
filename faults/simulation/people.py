"""The people of a history and their devices: whole phones, what was done with them, and what they showed.

A device writes down what its person would remember: what was written when and to whom, and what came in. The
checker reads these notes and the phones' own histories, and nothing of the relay.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import trio

from actors.ports import Entropy
from client import Phone, RelayUrl, open_phone
from client.errors import ClientError, NoAccountError, RelayRefusedError
from client.events import (
    ConnectionChanged,
    Connectivity,
    Event,
    EventsMissed,
    MessageReceived,
    MessageSentElsewhere,
    TickChanged,
)
from client.groups.records import Group
from client.records import MessageState
from client.store import Store
from faults.simulation.clock import WallClock
from faults.simulation.host import HostNetwork
from faults.simulation.network import SimNetwork
from faults.simulation.trace import Trace
from protocol.ids import DeviceId, GroupId, UserId

ALWAYS = -1.0
"""Since before the beginning."""


@dataclass(slots=True)
class Written:
    """One message, as its writer remembers it."""

    message_id: str
    text: str
    at: float
    to: "Person | None"
    """None: to a group."""
    group: GroupId | None = None
    members: tuple[UserId, ...] = ()
    """Who was in the group, by the writer's phone."""
    was_online: bool = False
    """Whether the writer's phone was connected, as far as it knew."""


@dataclass
class Person:
    """Somebody with a number and some devices, one after the other or side by side."""

    number: str
    user: UserId
    devices: list["Device"] = field(default_factory=list)
    left: dict[GroupId, None] = field(default_factory=dict)
    """Groups that they have ever left in this history."""
    registered_anew: bool = False
    made: int = 0
    """How many devices were ever meant to be theirs."""
    is_moving: bool = False
    """On the way to another phone: registering takes its time."""
    is_linking: bool = False
    """About to have another companion."""
    was_disturbed: bool = False
    """Whether a device of theirs was ever off or broken, or came or went: others must not notice (D7)."""

    @property
    def name(self) -> str:
        """What the timeline calls them."""
        return f"p{self.number[-2:]}"

    @property
    def primary(self) -> "Device | None":
        """The device that registered last."""
        return next((device for device in reversed(self.devices) if device.is_primary), None)

    @property
    def alive(self) -> list["Device"]:
        """The devices that are not logged out, as far as anybody knows."""
        return [device for device in self.devices if not device.is_gone]


class Device:
    """One device: a home, the phone of it while it is on, and what its person remembers."""

    def __init__(
        self,
        person: Person,
        name: str,
        home: Path,
        network: SimNetwork,
        random: Random,
        trace: Trace,
        *,
        is_primary: bool,
    ) -> None:
        self.person = person
        self.name = name
        self.home = home
        self.linked_at = ALWAYS
        self.clock = WallClock()
        self.entropy: Entropy = random.randbytes
        self.phone: Phone | None = None
        self.is_gone = False
        """Logged out."""
        self.is_primary = is_primary
        """Registered, and not linked."""
        self.written: list[Written] = []
        self.shown: list[str] = []
        """What came in, as events said it; an event may be lost when the phone dies, but never come twice."""
        self.shown_at: dict[str, float] = {}
        self.seen: dict[str, None] = {}
        self.ticks: dict[str, MessageState] = {}
        """{message id: the furthest that a tick has said}"""
        self.false_ticks: list[str] = []
        self.check_tick: Callable[[Device, str, MessageState], str | None] = lambda *_: None
        self.host = HostNetwork(network, name)
        self._network = network
        self._random = random
        self._trace = trace
        self._scope = trio.CancelScope()
        self._off_until = 0.0

    def has(self, written: Written) -> bool:
        """Whether its phone is on, and knows of a message."""
        return self.phone is not None and self.phone.entry(written.message_id) is not None

    @property
    def number(self) -> DeviceId:
        """Which device of its account it is."""
        with self.open_store() as store:
            account = store.account()
        assert account is not None, "it is no device yet"
        return account.device

    # ---- being on and off ----

    @property
    def is_online(self) -> bool:
        """Whether its phone is on, and connected as far as it knows."""
        return self.phone is not None and self.phone.connection.connectivity is Connectivity.ONLINE

    async def live(self) -> None:
        """Be on, but for the times when it is switched off, until it is logged out."""
        while not self.is_gone:
            await trio.sleep_until(self._off_until)
            with trio.CancelScope() as self._scope:
                try:
                    await self._be_on()
                except* (RelayRefusedError, NoAccountError):
                    self._note_gone()
        self.phone = None

    async def _be_on(self) -> None:
        was_cut_off = self.host.is_cut_off
        self.host = HostNetwork(self._network, self.name)
        self.host.is_cut_off = was_cut_off
        async with open_phone(
            self.home, network=self.host, entropy=self.entropy, clock=self.clock
        ) as self.phone:
            try:
                with self.phone.events.subscribe() as events:
                    self._look_at(self.phone.connection)  # it may have stopped before anybody listened
                    while not self.is_gone:
                        self._look_at(await events.next())
            finally:
                self.phone = None  # its store is about to be closed

    def switch_off(self, seconds: float) -> None:
        """As a person does: it says goodbye."""
        self.person.was_disturbed = True
        self._off_until = trio.current_time() + seconds
        self._scope.cancel()

    def crash(self, seconds: float) -> None:
        """As a battery does: nobody is told."""
        for link in self.host.links:
            self._network.cut(link)
        self.switch_off(seconds)

    def _note_gone(self) -> None:
        if not self.is_gone:
            self.is_gone = True
            self._trace.tell(f"{self.name} is logged out")

    # ---- news ----

    def _look_at(self, event: Event) -> None:
        match event:
            case MessageReceived(text=text, phone=phone):
                self.shown.append(text or "?")
                self.shown_at[text or "?"] = trio.current_time()
                self._trace.tell(f"{self.name} is shown {text!r} from {(phone or '?')[-2:]}")
                if self._random.random() < 0.3:
                    self.read()
            case MessageSentElsewhere(text=text):
                self._trace.tell(f"{self.name} is told of {text!r}, sent elsewhere")
            case TickChanged(message_id=message_id, state=state):
                self._note_tick(message_id, state)
            case ConnectionChanged(connectivity=Connectivity.STOPPED, error=error):
                self._trace.tell(f"{self.name} has stopped: {error}")
                if isinstance(error, RelayRefusedError):
                    self._note_gone()
            case EventsMissed(count=count):
                self._trace.tell(f"{self.name} has missed {count} events")
            case _:
                pass

    def _note_tick(self, message_id: str, state: MessageState) -> None:
        text = next((each.text for each in self.written if each.message_id == message_id), None)
        if text is None:
            return
        self.ticks[message_id] = state
        self._trace.tell(f"{self.name} sees {state.name.lower()} at {text!r}")
        false = self.check_tick(self, message_id, state)
        if false is not None:
            self.false_ticks.append(false)

    # ---- deeds ----

    def say(self, text: str, to: Person) -> None:
        """Write to somebody, whether the phone is on or not."""
        self._say(Written("", text, trio.current_time(), to), to.number)

    def say_in(self, text: str, group: Group) -> None:
        """Write to a group."""
        members = tuple(member.person.user for member in group.members)
        written = Written("", text, trio.current_time(), None, group.id, members)
        self._say(written, UserId(group.id))

    def _say(self, written: Written, to: str | UserId) -> None:
        try:
            if self.phone is not None:
                written.message_id = self.phone.send_text(to, written.text)
            else:  # as another process does
                with self.open_store() as store:
                    written.message_id = store.compose.text(to, written.text)
        except ClientError as error:
            self._trace.tell(f"{self.name} may not write {written.text!r}: {type(error).__name__}")
            return
        written.was_online = self.is_online
        self.written.append(written)
        where = written.to.name if written.to is not None else f"group {written.group:x}"
        self._trace.tell(f"{self.name} writes {written.text!r} to {where}")

    def read(self) -> None:
        """Look at everything that has come."""
        if self.phone is None:
            return
        for entry in self.phone.unread():
            if entry.text is not None:
                self.seen[entry.text] = None
        self.phone.mark_seen()

    def groups(self) -> list[Group]:
        """The groups that this device's account is in."""
        if self.phone is None:
            return []
        return [group for group in self.phone._store.groups.all() if group.is_member]

    def open_store(self) -> Store:
        """Its store, past the phone."""
        return Store.open(self.home, self.entropy, self.clock)


def relay_url(key: bytes, host: str, port: int) -> RelayUrl:
    """Where the node is."""
    return RelayUrl(host, port, key)
