"""The faults: what each does to a town. One that lasts ends by itself, at the latest when all is healed."""

from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from faults.simulation.link import READ_BYTES, SimLink
from faults.simulation.people import Device
from faults.simulation.plan import Step
from faults.simulation.town import Town
from relay.mailbox_handle import name_of

SLOWEST_NETWORK_SECONDS = 1.5
SLOWEST_DISK_SECONDS = 3.0
DOWN_SECONDS = 3.0
LONGEST_JUMP_SECONDS = 86_400.0
FLAPS = 12
SWIZZLE_SECONDS = 1.5
MOST_DRIFT = 0.2


NEIGHBOURLY = (
    "cut",
    "half-open",
    "partition",
    "one-way partition",
    "split people",
    "swizzle-clog",
    "slow reader",
    "crash phone",
)
"""Faults that hit some people, whom we know, and must cost the others nothing (D7)."""


class Harm:
    """What is broken at the moment, and how it is mended."""

    def __init__(self, town: Town, random: Random) -> None:
        self.town = town
        self.random = random
        self.counts: dict[str, int] = {}
        self.is_over = False
        self._held: dict[str, Callable[[], None]] = {}  # {device: what ends its partition}
        self._stalled: dict[SimLink, None] = {}

    def do(self, step: Step) -> None:
        """Break one thing of the plan; what is not there cannot be broken."""
        if self.is_over:
            return
        told = _FAULTS[step.kind](self, step)
        if told is not None:
            self.counts[step.kind] = self.counts.get(step.kind, 0) + 1
            self.town.trace.tell(f"    FAULT {step.kind}: {told}")

    def heal(self) -> None:
        """No more faults: all is mended, but what is dead comes back by itself."""
        self.is_over = True
        network = self.town.network
        network.latency = network.local_latency = 0.0
        network.draw_jitter = lambda: 0.0
        network.segment_bytes = READ_BYTES
        for mend in list(self._held.values()):
            mend()
        for link in self._stalled:
            network.unstall(link)
        network.unreachable.clear()
        for disk in self.town.node.disks:
            disk.begin_seconds = disk.report_seconds = 0.0005
            disk.is_full = disk.fails_next = False
            disk.before_commit = disk.after_commit = None

    # ---- whom it hits ----

    def device(self, step: Step) -> Device | None:
        devices = self.town.devices
        return devices[step.who % len(devices)] if devices else None

    def link(self, step: Step) -> SimLink | None:
        """A connection of a device."""
        links = [link for link in self.town.network.links if not link.is_local]
        return links[step.who % len(links)] if links else None

    def worker(self, step: Step) -> int:
        return step.who % self.town.plan.workers

    def later(self, seconds: float, mend: Callable[[], None]) -> None:
        self.town.network.courier.post(seconds, lambda: None if self.is_over else mend())

    def isolate(self, device: Device, seconds: float, *, away: bool, back: bool) -> None:
        """Let nothing through from (``away``) or to (``back``) a device; what was sent arrives afterwards."""
        network = self.town.network
        device.person.was_disturbed = True
        held: list[SimLink] = []
        for link in device.host.links:
            held += [side for side, is_held in ((link, away), (link.peer, back)) if is_held]
        for side in held:
            network.hold(side)
        device.host.is_cut_off = True

        def end() -> None:
            if self._held.get(device.name) is end:
                del self._held[device.name]
            device.host.is_cut_off = False
            for side in held:
                network.release(side)

        self._replace_hold(device.name, end)
        self.later(seconds, end)

    def disturb(self, link: SimLink) -> None:
        """Note whose connection is about to suffer."""
        for person in self.town.people:
            if any(device.name in (link.name, link.peer.name) for device in person.devices):
                person.was_disturbed = True

    def isolate_worker(self, number: int, seconds: float) -> None:
        """Let a worker and the others of its node not hear one another."""
        network, life = self.town.network, self.town.node.lives[number]
        if life is None:
            return
        held = [side for link in life.network.links if link.is_local for side in (link, link.peer)]
        places = dict.fromkeys(life.network.local_places)
        for side in held:
            network.hold(side)
        network.unreachable.update(places)
        life.network.is_alone = True
        name = f"worker {number}"

        def end() -> None:
            if self._held.get(name) is end:
                del self._held[name]
            life.network.is_alone = False
            for place in places:
                network.unreachable.pop(place, None)
            for side in held:
                network.release(side)

        self._replace_hold(name, end)
        self.later(seconds, end)

    def _replace_hold(self, name: str, end: Callable[[], None]) -> None:
        before = self._held.get(name)
        if before is not None:
            before()
        self._held[name] = end

    def stall(self, link: SimLink, seconds: float) -> None:
        self.disturb(link)
        self.town.network.stall(link)
        self._stalled[link] = None

        def go_on() -> None:
            self._stalled.pop(link, None)
            self.town.network.unstall(link)

        self.later(seconds, go_on)


# ---- the network ----


