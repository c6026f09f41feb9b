"""Reports: one record each, with the facts and without a word of any message."""

from __future__ import annotations

import logging

import pytest

from actors import KILLED, ExitReason, crash, shutdown
from supervisors import reports
from supervisors.reports import Subject

SUBJECT = Subject(supervisor="mailboxes", child="4711", restarts=2)


def crashed(text: str) -> ExitReason:
    try:
        raise ValueError(text)
    except ValueError as error:
        return crash(error, during="Deliver")


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "roost.supervisors")


def test_a_crash_report_is_one_record_with_all_facts(caplog: pytest.LogCaptureFixture) -> None:
    reports.child_terminated(SUBJECT, crashed("boom"))
    [record] = caplog.records
    assert (record.name, record.levelname, record.message) == (
        "roost.supervisors",
        "ERROR",
        "child_terminated",
    )
    facts = vars(record)
    assert facts["supervisor"] == "mailboxes"
    assert facts["child"] == "4711"
    assert facts["restarts"] == 2
    assert facts["last_message"] == "Deliver"
    assert facts["reason"] == "crash: ValueError"
    assert facts["raised_at"].endswith("in crashed")


def test_no_report_quotes_an_exception(caplog: pytest.LogCaptureFixture) -> None:
    reason = crashed("the body of a message")
    reports.child_terminated(SUBJECT, reason)
    reports.child_start_failed(SUBJECT, reason)
    reports.child_shutdown_failed(SUBJECT, reason)
    reports.supervisor_gave_up(SUBJECT, reason)
    assert len(caplog.records) == 4
    assert not any("body" in str(vars(record)) for record in caplog.records)


def test_an_end_that_is_no_crash_has_no_place(caplog: pytest.LogCaptureFixture) -> None:
    reports.child_terminated(SUBJECT, KILLED)
    assert vars(caplog.records[0])["reason"] == "killed"
    assert "raised_at" not in vars(caplog.records[0])


def test_progress_is_a_debug_record(caplog: pytest.LogCaptureFixture) -> None:
    reports.child_started(SUBJECT)
    assert (caplog.records[0].levelname, caplog.records[0].message) == ("DEBUG", "child_started")


def test_giving_up_is_critical_and_an_orderly_end_is_not(caplog: pytest.LogCaptureFixture) -> None:
    reports.supervisor_gave_up(SUBJECT, KILLED)
    reports.supervisor_ended(SUBJECT, shutdown("significant child ended"))
    assert [record.levelname for record in caplog.records] == ["CRITICAL", "INFO"]


def test_progress_is_wanted_only_if_somebody_reads_it(caplog: pytest.LogCaptureFixture) -> None:
    assert reports.progress_is_wanted()
    caplog.set_level(logging.INFO, "roost.supervisors")
    assert not reports.progress_is_wanted()


def test_what_was_left_out_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    reports.reports_suppressed("mailboxes", 980)
    assert (caplog.records[0].message, vars(caplog.records[0])["count"]) == ("reports_suppressed", 980)
