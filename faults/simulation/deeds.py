"""What people do: how each deed of a plan is done in a town. What is impossible is left undone."""

from collections.abc import Callable

from client.errors import GroupError
from client.groups.wishes import WishAdd, WishLeave, WishRemove
from faults.simulation.people import Device
from faults.simulation.plan import Step
from faults.simulation.town import Town
from protocol.e2e.group_info import GroupInfo


def do(town: Town, step: Step) -> None:
    """Do one thing of the plan."""
    devices = town.devices
    if devices:
        _DEEDS[step.kind](town, step, devices[step.who % len(devices)])


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


def _remove_from_a_group(town: Town, step: Step, device: Device) -> None:
    groups = [group for group in device.groups() if group.is_admin]
    if not groups or device.phone is None:
        return
    group = groups[step.whom % len(groups)]
    person = town.other(device, step.whom // 7)
    person.left[group.id] = None
    town.trace.tell(f"{device.name} removes {person.name} from group {group.id:x}")
    device.phone.groups.want(group.id, WishRemove((person.user,)))


def _link_a_companion(town: Town, _step: Step, device: Device) -> None:
    town.link_companion(device)


def _remove_a_companion(town: Town, _step: Step, device: Device) -> None:
    town.remove_companion(device)


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
    "remove from a group": _remove_from_a_group,
    "link a companion": _link_a_companion,
    "remove a companion": _remove_a_companion,
}
