"""One history: a plan is carried out, then all faults end, everything heals, and the checker looks at it.

``run_history`` is everything: it founds the town (or takes a copy of one that was founded before), runs it
under determinism and tells what came of it.
"""

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import trio

from faults.simulation.census import Census, census, differences
from faults.simulation.checker import Settling, check, check_neighbours
from faults.simulation.clock import JumpClock
from faults.simulation.deeds import do
from faults.simulation.determinism import determinism, stream
from faults.simulation.harm import NEIGHBOURLY, Harm
from faults.simulation.link import SimLink
from faults.simulation.network import open_sim_network
from faults.simulation.people import Device
from faults.simulation.plan import Plan, Step
from faults.simulation.rows import Rows
from faults.simulation.town import CONFIG, Town
from faults.simulation.trace import Trace
from faults.simulation.watch import Complaints, Eavesdropper, KeyUses, Watermarks
from storage import Op
from storage.tables import Put

Sabotage = Callable[[], AbstractContextManager[None]]

FOUNDING_SEED = 1
HEALING_SECONDS = 400.0
"""In which everything must have come to its end: several of the longest waits of a phone."""

LAST_WORDS_SECONDS = 120.0
SHUTDOWN_SECONDS = 30.0

LOOK_SECONDS = 0.5
"""How often it is looked whether all is settled."""

RECEIPTS_SECONDS = 0.5
"""In which the last receipts arrive, on a network without latency."""

REST_SECONDS = 3.0 * CONFIG.mailbox_idle_seconds
"""After the last phone has gone: a mailbox ends at the second look that finds it idle, and then its group."""

ACTOR_FAULTS = ("kill any actor", "kill connection", "kill mailbox")
"""Who kills actors again and again reaches a restart limit rightly."""

WHAT_KILLED_ACTORS_LEAVE = ("Flight.", "Worker.flights", "Worker.group_flights")
"""Until somebody asks for them again: what they had on its way to the disk (relay/flight.py)."""


@dataclass
class Outcome:
    """What came of a history."""

    plan: Plan
    digest: str = ""
    problems: list[str] = field(default_factory=list)
    story: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)
    complaints: dict[str, int] = field(default_factory=dict)
    simulated_seconds: float = 0.0
    healing_seconds: float = 0.0
    wall_seconds: float = 0.0
    messages: int = 0
    shown: int = 0
    frames: int = 0
    commits: int = 0


