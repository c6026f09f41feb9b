"""The town of a history: a node and people, and how the things are done that a plan names.

Most towns begin as a copy of one that was founded before: registering people and linking their devices takes
longer than most histories. ``found`` is that beginning, and as real as the rest.
"""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import trio

from client import Applicant, Phone, open_application, open_phone
from client.errors import ClientError, RelayRefusedError
from client.linking import Invitation, open_newcomer
from faults.simulation.clock import WallClock
from faults.simulation.determinism import stream
from faults.simulation.host import HostNetwork
from faults.simulation.network import SimNetwork
from faults.simulation.node import HOST, PORT, SimNode
from faults.simulation.people import Device, Person, relay_url
from faults.simulation.plan import Plan
from faults.simulation.trace import Trace
from protocol.e2e.group_info import GroupInfo
from protocol.ids import DeviceAddress, UserId
from relay.config import Config
from relay.rate_limits import Limit

MANY = Limit(1_000_000, "s", 1_000_000)
"""People here live faster than limits are made for; the limits have tests of their own."""

CONFIG = Config(
    admin=None,
    test_hooks=True,
    keepalive_seconds=10,
    window_messages=5,
    mailbox_idle_seconds=5,
    limit_connections=MANY,
    limit_connections_per_address=MANY,
    limit_logins=MANY,
    limit_codes=MANY,
    limit_codes_per_address=MANY,
    limit_prekey_fetches=MANY,
    limit_prekey_fetches_per_target=MANY,
    limit_one_time_prekeys=MANY,
    limit_lookups=MANY,
    limit_lookups_of_new=MANY,
    limit_lookups_per_address=MANY,
)

REGISTER = "register"
COMPANION_EVERY = 3
"""Every so many people one has a second device."""
GROUP_EVERY = 3
RETRY_SECONDS = 2.0
FOUNDING_SECONDS = 600.0
LINKING_SECONDS = 30.0
"""After which somebody gives up linking a device."""


