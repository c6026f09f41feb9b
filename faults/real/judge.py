"""From how a run went to what is said of it: joins the clients' ledgers, the node's log and the steps.

What became of messages says the checker, which reads nothing but ledgers; here it is laid beside the faults.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from faults.real.bout import Bout, Course
from faults.real.checker import Fate, Findings, check
from faults.real.fault import Fault
from faults.real.ledger import Intends, Record, read_ledgers
from faults.real.node_log import Complaint, Excuse, complaints, unexplained
from faults.real.recovery import Recovery, Struck, recoveries
from faults.real.report import BROKEN, HELD, IN_PEACE, TOO_LITTLE, Report, Row, percentile

OF_THE_CROWD = ("people", "devices", "lives", "shown")
"""Of the checker's counts, those that are not about what became of messages."""

FEWEST_ACCEPTED = 5
"""Messages of each device. A run with fewer has tried nothing, and says nothing."""


def judge(course: Course, faults: Mapping[str, Fault], origin: Mapping[str, Any]) -> Report:
    """Everything there is to say of a run.

    Args:
        course: how it went.
        faults: all there are, by name.
        origin: where, and with what, it was run.

    Raises:
        DamagedLedgerError: a client's ledger cannot be read.
    """
    records = read_ledgers(course.ledgers)
    findings = check(records)
    struck = [bout for bout in course.bouts if not bout.skipped]
    found = recoveries(records, [Struck(bout.step.fault, bout.began, bout.mended) for bout in struck])
    said = complaints(course.node_log) if course.node_log is not None else []
    surprises = unexplained(said, _excuses(course, faults))
    problems = _problems(course, findings, surprises)
    return Report(
        plan=course.plan.name,
        seed=course.plan.seed,
        verdict=_verdict(findings, problems),
        seconds=round(course.ended - course.began, 1),
        rows=_rows(course, faults, found, _by_bout(struck, records, findings)),
        steps=_steps(course, found),
        messages={name: count for name, count in findings.counts.items() if name not in OF_THE_CROWD},
        crowd=_crowd(course, findings, found),
        node=_node(course, said),
        problems=problems,
        surprises=[complaint.line for complaint in surprises],
        left_out=course.left_out,
        origin=dict(origin),
    )


def _verdict(findings: Findings, problems: Sequence[str]) -> str:
    if problems:
        return BROKEN
    counts = findings.counts
    return HELD if counts["accepted"] >= FEWEST_ACCEPTED * max(1, counts["devices"]) else TOO_LITTLE


def _problems(course: Course, findings: Findings, surprises: Sequence[Complaint]) -> list[str]:
    found = [f"{bout.step.fault}: {bout.broken}" for bout in course.bouts if bout.broken]
    found += course.problems
    found += map(str, findings.violations)
    for event, count in Counter(each.event for each in surprises).items():
        times = f", {count} times" if count > 1 else ""
        found.append(f"the node's log has an error that no fault explains: {event}{times}")
    return found + [
        f"the log of client {log.stem} has a traceback" for log in course.client_logs if _has_traceback(log)
    ]


def _has_traceback(log: Path) -> bool:
    return log.exists() and "Traceback" in log.read_text(errors="replace")


def _excuses(course: Course, faults: Mapping[str, Fault]) -> list[Excuse]:
    return [
        Excuse(course.at(bout.began), course.at(bout.over), faults[bout.step.fault].errors)
        for bout in course.bouts
    ]


# ---- the table ----


def _by_bout(
    bouts: Sequence[Bout], records: Sequence[Record], findings: Findings
) -> dict[str, Counter[Fate]]:
    """What became of messages, by the fault that was the latest to begin when they were written."""
    began = [bout.began for bout in bouts]
    written = {record.text: record.at for record in records if isinstance(record, Intends)}
    table: dict[str, Counter[Fate]] = {}
    for text, fate in findings.fates.items():
        place = bisect_right(began, written[text]) - 1 if text in written else -1
        name = bouts[place].step.fault if place >= 0 else IN_PEACE
        table.setdefault(name, Counter())[fate] += 1
    return table


def _rows(
    course: Course,
    faults: Mapping[str, Fault],
    found: Sequence[Recovery],
    fates: Mapping[str, Counter[Fate]],
) -> list[Row]:
    rows: dict[str, Row] = {}
    for bout in course.bouts:
        name = bout.step.fault
        row = rows.setdefault(name, Row(name, faults[name].promise))
        if bout.skipped:
            row.skipped = bout.skipped
            continue
        row.runs += 1
        row.broken += [bout.broken] if bout.broken else []
    for one in found:
        row = rows[one.struck.fault]
        row.recovery += one.recovered.values()
        row.silence = max(row.silence, one.silence)
    bad = (Fate.LOST, Fate.DOUBLED, Fate.REORDERED)
    if any(fates.get(IN_PEACE, Counter())[fate] for fate in bad):
        rows[IN_PEACE] = Row(IN_PEACE)
    for name, row in rows.items():
        row.lost, row.duplicated, row.reordered = (fates.get(name, Counter())[fate] for fate in bad)
    return list(rows.values())


def _steps(course: Course, found: Sequence[Recovery]) -> list[dict[str, Any]]:
    """What the JSON says of each step."""
    by_beginning = {one.struck.began: one for one in found}
    return [_step(bout, course.began, by_beginning.get(bout.began)) for bout in course.bouts]


def _step(bout: Bout, began: float, recovery: Recovery | None) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "fault": bout.step.fault,
        "at_s": round(bout.began - began, 2),
        "lasted_s": round(bout.mended - bout.began, 2),
        "done": bout.done,
        "skipped": bout.skipped,
        "broken": bout.broken,
    }
    if recovery is not None and not bout.skipped:
        facts |= {
            "recovery_s": {who: round(seconds, 2) for who, seconds in recovery.recovered.items()},
            "late": list(recovery.late),
            "waited_p50_s": percentile(recovery.to_delivery, 0.5),
            "waited_worst_s": percentile(recovery.to_delivery, 1.0),
            "silence_s": round(recovery.silence, 2),
        }
    return facts


# ---- the figures ----


def _crowd(course: Course, findings: Findings, found: Sequence[Recovery]) -> dict[str, Any]:
    return {
        "clients": course.plan.size.clients,
        **{name: findings.counts[name] for name in OF_THE_CROWD},
        "refusals": dict(findings.refusals),
        "longest_silence_s": round(max((one.silence for one in found), default=0.0), 2),
    }


def _is_end_of_worker(complaint: Complaint) -> bool:
    return complaint.event == "child_terminated" and str(complaint.facts["child"]).startswith("worker-")


def _node(course: Course, said: Sequence[Complaint]) -> dict[str, Any]:
    before, after = course.before, course.after
    return {
        "rss_before": before.resident_bytes if before is not None else 0,
        "rss_after": after.resident_bytes if after is not None else 0,
        "lives": after.lives if after is not None else 0,
        "restarts": sum(map(_is_end_of_worker, said)),
        "queued_at_the_end": after.queued if after is not None else None,
        "complaints": dict(Counter(complaint.event for complaint in said)),
    }