class Founder:
    """Founds towns, and keeps them to be copied: one for each number of people and workers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._at_rest: dict[tuple[int, int], list[Census]] = {}

    def at_rest(self, plan: Plan) -> list[Census]:
        """What each worker of a town of these numbers holds when nobody is there."""
        return self._at_rest[plan.people, plan.workers]

    def copy_to(self, plan: Plan, folder: Path) -> None:
        """Let a town of these numbers stand in a folder that does not exist yet."""
        kept = self._folder / f"town-{plan.people}-{plan.workers}"
        if not kept.exists():
            building = self._folder / f"building-{plan.people}-{plan.workers}"
            counted = self._found(Plan(FOUNDING_SEED, plan.people, plan.workers, 0.0, (), ()), building)
            self._at_rest[plan.people, plan.workers] = counted
            building.rename(kept)
        shutil.copytree(kept, folder, symlinks=True, ignore=shutil.ignore_patterns("*.sock", "*.lock"))

    @staticmethod
    def _found(plan: Plan, folder: Path) -> list[Census]:
        folder.mkdir(parents=True)
        counted: list[Census] = []

        async def main() -> None:
            async with open_sim_network() as network, trio.open_nursery() as nursery:
                town = Town.lay_out(plan, folder, network, Trace(), nursery)
                town.node.open()
                for number in range(plan.workers):
                    nursery.start_soon(town.node.run, number)
                await trio.sleep(1)
                await town.found()
                await trio.sleep(REST_SECONDS)
                counted.extend(census(life) for life in town.node.living)
                await _stop(town)
                nursery.cancel_scope.cancel()

        complaints = Complaints()
        with determinism(plan.seed), complaints.listening():
            trio.run(main, clock=JumpClock())
        return counted


@contextmanager
def open_founder() -> Iterator[Founder]:
    """A founder whose towns are gone when the block is left; in memory where the system can do that."""
    place = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="roost-towns-", dir=place) as folder:
        yield Founder(Path(folder))


def run_history(
    plan: Plan,
    founder: Founder,
    *,
    keep_all: bool = False,
    sabotage: Sabotage = nullcontext,
    healing_seconds: float = HEALING_SECONDS,
    at_rest: Callable[[Town], None] = lambda _town: None,
) -> Outcome:
    """Carry a plan out; never raises for what goes wrong in it, but says so.

    Args:
        plan: what is done, and what breaks.
        founder: where the town comes from.
        keep_all: keep every line of the trace.
        sabotage: plants a bug, once the town stands.
        healing_seconds: how long everything has to come to its end.
        at_rest: called when all phones are off, and the node has nothing to do any more.
    """
    outcome = Outcome(plan)
    place = "/dev/shm" if Path("/dev/shm").is_dir() else None
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="roost-history-", dir=place) as folder:
        town_folder = Path(folder) / "town"
        founder.copy_to(plan, town_folder)
        began = time.perf_counter()
        trace, fresh = Trace(keep_all=keep_all), founder.at_rest(plan)
        history = _History(plan, town_folder, outcome, trace, fresh, healing_seconds, at_rest)
        with ExitStack() as stack:
            stack.enter_context(determinism(plan.seed))
            stack.enter_context(history.watching())
            stack.enter_context(sabotage())
            try:
                trio.run(history.run, clock=JumpClock())
            except Exception as error:
                outcome.problems.append(f"the history broke off: {_words(error)}")
        history.conclude()
    outcome.wall_seconds = time.perf_counter() - began
    return outcome


def _words(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(_words(each) for each in error.exceptions)
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" at {Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place else ""
    return f"{type(error).__name__}: {error}{where}"


@dataclass
class _History:
    plan: Plan
    folder: Path
    outcome: Outcome
    trace: Trace
    fresh: list[Census]
    """What each worker held before."""
    healing_seconds: float
    at_rest: Callable[[Town], None]
    complaints: Complaints = field(default_factory=Complaints)
    keys: KeyUses = field(default_factory=KeyUses)
    eavesdropper: Eavesdropper = field(default_factory=Eavesdropper)
    watermarks: Watermarks = field(default_factory=Watermarks)
    rows: Rows = field(default_factory=Rows)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look on at everything that is looked at on the way."""
        with (
            self.complaints.listening(),
            self.keys.watching(),
            self.eavesdropper.listening(),
            self.watermarks.watching(),
        ):
            yield

    async def run(self) -> None:
        async with open_sim_network() as network, trio.open_nursery() as nursery:
            town = Town.lay_out(self.plan, self.folder, network, self.trace, nursery)
            network.on_write = partial(self._note_frame, town)
            town.node.open()
            try:
                await self._live(town, nursery)
            finally:
                town.node.close()
        self.outcome.simulated_seconds = trio.current_time()

    async def _live(self, town: Town, nursery: trio.Nursery) -> None:
        plan, outcome = self.plan, self.outcome
        for disk in town.node.disks:
            disk.on_commit = partial(self._note_commit, town)
        tasks = _tasks()
        for number in range(plan.workers):
            nursery.start_soon(town.node.run, number)
        town.move_in()
        for device in town.devices:
            device.check_tick = self.rows.find_false_tick
            nursery.start_soon(device.live)
        harm = Harm(town, stream(plan.seed, "harm"))
        async with trio.open_nursery() as busy:
            busy.start_soon(_carry_out, plan.deeds, partial(do, town))
            busy.start_soon(_carry_out, plan.faults, harm.do)
        await trio.sleep_until(plan.seconds)
        self.trace.tell("all faults end")
        harm.heal()
        ended = trio.current_time()
        settling = Settling(town)
        await _quiet(settling, self.healing_seconds)
        await self._last_words(town, settling)
        outcome.healing_seconds = trio.current_time() - ended
        self.trace.tell("all is quiet")
        outcome.problems += check(town)
        outcome.problems += self._check_node(town)
        if all(kind in NEIGHBOURLY for kind in harm.counts):
            outcome.problems += check_neighbours(town)
        outcome.faults = harm.counts
        outcome.messages = sum(len(each.written) for person in town.people for each in person.devices)
        outcome.shown = sum(len(each.shown) for person in town.people for each in person.devices)
        await _switch_off(town)
        await trio.sleep(REST_SECONDS)
        outcome.problems += self._check_rest(town, harm)
        self.at_rest(town)
        await _stop(town)
        left = len(town.network.links)
        if left:
            outcome.problems.append(f"{left} connections are left when everything has ended")
        outcome.problems += [f"a task is left: {name}" for name in _added(tasks, _tasks())]
        nursery.cancel_scope.cancel()

    async def _last_words(self, town: Town, settling: Settling) -> None:
        """Everybody says something more, and it must arrive: the town lives."""
        for place, device in enumerate(town.devices):
            device.say(town.next_text(device), town.other(device, place))
        await _quiet(settling, min(LAST_WORDS_SECONDS, self.healing_seconds))

    def _note_frame(self, town: Town, link: SimLink, data: bytes) -> None:
        self.trace.note_frame(link, data)
        self.eavesdropper.read(data, f"on the way from {link.name} to {link.remote}")
        self.watermarks.note_unsent(link, data, town.node.config.max_unsent_bytes)

    def _note_commit(self, town: Town, number: int, batches: Sequence[Sequence[Op]]) -> None:
        self.trace.note_commit(number, batches)
        self.rows.look(batches, town.node.devices_of, town.cursor_of)
        for ops in batches:
            for op in ops:
                if isinstance(op, Put):
                    self.eavesdropper.read(op.value, f"on disk {number}")

    def _check_node(self, town: Town) -> list[str]:
        node = town.node
        problems = [f"restart limit: {what}" for what in node.gave_up]
        if len(node.living) != self.plan.workers:
            problems.append(f"{self.plan.workers - len(node.living)} workers are not running")
        online = sum(len(list(life.worker.presence.connections())) for life in node.living)
        expected = sum(device.phone is not None for device in town.devices)
        if online != expected:
            problems.append(f"the node has {online} connections, and there are {expected} devices")
        backlogs = [life.worker.journal.backlog for life in node.living]
        return problems + [f"a journal still has {backlog} waiting" for backlog in backlogs if backlog]

    def _check_rest(self, town: Town, harm: Harm) -> list[str]:
        """Trees are whole, and nothing has been kept."""
        problems: list[str] = []
        kills_actors = any(kind in harm.counts for kind in ACTOR_FAULTS)
        for number, life in enumerate(town.node.lives):
            if life is not None:
                kept = differences(self.fresh[number], census(life))
                problems += [
                    f"not as it was: worker {number}: {what}"
                    for what in kept
                    if not (kills_actors and what.startswith(WHAT_KILLED_ACTORS_LEAVE))
                ]
                figures = life.journal.statistics()
                self.watermarks.note_backlog(figures.backlog_peak, life.journal.backlog_limit)
                for ref in life.worker.system.actors:
                    self.watermarks.note_actor(ref)
        if not kills_actors:
            problems += [f"restart limit: {what}" for what in self.complaints.given_up]
        return problems

    def conclude(self) -> None:
        outcome = self.outcome
        for watch in (self.rows, self.keys, self.eavesdropper, self.watermarks, self.complaints):
            outcome.problems += watch.problems
        outcome.complaints = self.complaints.counts
        outcome.digest = self.trace.digest
        outcome.story, outcome.lines = self.trace.story, self.trace.lines
        outcome.frames, outcome.commits = self.trace.frames, self.trace.commits


