"""Crash and stall reports: structured, without content, and affordable in a storm."""

from __future__ import annotations

import logging

import pytest

from actors import open_actor_system
from actors.reports import REPORTS_PER_SECOND, RateLimit
from actors.testing import ManualClock, open_probe, settle
from tests.helpers.behaviours import Crasher


async def test_a_crash_report_has_the_facts_and_not_the_content(caplog: pytest.LogCaptureFixture) -> None:
    async with open_actor_system() as system:
        probe = await open_probe(system)
        ref = await system.start(Crasher, name="glass", link_to=probe.ref)
        ref.tell_nowait(KeyError("a secret"))
        await settle()
    (record,) = [record for record in caplog.records if record.message == "actor_crashed"]
    facts = vars(record)
    assert record.levelno == logging.ERROR
    assert record.name == "roost.actors"
    assert facts["actor_class"] == "Crasher"
    assert facts["error_type"] == "KeyError"
    assert facts["last_message_type"] == "KeyError"
    assert facts["parent"] == repr(probe.ref)
    assert "in Crasher.handle" in str(facts["stack"])
    assert not [fact for fact in facts.values() if "a secret" in str(fact)]


async def test_a_storm_of_crashes_is_counted_whole_and_written_in_part(
    caplog: pytest.LogCaptureFixture, mock_clock: object
) -> None:
    async with open_actor_system() as system:
        for _ in range(100):
            (await system.start(Crasher)).tell_nowait("boom")
        await settle()
        assert system.reports.crashes == 100
    written = [record for record in caplog.records if record.message == "actor_crashed"]
    assert len(written) == REPORTS_PER_SECOND


def test_a_rate_limit_starts_anew_each_second_and_counts_what_it_left_out() -> None:
    clock = ManualClock()
    limit = RateLimit(2, clock)
    assert [limit.allows() for _ in range(5)] == [True, True, False, False, False]
    clock.advance(1)
    assert limit.allows()
    assert limit.take_suppressed() == 3
    assert limit.take_suppressed() == 0