@dataclass(slots=True)
class Town:
    """A node, its network, its people."""

    plan: Plan
    folder: Path
    network: SimNetwork
    trace: Trace
    nursery: trio.Nursery
    node: SimNode
    people: list[Person]
    relay_clock: WallClock
    counter: int = 0
    """Of the texts: no two are the same."""

    @classmethod
    def lay_out(
        cls, plan: Plan, folder: Path, network: SimNetwork, trace: Trace, nursery: trio.Nursery
    ) -> "Town":
        """A town in a folder; nothing runs yet."""
        clock = WallClock()
        node = SimNode(
            folder / "relay",
            plan.workers,
            network,
            replace(CONFIG, workers=plan.workers),
            lambda name: stream(plan.seed, name).randbytes,
            clock,
            trace.tell,
        )
        return cls(plan, folder, network, trace, nursery, node, [], clock)

    def make_device(self, person: Person, *, is_primary: bool) -> Device:
        """The next device of somebody, which is not on yet and belongs to nobody's account."""
        person.made += 1
        name = f"{person.name}.{person.made}"
        return Device(
            person,
            name,
            self.folder / name,
            self.network,
            stream(self.plan.seed, f"device {name}"),
            self.trace,
            is_primary=is_primary,
        )

    @property
    def devices(self) -> list[Device]:
        """All devices that are not logged out."""
        return [device for person in self.people for device in person.alive]

    def next_text(self, device: Device) -> str:
        """What nobody has written before."""
        self.counter += 1
        return f"{device.name} #{self.counter}"

    # ---- beginning ----

    def move_in(self) -> None:
        """Take up the people who were here when the town was founded."""
        register = json.loads((self.folder / REGISTER).read_text())
        for facts in register:
            person = Person(facts["number"], UserId(facts["user"]))
            self.people.append(person)
            for place in range(facts["devices"]):
                person.devices.append(self.make_device(person, is_primary=place == 0))

    async def found(self) -> None:
        """Have people register, link their companions and make groups; then write down who is here."""
        for place in range(self.plan.people):
            await self._settle_person(place)
        for person in self.people:
            for device in person.devices:
                self.nursery.start_soon(device.live)
        await self._until(lambda: all(device.is_online for device in self.devices))
        for place, person in enumerate(self.people):
            if place % GROUP_EVERY == 0:
                members = [self.people[(place + step) % len(self.people)] for step in (1, 2, 3, 4)]
                await self._found_group(person, members, f"group {place}")
        await trio.sleep(30)
        for device in self.devices:
            device.is_gone = True
            device.switch_off(0)
        await self._until(
            lambda: all(device.phone is None for person in self.people for device in person.devices)
        )
        register = [
            {
                "number": person.number,
                "user": int(person.user),
                "devices": len(person.devices),
            }
            for person in self.people
        ]
        (self.folder / REGISTER).write_text(json.dumps(register))

    async def _settle_person(self, place: int) -> None:
        number = f"+4917139200{place:02}"
        person = Person(number, UserId(0))
        self.people.append(person)
        first = self.make_device(person, is_primary=True)
        await self._register(person, first, takes_over=False)
        person.devices.append(first)
        if place % COMPANION_EVERY == 0:
            await self._link_first(person, first)

    async def _found_group(self, person: Person, members: list[Person], name: str) -> None:
        phone = person.devices[0].phone
        assert phone is not None
        others = dict.fromkeys(member.user for member in members if member is not person)
        for member in members:
            await phone.find(member.number)
        group, row = phone._store.groups.create(list(others), GroupInfo(name))
        phone.groups._sync.look()
        await self._until(lambda: phone.groups.is_settled(row))
        await self._until(
            lambda: all(
                any(each.id == group for each in device.groups())
                for member in [person, *members]
                for device in member.devices
            )
        )

    async def _until(self, holds: Callable[[], bool]) -> None:
        with trio.fail_after(FOUNDING_SECONDS):
            while not holds():  # noqa: ASYNC110 - of simulated time
                await trio.sleep(0.1)

    # ---- registering and linking ----

    async def _register(self, person: Person, device: Device, *, takes_over: bool) -> None:
        """Prove the number, as often as it takes."""
        wait = 0.0
        while True:
            try:
                await self._try_to_register(person, device, takes_over)
                return
            except* ClientError as group:
                self.trace.tell(f"{device.name} could not register: {_names(group)}")
                wait = _asked_to_wait(group)
            await trio.sleep(wait + RETRY_SECONDS)

    async def _try_to_register(self, person: Person, device: Device, takes_over: bool) -> None:
        applicant = Applicant(relay_url(self.node.key, HOST, PORT), person.number, takes_over=takes_over)
        network = HostNetwork(self.network, device.name)
        async with open_application(
            device.home, applicant, network=network, entropy=device.entropy, clock=device.clock
        ) as application:
            account = application.resumed()
            if account is None:
                await application.request_code()
                await trio.sleep(0.1)  # the message with the code
                account = await application.register(self.node.codes.codes[person.number])
            person.user = account.user

    async def _link_first(self, person: Person, first: Device) -> None:
        companion = self.make_device(person, is_primary=False)
        async with open_phone(
            first.home,
            network=HostNetwork(self.network, first.name),
            entropy=first.entropy,
            clock=first.clock,
        ) as first.phone:
            await first.phone.wait_online()
            await self._link(first, companion)
        first.phone = None
        person.devices.append(companion)

    async def _link(self, primary: Device, companion: Device) -> None:
        shown: list[Invitation] = []
        async with (
            open_newcomer(
                companion.home,
                relay_url(self.node.key, HOST, PORT),
                companion.name,
                network=HostNetwork(self.network, companion.name),
                entropy=companion.entropy,
                clock=companion.clock,
            ) as newcomer,
            trio.open_nursery() as nursery,
        ):
            nursery.start_soon(newcomer.link, shown.append, lambda _why: None)
            while not shown:  # noqa: ASYNC110 - of simulated time
                await trio.sleep(0.1)
            phone = primary.phone
            if phone is None:
                raise PhoneOffError
            try:
                await phone.link_device(shown[0].text, primary.entropy)
            except sqlite3.ProgrammingError:
                if primary.phone is phone:
                    raise
                raise PhoneOffError from None  # switched off on the way, and its store closed

    def other(self, device: Device, whom: int) -> Person:
        """Somebody else."""
        others = [person for person in self.people if person is not device.person]
        return others[whom % len(others)]

    def cursor_of(self, address: DeviceAddress) -> int | None:
        """Up to where a device has stored what the relay keeps for it; None if it is off."""
        for device in self.devices:
            if device.phone is not None and device.phone.account.address == address:
                return int(device.phone._store.cursor())
        return None

    # ---- moving, linking, locking out ----

    def register_anew(self, device: Device) -> None:
        """Somebody has another phone: all devices of before are logged out."""
        person = device.person
        if person.is_moving:
            return
        person.is_moving = person.registered_anew = person.was_disturbed = True
        self.trace.tell(f"{person.name} registers anew")
        self.nursery.start_soon(self._move, person)

    async def _move(self, person: Person) -> None:
        new = self.make_device(person, is_primary=True)
        await self._register(person, new, takes_over=True)
        self._take_in(new)
        person.is_moving = False

    def _take_in(self, device: Device) -> None:
        """From now on it is one of its person's devices, and on."""
        device.linked_at = trio.current_time()
        device.person.devices.append(device)
        self.trace.tell(f"{device.name} is a device of {device.person.name}")
        self.nursery.start_soon(device.live)

    def link_companion(self, device: Device) -> None:
        """Somebody takes another device into the account."""
        person = device.person
        primary = person.primary
        if person.is_moving or person.is_linking or primary is None or primary.phone is None:
            return
        person.is_linking = person.was_disturbed = True
        companion = self.make_device(person, is_primary=False)
        self.trace.tell(f"{person.name} links {companion.name}")
        self.nursery.start_soon(self._welcome, person, primary, companion)

    async def _welcome(self, person: Person, primary: Device, companion: Device) -> None:
        with trio.move_on_after(LINKING_SECONDS):
            try:
                await self._link(primary, companion)
            except* (ClientError, PhoneOffError) as group:
                self.trace.tell(f"{companion.name} could not be linked: {_names(group)}")
            else:
                self._take_in(companion)
        person.is_linking = False

    def remove_companion(self, device: Device) -> None:
        """Somebody locks a companion out."""
        person, primary = device.person, device.person.primary
        companions = [each for each in person.alive if not each.is_primary]
        if not companions or primary is None or primary.phone is None:
            return
        person.was_disturbed = True
        self.trace.tell(f"{person.name} removes {companions[0].name}")
        self.nursery.start_soon(self._remove, primary.phone, companions[0])

    async def _remove(self, phone: Phone, companion: Device) -> None:
        try:
            await phone.remove_device(companion.number)
        except ClientError as error:
            self.trace.tell(f"{companion.name} could not be removed: {type(error).__name__}")


class PhoneOffError(Exception):
    """The phone that was to do something is off."""


def _names(group: BaseExceptionGroup[BaseException]) -> str:
    return ", ".join(type(error).__name__ + f" {error}" for error in group.exceptions)


def _asked_to_wait(group: BaseExceptionGroup[BaseException]) -> float:
    """For how many seconds the relay has asked for patience."""
    details = [error.detail for error in group.exceptions if isinstance(error, RelayRefusedError)]
    return max((float(detail) for detail in details if isinstance(detail, int | float)), default=0.0)
