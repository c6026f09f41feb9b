"""The system as a whole: whatever its actors did, nothing is left of them."""

from __future__ import annotations

import math

import pytest
import trio
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule
from trio.testing import MockClock

from actors import (
    KILLED,
    NORMAL,
    SHUTDOWN,
    Actor,
    ActorError,
    ActorRef,
    ActorSystem,
    ExitReason,
    NameTakenError,
    StartError,
    SystemClosedError,
    open_actor_system,
)
from actors.testing import settle
from tests.helpers.behaviours import (
    AsyncEcho,
    Crasher,
    CrashOnStart,
    CrashOnStop,
    Echo,
    Hanger,
    Recorder,
    SlowStarter,
    SlowStopper,
)


async def test_no_task_is_left_after_the_block() -> None:
    before = trio.lowlevel.current_statistics().tasks_living
    async with open_actor_system() as system:
        refs = [await system.start(kind) for kind in (Echo, Hanger, Recorder, CrashOnStop) * 25]
        for ref in refs:
            ref.tell_nowait("go")
    assert trio.lowlevel.current_statistics().tasks_living == before
    assert len(system) == 0


async def test_actors_are_told_to_shut_down_and_may_take_their_time(autojump_clock: MockClock) -> None:
    stopper = SlowStopper()
    async with open_actor_system(grace_s=11) as system:
        ref = await system.start(lambda: stopper)
    assert stopper.stopped
    assert ref.exit_reason is SHUTDOWN


async def test_who_does_not_stop_within_the_grace_is_killed(autojump_clock: MockClock) -> None:
    stopper = SlowStopper()
    async with open_actor_system(grace_s=2) as system:
        ref = await system.start(lambda: stopper)
    assert not stopper.stopped
    assert ref.exit_reason is KILLED
    assert trio.current_time() < 3


@pytest.mark.parametrize("grace_s", [-1, math.inf, math.nan])
async def test_a_grace_that_is_no_time_is_refused(grace_s: float) -> None:
    with pytest.raises(ValueError, match="grace_s"):
        async with open_actor_system(grace_s=grace_s):
            pass  # never entered


async def test_parents_stop_their_children_themselves() -> None:
    """Only roots are signalled: a supervisor must be able to stop its children in its own order."""
    order: list[str] = []

    class Parent(Actor):
        async def on_start(self) -> None:
            self.trap_exit = True

        async def on_stop(self, reason: ExitReason) -> None:
            await settle()
            order.append("parent")

    class Child(Actor):
        async def on_stop(self, reason: ExitReason) -> None:
            order.append("child")

    async with open_actor_system() as system:
        parent = await system.start(Parent)
        await system.start(Child, link_to=parent)
    assert order == ["parent", "child"]


async def test_an_error_in_the_block_comes_out_as_it_is() -> None:
    refs: list[ActorRef] = []

    async def block() -> None:
        async with open_actor_system() as system:
            refs.append(await system.start(Hanger))
            refs[0].tell_nowait("hang")
            raise KeyError

    with pytest.raises(KeyError):
        await block()
    assert refs[0].exit_reason is SHUTDOWN


async def test_cancelling_the_block_still_lets_the_actors_stop_in_order(autojump_clock: MockClock) -> None:
    stopper = SlowStopper()
    with trio.move_on_after(1) as scope:
        async with open_actor_system(grace_s=20) as system:
            await system.start(lambda: stopper)
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert stopper.stopped


async def test_nothing_can_be_started_once_it_closes() -> None:
    class Restarter(Actor):
        error: Exception | None = None

        async def on_stop(self, reason: ExitReason) -> None:
            try:
                await self.system.start(Echo)
            except SystemClosedError as error:
                Restarter.error = error

    async with open_actor_system() as system:
        await system.start(Restarter)
    assert Restarter.error is not None
    with pytest.raises(SystemClosedError):
        await system.start(Echo)


async def test_a_start_under_way_when_it_closes_fails() -> None:
    slow = SlowStarter()
    failures: list[StartError] = []

    async with trio.open_nursery() as nursery, open_actor_system() as system:

        async def start() -> None:
            try:
                await system.start(lambda: slow)
            except StartError as error:
                failures.append(error)

        nursery.start_soon(start)
        await slow.entered.wait()
    assert [failure.reason for failure in failures] == [SHUTDOWN]