async def _carry_out(steps: Sequence[Step], do: Callable[[Step], None]) -> None:
    for step in steps:
        await trio.sleep_until(step.at)
        do(step)


async def _quiet(settling: Settling, seconds: float) -> None:
    """Wait until everything has come to its end, or the time is over."""
    with trio.move_on_after(seconds):
        while settling.waits():  # noqa: ASYNC110 - of simulated time
            await trio.sleep(LOOK_SECONDS)
        await trio.sleep(RECEIPTS_SECONDS)


async def _switch_off(town: Town) -> None:
    """Switch all phones off."""
    devices: list[Device] = [device for person in town.people for device in person.devices]
    for device in devices:
        device.is_gone = True
        device.switch_off(0)
    with trio.move_on_after(SHUTDOWN_SECONDS):
        while any(device.phone is not None for device in devices):  # noqa: ASYNC110
            await trio.sleep(0.1)


async def _stop(town: Town) -> None:
    """Switch everything off, in order."""
    await _switch_off(town)
    town.node.is_ending = True
    town.node.kill_all(0.0)
    await trio.sleep(1.0)


def _tasks() -> Counter[str]:
    """All tasks of the run, by name."""
    root = trio.lowlevel.current_root_task()
    waiting = [root] if root is not None else []
    names: Counter[str] = Counter()
    while waiting:
        task = waiting.pop()
        names[task.name] += 1
        waiting += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
    return names


def _added(before: Counter[str], after: Counter[str]) -> list[str]:
    return sorted((after - before).elements())
