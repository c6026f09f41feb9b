"""Telling, asking, stopping and killing, also the dead and the full."""

from __future__ import annotations

import math

import pytest
import trio
from trio.testing import MockClock

from actors import (
    KILLED,
    NORMAL,
    SHUTDOWN,
    Actor,
    ActorDeadError,
    CallingSelfError,
    CallTimeoutError,
    ExitKind,
    MailboxFullError,
    open_actor_system,
)
from actors.testing import open_probe, settle
from tests.helpers.behaviours import (
    AsyncEcho,
    Crasher,
    Echo,
    Gated,
    GatedDropper,
    GatedRefuser,
    Hanger,
    Recorder,
    SlowStopper,
)


async def test_messages_of_one_sender_arrive_in_order() -> None:
    recorder = Recorder()
    async with open_actor_system() as system:
        ref = await system.start(lambda: recorder)
        for number in range(500):
            await ref.tell(number)
        await settle()
    assert recorder.seen == list(range(500))


async def test_tell_does_not_yield_while_there_is_room() -> None:
    async with open_actor_system() as system:
        ref = await system.start(Recorder)
        with trio.testing.assert_no_checkpoints():
            await ref.tell("one")


async def test_an_ask_times_out_and_its_late_answer_is_dropped(autojump_clock: MockClock) -> None:
    gated = Gated()
    async with open_actor_system() as system:
        ref = await system.start(lambda: gated)
        with pytest.raises(CallTimeoutError, match="did not answer str within 2 s"):
            await ref.ask("slow", timeout=2)
        assert trio.current_time() == pytest.approx(2, abs=0.1)
        gated.gate.set()
        assert await ref.ask("next") == "next"
    assert gated.seen == ["slow", "next"]


async def test_an_ask_without_end_waits_on(autojump_clock: MockClock) -> None:
    gated = Gated()
    async with open_actor_system() as system, trio.open_nursery() as nursery:
        ref = await system.start(lambda: gated)
        nursery.start_soon(ref.ask, "patient", math.inf)
        await trio.sleep(80_000)
        gated.gate.set()


async def test_asking_the_dead_fails_at_once() -> None:
    async with open_actor_system() as system:
        ref = await system.start(Echo)
        await ref.stop()
        with pytest.raises(ActorDeadError) as caught:
            await ref.ask("anyone?", timeout=math.inf)
    assert caught.value.reason is NORMAL


async def test_a_dying_actor_answers_all_its_callers_at_once() -> None:
    async with open_actor_system() as system:
        ref = await system.start(Hanger)
        failures: list[ActorDeadError] = []

        async def ask() -> None:
            try:
                await ref.ask("x", timeout=math.inf)
            except ActorDeadError as error:
                failures.append(error)

        async with trio.open_nursery() as nursery:
            for _ in range(6):  # one handled, two queued, three waiting for room
                nursery.start_soon(ask)
            await settle()
            ref.kill()
    assert [failure.reason for failure in failures] == [KILLED] * 6


async def test_telling_the_dead_is_counted_and_not_an_error() -> None:
    async with open_actor_system() as system:
        ref = await system.start(Echo)
        await ref.stop()
        ref.tell_nowait("x")
        await ref.tell("y")
        assert system.dead_letters == 2


async def test_messages_left_in_the_queue_of_the_dead_are_counted() -> None:
    async with open_actor_system() as system:
        ref = await system.start(Crasher)
        ref.tell_nowait("boom")
        ref.tell_nowait("left")
        await ref.wait_stopped()
        assert system.dead_letters == 1


async def test_an_actor_cannot_ask_itself() -> None:
    class Narcissus(Actor):
        async def handle(self, message: object) -> object:
            return await self.ref.ask("mirror")

    async with open_actor_system() as system:
        ref = await system.start(Narcissus)
        with pytest.raises(ActorDeadError) as caught:
            await ref.ask("look")
    assert isinstance(caught.value.reason.error, CallingSelfError)


