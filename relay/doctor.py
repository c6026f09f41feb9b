"""Look whether a node can run here and keep its promises, and say what to change.

roost doctor                                 ./roost-data and the settings of the environment
roost doctor --data /var/lib/roost --json

It changes nothing, and may be run while the node runs. Ends with 0, or with 1 if there is a problem; warnings
alone are no reason for that. Reading every row takes some seconds for each million of them.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from actors.ports import system_clock
from relay import config as settings
from relay.checkup import Finding, Patient, Verdict, examine_machine
from relay.errors import ConfigError
from relay.progress import Progress
from relay.store_checkup import examine_store
from storage import holder_of

USAGE = 2
PROBLEM = 1

NAME_COLUMNS = 18
VERDICT_COLUMNS = 7


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `--data DIR`, `--config FILE` and `--json`."""
    parser.add_argument("--data", metavar="DIR", help="the data folder (./roost-data)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings from a TOML file, as for serve")
    parser.add_argument("--json", action="store_true", help="one JSON object, for machines")


def run(args: argparse.Namespace) -> int:
    """Examine; returns 0, 1 if there is a problem, 2 for bad settings."""
    try:
        config = settings.load(args.config, os.environ, {"data": args.data})
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return USAGE
    progress = Progress()
    patient = Patient(config, _holder(config.data), system_clock)
    findings = [*examine_machine(patient), *examine_store(patient, progress)]
    progress.done()
    show = as_json if args.json else as_text
    print(show(findings))  # noqa: T201  (the command's answer)
    return PROBLEM if worst(findings) is Verdict.PROBLEM else 0


def _holder(data: Path) -> int | None:
    """Who runs in the folder; nobody, as far as we know, if we may not look: another finding says that."""
    try:
        return holder_of(data)
    except PermissionError:
        return None


def worst(findings: Sequence[Finding]) -> Verdict:
    """The verdict on the whole."""
    verdicts = [finding.verdict for finding in findings]
    return next(
        (verdict for verdict in (Verdict.PROBLEM, Verdict.WARNING) if verdict in verdicts), Verdict.OK
    )


def as_json(findings: Sequence[Finding]) -> str:
    """One object: the verdict, and every finding with check, verdict, seen and advice."""
    rows = [
        {"check": each.check, "verdict": each.verdict.value, "seen": each.seen, "advice": each.advice}
        for each in findings
    ]
    return json.dumps({"verdict": worst(findings).value, "findings": rows})


def as_text(findings: Sequence[Finding]) -> str:
    """A line a finding, what to change below it, and a last line that sums up."""
    return "\n".join(_lines(findings))


def _lines(findings: Sequence[Finding]) -> Iterator[str]:
    for each in findings:
        yield f"{each.verdict.value:<{VERDICT_COLUMNS}}  {each.check:<{NAME_COLUMNS}}  {each.seen}"
        if each.advice:
            yield f"{'':<{VERDICT_COLUMNS}}  {'':<{NAME_COLUMNS}}  -> {each.advice}"
    counts = {verdict: sum(each.verdict is verdict for each in findings) for verdict in Verdict}
    yield ""
    yield (f"{len(findings)} checks: {counts[Verdict.PROBLEM]} problems, {counts[Verdict.WARNING]} warnings")