async def test_what_no_actor_may_keep_to_itself_ends_the_system() -> None:
    class Interrupted(Actor):
        def handle(self, message: object) -> object:
            raise KeyboardInterrupt

    bystanders: list[ActorRef] = []

    async def block() -> None:
        async with open_actor_system() as system:
            bystanders.extend([await system.start(Recorder), await system.start(Hanger)])
            bystanders[1].tell_nowait("hang")
            await settle()
            (await system.start(Interrupted)).tell_nowait("ctrl-c")
            await trio.sleep_forever()

    with pytest.raises(BaseExceptionGroup) as caught:
        await block()
    assert caught.value.split(KeyboardInterrupt)[1] is None
    assert [ref.exit_reason for ref in bystanders] == [KILLED, KILLED]


async def test_an_interrupt_during_the_shutdown_kills_who_is_left_and_comes_out(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopper = SlowStopper()
    refs: list[ActorRef] = []

    async def block() -> None:
        async with open_actor_system(grace_s=30) as system:

            async def interrupted() -> None:
                system._signal_roots()
                await settle()
                raise KeyboardInterrupt

            monkeypatch.setattr(system, "shutdown", interrupted)
            refs.extend([await system.start(lambda: stopper), await system.start(Echo)])

    with pytest.raises(BaseExceptionGroup) as caught, trio.fail_after(60):
        await block()
    assert caught.value.split(KeyboardInterrupt)[1] is None
    assert [ref.exit_reason for ref in refs] == [KILLED, SHUTDOWN]
    assert not stopper.stopped


async def test_an_interrupt_in_the_timers_ends_parked_actors_too() -> None:
    class Interrupted:
        is_wanted = True

        def fire(self, now: float) -> None:
            raise KeyboardInterrupt

    refs: list[ActorRef] = []

    async def block() -> None:
        async with open_actor_system() as system:
            refs.append(await system.start(Echo))
            await settle()
            system.timers.look_after(0, Interrupted())
            await trio.sleep_forever()

    with pytest.raises(BaseExceptionGroup) as caught:
        await block()
    assert caught.value.split(KeyboardInterrupt)[1] is None
    assert refs[0].exit_reason is KILLED


@pytest.mark.parametrize("made", [None, Echo])
async def test_a_factory_that_makes_no_actor_is_a_start_error(made: object) -> None:
    async with open_actor_system() as system:
        with pytest.raises(StartError) as caught:
            await system.start(lambda: made)  # type: ignore[arg-type, return-value] # the mistake it is about
        assert isinstance(caught.value.reason.error, TypeError)
        assert len(system) == 0


async def test_a_factory_that_gives_its_own_name_away_leaves_nothing_behind() -> None:
    async with open_actor_system() as system:
        thief = await system.start(Echo)

        def make() -> Actor:
            system.registry.register("name", thief)
            return Echo()

        with pytest.raises(NameTakenError):
            await system.start(make, name="name")
        assert system.actors == [thief]


async def test_two_systems_live_side_by_side() -> None:
    async with open_actor_system() as one, open_actor_system() as other:
        first, second = await one.start(Echo, name="echo"), await other.start(Echo, name="echo")
        assert one.whereis("echo") is first
        assert other.whereis("echo") is second


async def test_starting_does_not_yield_for_a_class_without_on_start() -> None:
    async with open_actor_system() as system:
        with trio.testing.assert_no_checkpoints():
            await system.start(Echo)


async def test_a_burst_of_crashes_leaves_the_others_alone() -> None:
    async with open_actor_system() as system:
        bystander = await system.start(Echo)
        refs = [await system.start(Crasher) for _ in range(1000)]
        for ref in refs:
            ref.tell_nowait("boom")
        await settle()
        assert len(system) == 1
        assert system.reports.crashes == 1000
        assert await bystander.ask("fine") == "fine"


class Spawner(Recorder):
    """Starts children, links, watches and sets timers as it is told."""

    async def handle(self, message: object) -> object:
        match message:
            case ("spawn", type() as kind, bool() as linked):
                try:
                    return await self.system.start(kind, link_to=self.ref if linked else None)
                except StartError:
                    return None
            case ("link", ActorRef() as ref):
                self.link(ref)
            case ("unlink", ActorRef() as ref):
                self.unlink(ref)
            case ("monitor", ActorRef() as ref):
                self.monitor(ref)
            case ("timer", float() as delay):
                self.send_every(delay + 0.01, "tick")
            case ("trap", bool() as traps):
                self.trap_exit = traps
            case "crash":
                raise RuntimeError
            case "hang":
                await trio.sleep_forever()
        return None


KINDS = [Spawner, Echo, AsyncEcho, Crasher, Hanger, SlowStopper, CrashOnStop, CrashOnStart]
REASONS = [NORMAL, SHUTDOWN, KILLED]

Step = tuple[object, ...]


async def run_script(script: list[Step]) -> None:
    """Do what a drawn script says to refs it names by number; then close, and look for the left behind."""
    before = trio.lowlevel.current_statistics().tasks_living
    refs: list[ActorRef] = []
    async with open_actor_system() as system:
        for step in script:
            await take_step(system, refs, step)
    assert trio.lowlevel.current_statistics().tasks_living == before
    assert len(system) == 0
    assert len(system.timers) == 0
    assert system.registry._unique == {}
    assert system.registry._shared == {}
    for ref in refs:
        assert ref.exit_reason is not None
        assert ref._bonds is None


async def take_step(system: ActorSystem, refs: list[ActorRef], step: Step) -> None:
    match step:
        case ("start", type() as kind, bool() as linked):
            parent = next((ref for ref in reversed(refs) if ref.is_alive), None) if linked else None
            try:
                refs.append(await system.start(kind, link_to=parent, name=None if linked else len(refs)))
            except StartError:
                return
        case ("settle",):
            await settle()
        case (str() as verb, int() as number, *rest) if refs:
            ref = refs[number % len(refs)]
            match verb, rest:
                case "tell", [message]:
                    system_tell(ref, message)
                case "with", [str() as what, int() as other]:
                    system_tell(ref, (what, refs[other % len(refs)]))
                case "exit", [ExitReason() as reason]:
                    ref.exit(reason)
                case "kill", []:
                    ref.kill()
                case "cancelled ask", []:
                    try:
                        with trio.move_on_after(0.5):
                            await ref.ask("hang")
                    except ActorError:
                        return  # dead, or it does not know the word


def system_tell(ref: ActorRef, message: object) -> None:
    statistics = ref.statistics()
    if statistics is None or statistics.length < statistics.limit:
        ref.tell_nowait(message)


class Scripts(RuleBasedStateMachine):
    """Draws what happens to a system; each example is played whole at its end, in one trio run."""

    refs: Bundle[int] = Bundle("refs")

    def __init__(self) -> None:
        super().__init__()
        self.script: list[Step] = []
        self.count = 0

    @initialize(target=refs)
    def first(self) -> int:
        return self._start(Spawner, False)

    @rule(target=refs, kind=st.sampled_from(KINDS), linked=st.booleans())
    def start(self, kind: type[Actor], linked: bool) -> int:
        return self._start(kind, linked)

    @rule(ref=refs, other=refs, what=st.sampled_from(["link", "unlink", "monitor"]))
    def tie(self, ref: int, other: int, what: str) -> None:
        self.script.append(("with", ref, what, other))

    @rule(ref=refs, kind=st.sampled_from(KINDS), linked=st.booleans())
    def spawn(self, ref: int, kind: type[Actor], linked: bool) -> None:
        self.script.append(("tell", ref, ("spawn", kind, linked)))

    @rule(ref=refs, message=st.sampled_from(["crash", "hang", ("timer", 1.0), ("trap", True), "x"]))
    def tell(self, ref: int, message: object) -> None:
        self.script.append(("tell", ref, message))

    @rule(ref=refs, reason=st.sampled_from(REASONS))
    def exit(self, ref: int, reason: ExitReason) -> None:
        self.script.append(("exit", ref, reason))

    @rule(ref=refs)
    def kill(self, ref: int) -> None:
        self.script.append(("kill", ref))

    @rule(ref=refs)
    def cancel_an_ask(self, ref: int) -> None:
        self.script.append(("cancelled ask", ref))

    @rule()
    def settle(self) -> None:
        self.script.append(("settle",))

    def teardown(self) -> None:
        trio.run(run_script, self.script, clock=MockClock(autojump_threshold=0))

    def _start(self, kind: type[Actor], linked: bool) -> int:
        self.script.append(("start", kind, linked))
        self.count += 1
        return self.count - 1


TestNothingIsOrphaned = Scripts.TestCase
TestNothingIsOrphaned.settings = settings(max_examples=40, stateful_step_count=30)
