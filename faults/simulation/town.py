"""The town of a history: a node and people, and how the things are done that a plan names.

Most towns begin as a copy of one that was founded before: registering people and linking their devices takes
longer than most histories. ``found`` is that beginning, and as real as the rest.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import trio

from client import Applicant, open_application, open_phone
from client.errors import ClientError, GroupError, RelayRefusedError
from client.groups.wishes import WishAdd, WishLeave
from client.linking import Invitation, open_newcomer
from faults.simulation.clock import WallClock
from faults.simulation.determinism import stream
from faults.simulation.host import HostNetwork
from faults.simulation.network import SimNetwork
from faults.simulation.node import HOST, PORT, SimNode
from faults.simulation.people import Device, Person, relay_url
from faults.simulation.plan import Plan, Step
from faults.simulation.trace import Trace
from protocol.e2e.group_info import GroupInfo
from protocol.ids import UserId
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

    def device(self, person: Person, name: str, home: str, linked_at: float) -> Device:
        """A device of somebody, which is not on yet."""
        made = Device(
            person,
            name,
            self.folder / home,
            self.network,
            stream(self.plan.seed, f"device {name}"),
            self.trace,
            linked_at=linked_at,
        )
        person.devices.append(made)
        return made

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
            for place, home in enumerate(facts["homes"], start=1):
                self.device(person, f"{person.name}.{place}", home, -1.0)

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
                "homes": [device.home.name for device in person.devices],
            }
            for person in self.people
        ]
        (self.folder / REGISTER).write_text(json.dumps(register))

    async def _settle_person(self, place: int) -> None:
        number = f"+4917139200{place:02}"
        person = Person(number, UserId(0))
        self.people.append(person)
        first = self.device(person, f"{person.name}.1", f"{person.name}.1", -1.0)
        await self._register(person, first, takes_over=False)
        if place % COMPANION_EVERY == 0:
            await self._link(person, self.device(person, f"{person.name}.2", f"{person.name}.2", -1.0))

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

    async def _link(self, person: Person, companion: Device) -> None:
        shown: list[Invitation] = []
        network = HostNetwork(self.network, companion.name)
        first = person.devices[0]
        async with (
            open_phone(
                first.home,
                network=HostNetwork(self.network, first.name),
                entropy=first.entropy,
                clock=first.clock,
            ) as phone,
            open_newcomer(
                companion.home,
                relay_url(self.node.key, HOST, PORT),
                companion.name,
                network=network,
                entropy=companion.entropy,
                clock=companion.clock,
            ) as newcomer,
            trio.open_nursery() as nursery,
        ):
            await phone.wait_online()
            nursery.start_soon(newcomer.link, shown.append, lambda _why: None)
            await self._until(lambda: bool(shown))
            await phone.link_device(shown[0].text, first.entropy)

    # ---- deeds ----

    def do(self, step: Step) -> None:
        """Do one thing of the plan; what is impossible at the time is left undone."""
        devices = self.devices
        if devices:
            _DEEDS[step.kind](self, step, devices[step.who % len(devices)])

    def other(self, device: Device, whom: int) -> Person:
        """Somebody else."""
        others = [person for person in self.people if person is not device.person]
        return others[whom % len(others)]

    def register_anew(self, device: Device) -> None:
        """Somebody has another phone: all devices of before are logged out."""
        person = device.person
        if person.is_moving:
            return
        person.is_moving = person.registered_anew = True
        self.trace.tell(f"{person.name} registers anew")
        self.nursery.start_soon(self._move, person)

    async def _move(self, person: Person) -> None:
        place = len(person.devices) + 1
        name = f"{person.name}.{place}"
        new = Device(
            person,
            name,
            self.folder / name,
            self.network,
            stream(self.plan.seed, f"device {name}"),
            self.trace,
        )
        await self._register(person, new, takes_over=True)
        new.linked_at = trio.current_time()
        person.devices.append(new)
        person.is_moving = False
        self.trace.tell(f"{new.name} is registered")
        self.nursery.start_soon(new.live)


def _names(group: BaseExceptionGroup[BaseException]) -> str:
    return ", ".join(type(error).__name__ + f" {error}" for error in group.exceptions)


def _asked_to_wait(group: BaseExceptionGroup[BaseException]) -> float:
    """For how many seconds the relay has asked for patience."""
    details = [error.detail for error in group.exceptions if isinstance(error, RelayRefusedError)]
    return max((float(detail) for detail in details if isinstance(detail, int | float)), default=0.0)


# ---- what people do ----


def _say(town: Town, step: Step, device: Device) -> None:
    device.say(town.next_text(device), town.other(device, step.whom))


def _say_much(town: Town, step: Step, device: Device) -> None:
    for _ in range(2 + round(step.size * 10)):
        _say(town, step, device)


def _say_in_group(town: Town, step: Step, device: Device) -> None:
    groups = device.groups()
    if groups:
        device.say_in(town.next_text(device), groups[step.whom % len(groups)])


def _read(_town: Town, _step: Step, device: Device) -> None:
    device.read()


def _switch_off(town: Town, step: Step, device: Device) -> None:
    town.trace.tell(f"{device.name} is off for {step.seconds} s")
    device.switch_off(step.seconds)


def _restart(town: Town, _step: Step, device: Device) -> None:
    town.trace.tell(f"{device.name} is restarted")
    device.switch_off(0)


def _register_anew(town: Town, _step: Step, device: Device) -> None:
    town.register_anew(device)


def _leave_a_group(town: Town, step: Step, device: Device) -> None:
    groups = device.groups()
    if groups and device.phone is not None:
        group = groups[step.whom % len(groups)]
        device.person.left[group.id] = None
        town.trace.tell(f"{device.name} leaves group {group.id:x}")
        device.phone.groups.want(group.id, WishLeave())


def _make_a_group(town: Town, step: Step, device: Device) -> None:
    if device.phone is None:
        return
    others = [person for person in town.people if person is not device.person]
    first = step.whom % len(others)
    members = (others * 2)[first : first + 2 + round(step.size * 2)]
    users = dict.fromkeys(person.user for person in members)
    try:
        group, _ = device.phone._store.groups.create(list(users), GroupInfo(f"of {device.name}"))
    except GroupError as error:
        town.trace.tell(f"{device.name} cannot make a group: {error}")
        return
    device.phone.groups._sync.look()
    town.trace.tell(
        f"{device.name} makes group {group:x} with {', '.join(person.name for person in members)}"
    )


def _add_to_a_group(town: Town, step: Step, device: Device) -> None:
    groups = [group for group in device.groups() if group.is_admin]
    if not groups or device.phone is None:
        return
    group = groups[step.whom % len(groups)]
    person = town.other(device, step.whom // 7)
    town.trace.tell(f"{device.name} adds {person.name} to group {group.id:x}")
    device.phone.groups.want(group.id, WishAdd((person.user,)))


_DEEDS: dict[str, Callable[[Town, Step, Device], None]] = {
    "say": _say,
    "say in a group": _say_in_group,
    "say much": _say_much,
    "read": _read,
    "switch off": _switch_off,
    "restart": _restart,
    "register anew": _register_anew,
    "leave a group": _leave_a_group,
    "make a group": _make_a_group,
    "add to a group": _add_to_a_group,
}
