"""Carries out a plan: one fault after the other, and after each, everybody has to come back.

Not here: what of it becomes a verdict (verdict.py) and a table (report.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import trio

from faults.real.arena import Arena
from faults.real.fault import Broken, Fault
from faults.real.following import Following
from faults.real.node_health import Health, look_at
from faults.real.plan import Plan, Step
from faults.real.stage import open_arena

RECOVERY_SECONDS = 60.0
"""Generous: a phone that was refused for a while waits for up to half of that before it tries again."""
STRIKE_SECONDS = 180.0
"""What a strike may take besides the seconds that the plan gives it."""
QUIET_SECONDS = 120.0
"""In which everything that was written has to come to its end."""

Say = Callable[[str], None]


@dataclass(slots=True)
class Struck:
    """A step of the plan, and what came of it. Moments are of the machine's monotonic clock."""

    step: Step
    began: float
    mended: float = 0.0
    over: float = 0.0
    """When all had recovered, or were not waited for any more."""
    done: str = ""
    """What the fault says that it did."""
    skipped: str = ""
    """Why it was left out."""
    broken: str = ""
    """What did not hold."""
    back: dict[str, float] = field(default_factory=dict)
    """{device: seconds from the mending until it was back}"""


@dataclass(slots=True)
class Course:
    """The whole of a run, as it went."""

    plan: Plan
    began: float
    began_at: float
    """The same moment in Unix seconds."""
    struck: list[Struck] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What did not hold that belongs to no step."""
    unsettled: list[str] = field(default_factory=list)
    """Clients that had not come to an end with what they had written."""
    left_out: int = 0
    """Steps that the time was over for."""
    before: Health | None = None
    after: Health | None = None
    ledgers: list[Path] = field(default_factory=list)
    node_log: Path | None = None


async def carry_out(plan: Plan, faults: dict[str, Fault], folder: Path, say: Say) -> Course:
    """Carry out a plan in a folder.

    Raises:
        Broken: it could not even begin.
    """
    course = Course(plan, time.monotonic(), time.time())
    async with open_arena(plan, folder, say) as arena:
        course.ledgers, course.node_log = arena.crowd.ledgers, arena.node.log
        following = Following(arena.crowd.ledgers)
        course.before = await look_at(arena.node)
        say(f"everybody talks for {plan.size.talk:.0f} s")
        await trio.sleep(plan.size.talk)
        for step in _in_time(course):
            await _carry_out(step, faults[step.fault], arena, following, course)
            await trio.sleep(plan.size.rest)
        await _end(arena, course)
    return course


def _in_time(course: Course) -> Iterator[Step]:
    """The steps of the plan until its time is over."""
    minutes = course.plan.size.minutes
    for place, step in enumerate(course.plan.steps):
        if minutes is not None and time.monotonic() > course.began + minutes * 60:
            course.left_out = len(course.plan.steps) - place
            return
        yield step


# ---- one fault ----


async def _carry_out(step: Step, fault: Fault, arena: Arena, following: Following, course: Course) -> None:
    struck = Struck(step, time.monotonic())
    course.struck.append(struck)
    lacking = next((word for word in (need.missing() for need in fault.needs) if word), None)
    if lacking is not None:
        struck.skipped = lacking
        struck.mended = struck.over = struck.began
        arena.say(f"{fault.name}: left out, {lacking}")
        return
    try:
        with trio.fail_after(step.seconds + STRIKE_SECONDS):
            struck.done = await fault.strike(arena, step.stroke())
    except Broken as broken:
        struck.broken = str(broken)
    except trio.TooSlowError:
        struck.broken = f"it was not mended within {step.seconds + STRIKE_SECONDS:.0f} s"
    struck.mended = time.monotonic()
    await _recover(struck, arena, following)
    struck.over = time.monotonic()
    arena.say(_told(struck))


async def _recover(struck: Struck, arena: Arena, following: Following) -> None:
    """Wait until every device has got a message through, and all workers serve."""
    try:
        await _raise_the_dead(arena)
        following.start_from(struck.mended)
        late = await following.until_all_back(RECOVERY_SECONDS)
        struck.back = dict(following.back)
        if late:
            raise Broken(f"did not recover within {RECOVERY_SECONDS:.0f} s: no ✓✓ for {', '.join(late)}")
        await arena.node.until_ready(RECOVERY_SECONDS)
    except Broken as broken:
        struck.broken = "; ".join(word for word in (struck.broken, str(broken)) if word)


async def _raise_the_dead(arena: Arena) -> None:
    """Start again what has ended and should not have, so that the run can go on.

    Raises:
        Broken: something had.
    """
    ended = []
    if not arena.node.is_running:
        ended.append(f"the node had ended by itself: {arena.node.last_words()}")
        await arena.node.start()
    for client in arena.crowd.clients:
        if not client.is_running:
            ended.append(f"client {client.name} had ended by itself: {client.last_words()}")
            client.start()
    if ended:
        raise Broken("; ".join(ended))


def _told(struck: Struck) -> str:
    worst = max(struck.back.values(), default=0.0)
    words = f"{struck.step.fault}: {struck.done or 'not finished'}"
    if struck.broken:
        return f"{words}: BROKEN: {struck.broken}"
    return f"{words}; all {len(struck.back)} devices were back after {worst:.1f} s"


# ---- the end ----


async def _end(arena: Arena, course: Course) -> None:
    """Have everything come to its end, and look at what is left."""
    arena.proxy.clear()
    arena.say("quiet: nobody writes any more")
    course.unsettled = await arena.crowd.quiet(QUIET_SECONDS)
    try:
        await arena.node.until_ready(RECOVERY_SECONDS)
        course.after = await look_at(arena.node)
        await arena.crowd.close()
        status = await arena.node.stop()
        if status != 0:
            course.problems.append(f"the node ended with status {status} when it was asked to")
    except Broken as broken:
        course.problems.append(str(broken))