def _cut(harm: Harm, step: Step) -> str | None:
    link = harm.link(step)
    if link is None:
        return None
    harm.disturb(link)
    harm.town.network.cut(link)
    return f"{link.name} to {link.remote}"


def _half_open(harm: Harm, step: Step) -> str | None:
    link = harm.link(step)
    if link is None:
        return None
    harm.disturb(link)
    harm.town.network.silence(link)
    return f"{link.name} to {link.remote}"


def _partition(harm: Harm, step: Step) -> str | None:
    device = harm.device(step)
    if device is None:
        return None
    harm.isolate(device, step.seconds, away=True, back=True)
    return f"{device.name} for {step.seconds} s"


def _one_way_partition(harm: Harm, step: Step) -> str | None:
    device = harm.device(step)
    if device is None:
        return None
    away = step.size < 0.5
    harm.isolate(device, step.seconds, away=away, back=not away)
    return f"{'from' if away else 'to'} {device.name} for {step.seconds} s"


def _some_devices(harm: Harm, step: Step) -> list[Device]:
    """About as many of them as the step is large, at least one."""
    devices = harm.town.devices
    return harm.random.sample(devices, max(1, round(step.size * len(devices)))) if devices else []


def _split_people(harm: Harm, step: Step) -> str | None:
    """A whole region without the node."""
    cut_off = _some_devices(harm, step)
    for device in cut_off:
        harm.isolate(device, step.seconds, away=True, back=True)
    return f"{', '.join(device.name for device in cut_off)} for {step.seconds} s" if cut_off else None


def _swizzle_clog(harm: Harm, step: Step) -> str | None:
    """One after the other is cut off, and comes back in another order."""
    clogged = _some_devices(harm, step)
    back = harm.random.sample(clogged, len(clogged))
    for turn, device in enumerate(clogged):
        from_now = SWIZZLE_SECONDS * turn
        until = SWIZZLE_SECONDS * (len(clogged) + 1 + back.index(device))
        isolate = partial(harm.isolate, device, until - from_now, away=True, back=True)
        harm.later(from_now, isolate)
    return ", ".join(device.name for device in clogged) or None


def _slow_reader(harm: Harm, step: Step) -> str | None:
    link = harm.link(step)
    if link is None:
        return None
    harm.stall(link, step.seconds)
    return f"{link.name} does not read for {step.seconds} s"


def _stutter(harm: Harm, step: Step) -> str:
    network = harm.town.network
    network.segment_bytes = 1 + round(step.size * 100)
    harm.later(step.seconds, lambda: setattr(network, "segment_bytes", READ_BYTES))
    return f"{network.segment_bytes} bytes at a time for {step.seconds} s"


def _slow_network(harm: Harm, step: Step) -> str:
    network, random = harm.town.network, harm.random
    most = step.size * SLOWEST_NETWORK_SECONDS
    network.draw_jitter = lambda: random.random() * most
    harm.later(step.seconds, lambda: setattr(network, "draw_jitter", lambda: 0.0))
    return f"up to {most:.3f} s for {step.seconds} s"


def _bus_cut(harm: Harm, step: Step) -> str | None:
    if harm.town.plan.workers == 1:
        return None
    harm.town.node.cut_bus(harm.worker(step))
    return f"all links of worker {harm.worker(step)}"


def _slow_bus(harm: Harm, step: Step) -> str | None:
    network = harm.town.network
    if harm.town.plan.workers == 1:
        return None
    network.local_latency = step.size * 0.2
    harm.later(step.seconds, lambda: setattr(network, "local_latency", 0.0))
    return f"{network.local_latency:.3f} s for {step.seconds} s"


def _split_workers(harm: Harm, step: Step) -> str | None:
    if harm.town.plan.workers == 1:
        return None
    harm.isolate_worker(harm.worker(step), step.seconds)
    return f"worker {harm.worker(step)} from the others for {step.seconds} s"


def _cut_all_devices(harm: Harm) -> None:
    for device in harm.town.devices:
        for link in device.host.links:
            harm.town.network.cut(link)


def _reconnect_storm(harm: Harm, _step: Step) -> str:
    _cut_all_devices(harm)
    return "all devices at once"


# ---- processes and actors ----


def _kill_worker(harm: Harm, step: Step) -> str:
    harm.town.node.kill(harm.worker(step), step.size * DOWN_SECONDS)
    return f"worker {harm.worker(step)}"


def _kill_node(harm: Harm, step: Step) -> str:
    harm.town.node.kill_all(step.size * DOWN_SECONDS)
    return "all workers"


def _kill_at_commit(moment: str, harm: Harm, step: Step) -> str:
    node, number = harm.town.node, harm.worker(step)
    setattr(node.disks[number], moment, lambda _disk: node.kill(number, step.size * DOWN_SECONDS))
    return f"worker {number}, at its next one"


def _kill_connection(harm: Harm, step: Step) -> str | None:
    owners = [
        each.owner
        for life in harm.town.node.living
        for each in life.worker.presence.connections()
        if each.owner is not None
    ]
    if not owners:
        return None
    owners[step.who % len(owners)].kill()
    return "one of a device"


