"""Carries out a plan: one fault after the other, and after each, everybody has to come back.

Not here: what of it becomes a verdict (verdict.py) and a table (report.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import trio

from faults.real.arena import Arena
from faults.real.bout import Bout, Course
from faults.real.fault import Broken, Fault, leaves
from faults.real.following import Following
from faults.real.node_health import complaints, look_at
from faults.real.plan import Plan, Step
from faults.real.stage import open_arena
from roost.admin import AdminError

RECOVERY_SECONDS = 120.0
"""Generous, to tell a machine that is busy from somebody who never comes back; how long it takes says the
table. A phone that was refused for a while waits for half a minute before it tries again."""
STRIKE_SECONDS = 180.0
"""What a strike may take besides the seconds that the plan gives it."""
QUIET_SECONDS = 120.0
"""In which everything that was written has to come to its end."""

Say = Callable[[str], None]


async def carry_out(plan: Plan, faults: Mapping[str, Fault], folder: Path, say: Say) -> Course:
    """Carry out a plan in a folder.

    Raises:
        Broken: it could not even begin.
    """
    course = Course(plan, time.monotonic(), time.time())
    async with open_arena(plan, folder, say) as arena:
        course.ledgers, course.node_log = arena.crowd.ledgers, arena.node.log
        course.client_logs = [client.log for client in arena.crowd.clients]
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
    bout = Bout(step, time.monotonic())
    course.bouts.append(bout)
    lacking = next((word for word in (need.missing() for need in fault.needs) if word), None)
    if lacking is not None:
        bout.skipped = lacking
        bout.mended = bout.over = bout.began
        arena.say(f"{fault.name}: left out, {lacking}")
        return
    try:
        with trio.fail_after(step.seconds + STRIKE_SECONDS):
            bout.done = await fault.strike(arena, step.stroke())
    except* (Broken, AdminError) as broken:  # a group, if it comes from a nursery
        bout.broken = "; ".join(map(str, leaves(broken)))
    except* OSError as error:  # a process or a file that was there a moment ago: the run goes on all the same
        bout.broken = f"it could not be done: {'; '.join(map(repr, leaves(error)))}"
    except* trio.TooSlowError:
        bout.broken = f"it was not mended within {step.seconds + STRIKE_SECONDS:.0f} s"
    if bout.broken:
        arena.proxy.clear()
        arena.node.go_on()
    bout.mended = time.monotonic()
    await _recover(bout, arena, following)
    bout.over = time.monotonic()
    arena.say(_told(bout))


async def _recover(bout: Bout, arena: Arena, following: Following) -> None:
    """Wait until every device has got a message through, and all workers serve."""
    try:
        await _raise_the_dead(arena)
        following.start_from(bout.mended)
        late = await following.until_all_back(RECOVERY_SECONDS)
        bout.back = dict(following.back)
        if late:
            raise Broken(f"did not recover within {RECOVERY_SECONDS:.0f} s: no ✓✓ for {', '.join(late)}")
        await arena.node.until_ready(RECOVERY_SECONDS)
    except Broken as broken:
        bout.broken = "; ".join(word for word in (bout.broken, str(broken)) if word)


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


def _told(bout: Bout) -> str:
    worst = max(bout.back.values(), default=0.0)
    words = f"{bout.step.fault}: {bout.done or 'not finished'}"
    if bout.broken:
        return f"{words}: BROKEN: {bout.broken}"
    return f"{words}; all {len(bout.back)} devices were back after {worst:.1f} s"


# ---- the end ----


async def _end(arena: Arena, course: Course) -> None:
    """Have everything come to its end, and look at what is left."""
    arena.proxy.clear()
    arena.say("quiet: nobody writes any more")
    unsettled = await arena.crowd.quiet(QUIET_SECONDS)
    course.problems += [
        f"client {name} had not come to an end with what it had written after {QUIET_SECONDS:.0f} s of peace"
        for name in unsettled
    ]
    try:
        await arena.node.until_ready(RECOVERY_SECONDS)
        course.after = await look_at(arena.node)
        if course.before is not None:
            course.problems += complaints(course.before, course.after)
        await arena.crowd.close()
        status = await arena.node.stop()
        if status != 0:
            course.problems.append(f"the node ended with status {status} when it was asked to")
    except Broken as broken:
        course.problems.append(str(broken))
    course.ended = time.monotonic()