async def test_an_actor_cannot_await_its_own_end() -> None:
    class Impatient(Actor):
        async def handle(self, message: object) -> object:
            await self.ref.stop()
            return None

    async with open_actor_system() as system:
        ref = await system.start(Impatient)
        ref.tell_nowait("go")
        reason = await ref.wait_stopped()
    assert isinstance(reason.error, CallingSelfError)


async def test_two_actors_can_ask_each_other_in_turn() -> None:
    class Asker(Actor):
        async def handle(self, message: object) -> object:
            return await system.via("echo").ask(message)

    async with open_actor_system() as system:
        await system.start(AsyncEcho, name="echo")
        asker = await system.start(Asker)
        assert await asker.ask("there and back") == "there and back"


async def test_a_full_mailbox_makes_tell_wait_and_tell_nowait_fail() -> None:
    gated = Gated()
    async with open_actor_system() as system, trio.open_nursery() as nursery:
        ref = await system.start(lambda: gated)
        await ref.tell(0)
        await settle()  # 0 is in the handler
        await ref.tell(1)
        await ref.tell(2)
        with pytest.raises(MailboxFullError):
            ref.tell_nowait("no room")
        nursery.start_soon(ref.tell, 3)
        await settle()
        nursery.start_soon(ref.ask, 4)
        await settle()
        statistics = ref.statistics()
        assert statistics is not None
        assert (statistics.length, statistics.waiting, statistics.refused) == (2, 2, 1)
        gated.gate.set()
    assert gated.seen == [0, 1, 2, 3, 4]


async def test_a_sender_cancelled_while_it_waits_leaves_nothing_behind() -> None:
    gated = Gated()
    async with open_actor_system() as system:
        ref = await system.start(lambda: gated)
        await ref.tell(0)
        await settle()
        await ref.tell(1)
        await ref.tell(2)
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(ref.tell, "cancelled")
                nursery.start_soon(ref.ask, "cancelled")
                await settle()
                scope.cancel()
        statistics = ref.statistics()
        assert statistics is not None
        assert statistics.waiting == 0
        gated.gate.set()
        await settle()
    assert gated.seen == [0, 1, 2]


async def test_an_ask_may_time_out_while_it_waits_for_room(autojump_clock: MockClock) -> None:
    gated = Gated()
    async with open_actor_system() as system:
        ref = await system.start(lambda: gated)
        await ref.tell(0)
        await settle()
        await ref.tell(1)
        await ref.tell(2)
        with pytest.raises(CallTimeoutError):
            await ref.ask("no room", timeout=1)
        gated.gate.set()
        await settle()
    assert gated.seen == [0, 1, 2]


async def test_refuse_tells_every_sender() -> None:
    gated = GatedRefuser()
    async with open_actor_system() as system:
        ref = await system.start(lambda: gated)
        await ref.tell(0)
        await settle()
        await ref.tell(1)
        await ref.tell(2)
        with pytest.raises(MailboxFullError):
            await ref.tell(3)
        with pytest.raises(MailboxFullError):
            await ref.ask(4)
        statistics = ref.statistics()
        assert statistics is not None
        assert statistics.refused == 2


async def test_drop_oldest_makes_room_and_tells_an_asker_that_was_dropped() -> None:
    gated = GatedDropper()
    async with open_actor_system() as system, trio.open_nursery() as nursery:
        ref = await system.start(lambda: gated)
        await ref.tell(0)
        await settle()

        async def ask() -> None:
            with pytest.raises(MailboxFullError):
                await ref.ask("dropped")

        nursery.start_soon(ask)
        await settle()
        for number in (1, 2, 3):
            ref.tell_nowait(number)
        statistics = ref.statistics()
        assert statistics is not None
        assert statistics.dropped == 2
        gated.gate.set()
        await settle()
    assert gated.seen == [0, 2, 3]


async def test_a_stop_overtakes_what_is_queued() -> None:
    gated = Gated()
    async with open_actor_system() as system, trio.open_nursery() as nursery:
        ref = await system.start(lambda: gated)
        for number in range(3):
            await ref.tell(number)
            await settle()
        nursery.start_soon(ref.stop)
        await settle()
        gated.gate.set()
    assert gated.seen == [0]