def _kill_mailbox(harm: Harm, step: Step) -> str | None:
    person = harm.town.people[step.who % len(harm.town.people)]
    for life in harm.town.node.living:
        ref = life.worker.system.whereis(name_of(person.user))
        if ref is not None:
            ref.kill()
            return f"that of {person.name}"
    return None


def _kill_any_actor(harm: Harm, step: Step) -> str | None:
    """Not the root, which is the process's own end."""
    actors = [(life, ref) for life in harm.town.node.living for ref in life.worker.system.actors]
    actors = [(life, ref) for life, ref in actors if ref is not life.root]
    if not actors:
        return None
    _, ref = actors[step.who % len(actors)]
    name = str(ref)
    ref.kill()
    return name


def _crash_phone(harm: Harm, step: Step) -> str | None:
    device = harm.device(step)
    if device is None:
        return None
    device.crash(step.size * DOWN_SECONDS)
    return device.name


# ---- disks and clocks ----


def _slow_disk(harm: Harm, step: Step) -> str:
    disk = harm.town.node.disks[harm.worker(step)]
    disk.begin_seconds = step.size**2 * SLOWEST_DISK_SECONDS
    disk.report_seconds = step.size**3 * SLOWEST_DISK_SECONDS

    def mend() -> None:
        disk.begin_seconds = disk.report_seconds = 0.0005

    harm.later(step.seconds, mend)
    return f"that of worker {disk.number}: {disk.begin_seconds:.3f} s for {step.seconds} s"


def _flapping_while_writing(harm: Harm, step: Step) -> str:
    """Connections break again and again while a disk is slow: messages come again before they are stored."""
    disk = harm.town.node.disks[harm.worker(step)]
    disk.begin_seconds = 0.5 + step.size
    for turn in range(FLAPS):
        harm.later(0.3 * turn, partial(_cut_all_devices, harm))

    def mend() -> None:
        disk.begin_seconds = disk.report_seconds = 0.0005

    harm.later(0.3 * FLAPS, mend)
    return f"the disk of worker {disk.number} takes {disk.begin_seconds:.3f} s, and {FLAPS} storms"


def _full_disk(harm: Harm, step: Step) -> str:
    disk = harm.town.node.disks[harm.worker(step)]
    disk.is_full = True
    harm.later(step.seconds, lambda: setattr(disk, "is_full", False))
    return f"that of worker {disk.number} for {step.seconds} s"


def _failing_fsync(harm: Harm, step: Step) -> str:
    disk = harm.town.node.disks[harm.worker(step)]
    disk.fails_next, disk.keeps_failed = True, step.size < 0.5
    return f"that of worker {disk.number}, what was written {'stays' if disk.keeps_failed else 'is gone'}"


def _clock_jump(harm: Harm, step: Step) -> str:
    seconds = (step.size - 0.5) * 2 * LONGEST_JUMP_SECONDS
    device = harm.device(step)
    if device is None or step.whom % 3 == 0:
        harm.town.relay_clock.offset += seconds
        return f"the relay's by {seconds:.0f} s"
    device.clock.offset += seconds
    return f"that of {device.name} by {seconds:.0f} s"


def _clock_drift(harm: Harm, step: Step) -> str:
    drift = (step.size - 0.5) * 2 * MOST_DRIFT
    device = harm.device(step)
    if device is None or step.whom % 3 == 0:
        harm.town.relay_clock.drift_by(drift)
        return f"the relay's gains {drift:.3f} s a second"
    device.clock.drift_by(drift)
    return f"that of {device.name} gains {drift:.3f} s a second"


_FAULTS: dict[str, Callable[[Harm, Step], str | None]] = {
    "cut": _cut,
    "half-open": _half_open,
    "partition": _partition,
    "one-way partition": _one_way_partition,
    "split people": _split_people,
    "swizzle-clog": _swizzle_clog,
    "slow reader": _slow_reader,
    "stutter": _stutter,
    "slow network": _slow_network,
    "bus cut": _bus_cut,
    "slow bus": _slow_bus,
    "split workers": _split_workers,
    "kill worker": _kill_worker,
    "kill node": _kill_node,
    "kill before commit": partial(_kill_at_commit, "before_commit"),
    "kill after commit": partial(_kill_at_commit, "after_commit"),
    "slow disk": _slow_disk,
    "full disk": _full_disk,
    "failing fsync": _failing_fsync,
    "kill connection": _kill_connection,
    "kill mailbox": _kill_mailbox,
    "kill any actor": _kill_any_actor,
    "crash phone": _crash_phone,
    "clock jump": _clock_jump,
    "clock drift": _clock_drift,
    "reconnect storm": _reconnect_storm,
    "flapping while writing": _flapping_while_writing,
}


def names_of(counts: dict[str, int]) -> Sequence[str]:
    """The faults that have happened, most frequent first."""
    return sorted(counts, key=lambda name: (-counts[name], name))
