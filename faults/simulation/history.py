"""One history: a plan is carried out, then all faults end, everything heals, and the checker looks at it.

``run_history`` is everything: it founds the town (or takes a copy of one that was founded before), runs it
under determinism and tells what came of it.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import trio

from faults.simulation.checker import check, unsettled
from faults.simulation.clock import JumpClock
from faults.simulation.determinism import determinism, stream
from faults.simulation.harm import Harm
from faults.simulation.network import open_sim_network
from faults.simulation.people import Device
from faults.simulation.plan import Plan, Step
from faults.simulation.town import Town
from faults.simulation.trace import Trace
from faults.simulation.watch import Complaints, Disks, KeyUses
from storage import Op

Sabotage = Callable[[], AbstractContextManager[None]]

FOUNDING_SEED = 1
HEALING_SECONDS = 400.0
"""In which everything must have come to its end: several of the longest waits of a phone."""

LAST_WORDS_SECONDS = 120.0
SHUTDOWN_SECONDS = 30.0


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

    def copy_to(self, plan: Plan, folder: Path) -> None:
        """Let a town of these numbers stand in a folder that does not exist yet."""
        kept = self._folder / f"town-{plan.people}-{plan.workers}"
        if not kept.exists():
            building = self._folder / f"building-{plan.people}-{plan.workers}"
            self._found(Plan(FOUNDING_SEED, plan.people, plan.workers, 0.0, (), ()), building)
            building.rename(kept)
        shutil.copytree(kept, folder, symlinks=True, ignore=shutil.ignore_patterns("*.sock", "*.lock"))

    @staticmethod
    def _found(plan: Plan, folder: Path) -> None:
        folder.mkdir(parents=True)

        async def main() -> None:
            async with open_sim_network() as network, trio.open_nursery() as nursery:
                town = Town.lay_out(plan, folder, network, Trace(), nursery)
                town.node.open()
                for number in range(plan.workers):
                    nursery.start_soon(town.node.run, number)
                await trio.sleep(1)
                await town.found()
                await _stop(town)
                nursery.cancel_scope.cancel()

        complaints = Complaints()
        with determinism(plan.seed), complaints.listening():
            trio.run(main, clock=JumpClock())


@contextmanager
def open_founder() -> Iterator[Founder]:
    """A founder whose towns are gone when the block is left; in memory where the system can do that."""
    place = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with tempfile.TemporaryDirectory(prefix="roost-towns-", dir=place) as folder:
        yield Founder(Path(folder))


def run_history(
    plan: Plan, founder: Founder, *, keep_all: bool = False, sabotage: Sabotage = nullcontext
) -> Outcome:
    """Carry a plan out; never raises for what goes wrong in it, but says so.

    Args:
        plan: what is done, and what breaks.
        founder: where the town comes from.
        keep_all: keep every line of the trace.
        sabotage: plants a bug, once the town stands.
    """
    outcome = Outcome(plan)
    place = "/dev/shm" if Path("/dev/shm").is_dir() else None
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="roost-history-", dir=place) as folder:
        town_folder = Path(folder) / "town"
        founder.copy_to(plan, town_folder)
        began = time.perf_counter()
        history = _History(plan, town_folder, outcome, Trace(keep_all=keep_all))
        with ExitStack() as stack:
            stack.enter_context(determinism(plan.seed))
            stack.enter_context(history.complaints.listening())
            stack.enter_context(history.keys.watching())
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


class _History:
    def __init__(self, plan: Plan, folder: Path, outcome: Outcome, trace: Trace) -> None:
        self.complaints = Complaints()
        self.keys = KeyUses()
        self._plan = plan
        self._folder = folder
        self._outcome = outcome
        self._trace = trace
        self._disks = Disks()

    async def run(self) -> None:
        plan, trace = self._plan, self._trace
        async with open_sim_network() as network, trio.open_nursery() as nursery:
            network.on_write = trace.note_frame
            town = Town.lay_out(plan, self._folder, network, trace, nursery)
            town.node.open()
            try:
                await self._live(town, nursery)
            finally:
                town.node.close()
        self._outcome.simulated_seconds = trio.current_time()

    async def _live(self, town: Town, nursery: trio.Nursery) -> None:
        plan, trace = self._plan, self._trace
        for disk in town.node.disks:
            disk.on_commit = self._note_commit
        for number in range(plan.workers):
            nursery.start_soon(town.node.run, number)
        town.move_in()
        for device in town.devices:
            device.check_tick = self._disks.find_false_tick
            nursery.start_soon(device.live)
        harm = Harm(town, stream(plan.seed, "harm"))
        async with trio.open_nursery() as busy:
            busy.start_soon(_carry_out, plan.deeds, town.do)
            busy.start_soon(_carry_out, plan.faults, harm.do)
        await trio.sleep_until(plan.seconds)
        trace.tell("all faults end")
        harm.heal()
        ended = trio.current_time()
        await _quiet(town, HEALING_SECONDS)
        await self._last_words(town)
        self._outcome.healing_seconds = trio.current_time() - ended
        trace.tell("all is quiet")
        self._outcome.problems += check(town)
        self._outcome.problems += self._check_node(town)
        self._outcome.faults = harm.counts
        self._outcome.messages = sum(len(each.written) for person in town.people for each in person.devices)
        self._outcome.shown = sum(len(each.shown) for person in town.people for each in person.devices)
        await _stop(town)
        left = len(town.network.links)
        if left:
            self._outcome.problems.append(f"{left} connections are left when everything has ended")
        nursery.cancel_scope.cancel()

    async def _last_words(self, town: Town) -> None:
        """Everybody says something more, and it must arrive: the town lives."""
        for place, device in enumerate(town.devices):
            device.say(town.next_text(device), town.other(device, place))
        await _quiet(town, LAST_WORDS_SECONDS)

    def _note_commit(self, number: int, batches: Sequence[Sequence[Op]]) -> None:
        self._trace.note_commit(number, batches)
        self._disks.look(batches)

    def _check_node(self, town: Town) -> list[str]:
        node = town.node
        problems = [f"restart limit: {what}" for what in node.gave_up]
        if len(node.living) != self._plan.workers:
            problems.append(f"{self._plan.workers - len(node.living)} workers are not running")
        online = sum(len(list(life.worker.presence.connections())) for life in node.living)
        expected = sum(device.phone is not None for device in town.devices)
        if online != expected:
            problems.append(f"the node has {online} connections, and there are {expected} devices")
        backlogs = [life.worker.journal.backlog for life in node.living]
        return problems + [f"a journal still has {backlog} waiting" for backlog in backlogs if backlog]

    def conclude(self) -> None:
        outcome = self._outcome
        outcome.problems += self._disks.problems + self.keys.problems + self.complaints.problems
        outcome.complaints = self.complaints.counts
        outcome.digest = self._trace.digest
        outcome.story, outcome.lines = self._trace.story, self._trace.lines
        outcome.frames, outcome.commits = self._trace.frames, self._trace.commits


async def _carry_out(steps: Sequence[Step], do: Callable[[Step], None]) -> None:
    for step in steps:
        await trio.sleep_until(step.at)
        do(step)


async def _quiet(town: Town, seconds: float) -> None:
    """Wait until everything has come to its end, or the time is over."""
    with trio.move_on_after(seconds):
        while unsettled(town):  # noqa: ASYNC110 - of simulated time
            await trio.sleep(1.0)
        await trio.sleep(2.0)  # receipts and cleaning up


async def _stop(town: Town) -> None:
    """Switch everything off, in order."""
    devices: list[Device] = [device for person in town.people for device in person.devices]
    for device in devices:
        device.is_gone = True
        device.switch_off(0)
    with trio.move_on_after(SHUTDOWN_SECONDS):
        while any(device.phone is not None for device in devices):  # noqa: ASYNC110
            await trio.sleep(0.1)
    town.node.is_ending = True
    town.node.kill_all(0.0)
    await trio.sleep(1.0)