async def test_stopping_twice_is_harmless() -> None:
    async with open_actor_system() as system:
        ref = await system.start(Echo)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ref.stop)
            nursery.start_soon(ref.stop, SHUTDOWN)
        await ref.stop()
        ref.kill()
        assert ref.exit_reason in (NORMAL, SHUTDOWN)


async def test_waiting_for_a_stop_may_time_out_and_a_kill_cuts_it_short(autojump_clock: MockClock) -> None:
    stopper = SlowStopper()
    async with open_actor_system() as system:
        ref = await system.start(lambda: stopper)
        with pytest.raises(CallTimeoutError):
            await ref.stop(timeout=3)
        ref.kill()
        assert await ref.wait_stopped() is KILLED
    assert trio.current_time() < 5
    assert not stopper.stopped


async def test_a_kill_cancels_an_async_handler_where_it_waits() -> None:
    hanger = Hanger()
    async with open_actor_system() as system:
        ref = await system.start(lambda: hanger)
        ref.tell_nowait("hang")
        await hanger.entered.wait()
        ref.kill()
        assert await ref.wait_stopped() is KILLED
    assert hanger.was_cancelled
    assert hanger.end is None


async def test_an_exit_signal_ends_an_actor_that_waits_in_its_handler_and_runs_on_stop() -> None:
    hanger = Hanger()
    async with open_actor_system() as system:
        ref = await system.start(lambda: hanger)
        ref.tell_nowait("hang")
        await hanger.entered.wait()
        ref.exit(SHUTDOWN)
        await ref.wait_stopped()
    assert hanger.was_cancelled
    assert hanger.end is SHUTDOWN


async def test_a_handler_may_open_nurseries_and_scopes_and_still_be_killed() -> None:
    class Nested(Hanger):
        async def handle(self, message: object) -> object:
            with trio.CancelScope():
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(trio.sleep_forever)
                    await super().handle(message)
            return None

    nested = Nested()
    async with open_actor_system() as system:
        ref = await system.start(lambda: nested)
        ref.tell_nowait("hang")
        await nested.entered.wait()
        ref.kill()
        assert await ref.wait_stopped() is KILLED


async def test_a_crash_during_the_cancellation_does_not_reach_the_system() -> None:
    class SoreLoser(Actor):
        async def handle(self, message: object) -> object:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                try:
                    await trio.sleep_forever()
                finally:
                    raise ValueError("even so")

    async with open_actor_system() as system:
        bystander = await system.start(Echo)
        ref = await system.start(SoreLoser)
        ref.tell_nowait("hang")
        await settle()
        ref.kill()
        assert await ref.wait_stopped() is KILLED
        assert await bystander.ask(1) == 1


async def test_a_dead_ref_keeps_its_name_number_and_reason() -> None:
    async with open_actor_system() as system:
        ref = await system.start(Crasher, name="glass")
        number = ref.id
        ref.tell_nowait("drop")
        reason = await ref.wait_stopped()
        assert not ref.is_alive
        assert ref.statistics() is None
        assert repr(ref) == f"<Crasher #{number} 'glass'>"
        assert reason.kind is ExitKind.CRASH


async def test_refs_are_never_reused() -> None:
    async with open_actor_system() as system:
        first = await system.start(Echo, name="echo")
        await first.stop()
        second = await system.start(Echo, name="echo")
        assert first != second
        assert first.id != second.id


async def test_many_producers_lose_nothing() -> None:
    recorder = Recorder()
    async with open_actor_system() as system:
        ref = await system.start(lambda: recorder)

        async def produce(name: int) -> None:
            for number in range(200):
                await ref.tell((name, number))

        async with trio.open_nursery() as nursery:
            for name in range(10):
                nursery.start_soon(produce, name)
        await settle()
    assert len(recorder.seen) == 2000
    for name in range(10):
        assert [number for sender, number in recorder.seen if sender == name] == list(range(200))


async def test_a_ref_tells_its_parent() -> None:
    async with open_actor_system() as system:
        probe = await open_probe(system)
        child = await system.start(Echo, link_to=probe.ref)
        assert child.parent is probe.ref
        assert probe.ref.parent is None
