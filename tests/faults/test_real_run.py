"""`roost faults run`, whole: real processes, a plan of half a minute, and what is left when it has ended."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from faults.real.checker import Fate, check
from faults.real.ledger import Entry, Record, Shelf, read_ledgers
from faults.real.orphans import SOURCE
from faults.real.processes import PROC, is_running

pytestmark = pytest.mark.slow

COMMAND = (sys.executable, "-m", "roost", "faults", "run", "--plan", "quick")


def processes_of(folder: Path) -> list[int]:
    """Processes whose arguments or environment name a folder."""
    found = []
    for pid in (int(name) for name in os.listdir(PROC) if name.isdigit()):
        try:
            said = (PROC / str(pid) / "cmdline").read_bytes() + (PROC / str(pid) / "environ").read_bytes()
        except OSError:
            continue
        if bytes(folder) in said and is_running(pid):
            found.append(pid)
    return found


def without_a_delivered_message(records: list[Record]) -> tuple[list[Record], str]:
    """The same, but for one message that is gone from the shelf of a device that had it; and which."""
    delivered = [text for text, fate in check(records).fates.items() if fate is Fate.DELIVERED]
    for place, record in enumerate(records):
        if not isinstance(record, Shelf):
            continue
        for text in delivered:
            if any(entry.text == text and not entry.is_outgoing for entry in record.entries):
                left = tuple(entry for entry in record.entries if entry.text != text)
                return [*records[:place], shelf_of(record, left), *records[place + 1 :]], text
    raise AssertionError("nobody has anything")


def shelf_of(record: Shelf, entries: tuple[Entry, ...]) -> Shelf:
    return Shelf(record.at, record.who, entries)


@pytest.mark.timeout(400)  # half a minute on two cores that have nothing else to do
def test_a_short_run_holds_and_its_folder_says_what_happened(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    done = subprocess.run(
        [*COMMAND, "--seed", "1", "--folder", folder, "--json", tmp_path / "copy.json"],
        cwd=SOURCE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all that was promised held" in done.stdout

    report = json.loads((folder / "report.json").read_text())
    assert report == json.loads((tmp_path / "copy.json").read_text())
    assert report["verdict"] == "held"
    assert {row["fault"]: row["runs"] for row in report["rows"]} == {
        "kill worker": 1,
        "cut": 1,
        "kill node": 1,
    }
    assert all(row["recovery_worst_s"] > 0 for row in report["rows"])

    # Not a run in which nothing happened: everybody wrote and was heard, a worker and the node had two lives.
    assert report["crowd"]["devices"] == 8
    assert report["messages"]["accepted"] == report["messages"]["delivered"] > 80
    assert (report["node"]["lives"], report["node"]["restarts"]) == (2, 1)
    assert report["node"]["queued_at_the_end"] == 0

    names = ["course.log", "origin.json", "plan.json", "report.json", "report.md", "rogues.json"]
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == names
    assert not (folder / "node" / "data").exists()
    assert processes_of(folder) == []
    find_a_loss_in(sorted((folder / "crowd").glob("*.jsonl")))


def find_a_loss_in(ledgers: list[Path]) -> None:
    """The same checker on the same ledgers, one of which has been tampered with."""
    records = read_ledgers(ledgers)
    assert check(records).held
    doctored, text = without_a_delivered_message(records)
    findings = check(doctored)
    assert findings.fates[text] is Fate.LOST
    assert text in {violation.text for violation in findings.of_rule("D2")}


@pytest.mark.timeout(200)
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_run_that_is_ended_leaves_no_process_behind(tmp_path: Path, number: int, status: int) -> None:
    folder = tmp_path / "run"
    words = [*COMMAND, "--folder", str(folder), "--clients", "1"]
    run = subprocess.Popen(words, cwd=SOURCE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert run.stdout is not None
    if not any("come in" in line for line in run.stdout):
        raise AssertionError(run.communicate())
    assert len(processes_of(folder)) >= 4  # ourselves, the node, its workers
    run.send_signal(number)
    _, errors = run.communicate()
    assert run.returncode == status, errors
    while processes_of(folder):  # the watcher of a run that was killed needs a moment: no event tells of it
        os.sched_yield()
    shutil.rmtree(folder)
