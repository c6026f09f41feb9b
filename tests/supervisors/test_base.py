"""What both kinds of supervisor share: their names, their reports, the way they are found."""

from __future__ import annotations

import logging

import pytest
import trio
from trio.testing import MockClock

from actors import ActorSystem
from supervisors import DynamicSupervisor, Supervisor
from supervisors.base import supervisor_of, supervisors_of
from tests.supervisors.cast import Stage, crash, settle


async def test_a_supervisor_is_called_by_its_given_name_or_its_registered_one_or_its_class(
    autojump_clock: MockClock, system: ActorSystem
) -> None:
    await system.start(lambda: Supervisor([], name="mail"), name="registered")
    await system.start(DynamicSupervisor, name="connections")
    await system.start(lambda: Supervisor([]))
    names = [supervisor.name for supervisor in supervisors_of(system).values()]
    assert names == ["mail", "connections", "Supervisor"]


async def test_a_supervisor_that_ended_is_not_found_any_more(
    autojump_clock: MockClock, system: ActorSystem
) -> None:
    ref = await system.start(DynamicSupervisor)
    assert isinstance(supervisor_of(ref), DynamicSupervisor)
    await ref.stop()
    assert supervisors_of(system) == {}
    assert supervisor_of(ref) is None


async def test_a_life_is_told_in_reports_of_one_record_each(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "roost.supervisors")
    await system.start(lambda: Supervisor([stage.spec("a")], intensity=1, name="root"))
    stage.failures["a"] = 1
    await crash(stage, "a")
    await settle()
    records = [record for record in caplog.records if record.name == "roost.supervisors"]
    assert [record.message for record in records] == [
        "child_started",
        "child_terminated",
        "child_start_failed",
        "supervisor_gave_up",
    ]
    facts = vars(records[1])
    assert {key: facts[key] for key in ("supervisor", "child", "restarts", "last_message", "reason")} == {
        "supervisor": "root",
        "child": "a",
        "restarts": 0,
        "last_message": "Crash",
        "reason": "crash: Boom",
    }
    assert vars(records[2])["restarts"] == 1
    assert not any("secret" in str(vars(record)) for record in records)


async def test_a_storm_of_crashes_does_not_flood_the_log(
    autojump_clock: MockClock, system: ActorSystem, stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    await system.start(lambda: Supervisor([stage.spec("a")], intensity=1_000))
    await crash(stage, *["a"] * 100)
    await trio.sleep(1)
    await crash(stage, "a")
    events = [record.message for record in caplog.records if record.name == "roost.supervisors"]
    assert events == ["child_terminated"] * 20 + ["reports_suppressed", "child_terminated"]
