"""Break a real node on purpose, with real phones talking through it, and see whether all held.

A node with its workers, a proxy before it and a crowd of client processes are started; then faults strike one
after the other, each is mended, and everybody has to come back. At the end every message has to have come to
its end, and a checker that reads nothing but what the clients wrote down says what became of each.

  roost faults run                                  every fault once, and a table
  roost faults run --plan quick                     three faults in half a minute
  roost faults run --plan soak --seed 7             half an hour; the same seed gives the same plan
  roost faults run --fault 'kill worker' --minutes 2
  roost faults run --plan FOLDER/plan.json          once more what a run has left in its folder
  roost faults run --list                           the faults and plans there are
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import sys
import tempfile
from dataclasses import fields
from pathlib import Path
from random import SystemRandom
from typing import Any

from bench.machine import commit, describe_machine, describe_versions, one_line
from faults.real.catalogue import FAMILIES, FAULTS
from faults.real.episode import Interrupted, run_plan
from faults.real.fault import Broken
from faults.real.plan import RECIPES, Plan, PlanError, Size, draw_plan
from faults.real.report import BROKEN, HELD, Report, as_lines, as_markdown

DEFAULT_PLAN = "standard"
USAGE = 2
SEEDS = 1_000_000

LIMITS: dict[str, tuple[float, float]] = {
    "workers": (1, 64),
    "clients": (1, 64),
    "phones": (1, 64),
    "minutes": (0.1, 24 * 60),
}
"""{option: the least and the most that it may be}"""

LEAST_PEOPLE = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `roost faults run`."""
    usual = {each.name: each.default for each in fields(Size)}
    parser.add_argument(
        "--plan", metavar="NAME|FILE", help=f"{', '.join(RECIPES)}, or a plan.json ({DEFAULT_PLAN})"
    )
    parser.add_argument(
        "--seed", type=int, metavar="N", help="what the plan is drawn from (one that is drawn)"
    )
    parser.add_argument("--minutes", type=float, metavar="M", help="go on for so long (each fault once)")
    parser.add_argument("--fault", action="append", metavar="NAME", help="only this one, or these")
    parser.add_argument("--workers", type=int, metavar="N", help=f"of the node ({usual['workers']})")
    parser.add_argument("--clients", type=int, metavar="N", help=f"client processes ({usual['clients']})")
    parser.add_argument("--phones", type=int, metavar="N", help=f"people of each ({usual['phones']})")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="where everything is left (a new one)")
    parser.add_argument("--keep-data", action="store_true", help="leave stores there even if all held")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report to this file, too")
    parser.add_argument("--list", action="store_true", help="list faults and plans")


def run(args: argparse.Namespace) -> int:
    """Do it; 0 if all held, 1 if not or if that cannot be said, 2 for wrong usage, 130 after Ctrl-C."""
    if args.list:
        print("\n".join(listing()))
        return 0
    try:
        plan = plan_of(args)
        folder = _folder(args.folder)
    except (PlanError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    print(f"plan {plan.name}, seed {plan.seed}: {len(plan.steps)} faults; folder {folder}", flush=True)
    (folder / "plan.json").write_text(plan.to_json())
    origin = _origin(args)
    (folder / "origin.json").write_text(json.dumps(origin, indent=2) + "\n")
    try:
        report = run_plan(plan, FAULTS, folder, origin)
    except Interrupted as interrupted:
        print(f"interrupted; what there is: {folder}", file=sys.stderr)
        return interrupted.status
    except Broken as broken:
        print(f"it could not begin: {broken}\nwhat there is: {folder}", file=sys.stderr)
        return 1
    _leave(report, folder, args.json, keep_data=args.keep_data)
    print("\n".join(["", *as_lines(report), f"folder      {folder}"]))
    return 0 if report.verdict == HELD else 1


# ---- before ----


def plan_of(args: argparse.Namespace) -> Plan:
    """The plan that the words on the command line ask for.

    Raises:
        PlanError: there is none; says why.
    """
    size = _size(args)
    name = args.plan or DEFAULT_PLAN
    if args.plan is not None and name not in RECIPES and Path(name).is_file():
        if args.fault or args.seed is not None or size:
            raise PlanError("a plan in a file says all by itself: no other choices go with it")
        plan = Plan.from_json(Path(name).read_text())
        unknown = [step.fault for step in plan.steps if step.fault not in FAULTS]
        if unknown:
            raise PlanError(f"{name}: there is no fault called {unknown[0]!r}: --list lists them")
    else:
        seed = args.seed if args.seed is not None else SystemRandom().randrange(SEEDS)
        plan = draw_plan(name, seed, FAMILIES, only=args.fault or (), size=size)
    if plan.size.clients * plan.size.phones < LEAST_PEOPLE:
        raise PlanError("one alone has nobody to talk to: --clients times --phones is 2 or more")
    return plan


def _size(args: argparse.Namespace) -> dict[str, float | None]:
    chosen = {name: getattr(args, name) for name in LIMITS if getattr(args, name) is not None}
    for name, value in chosen.items():
        least, most = LIMITS[name]
        if not least <= value <= most:
            raise PlanError(f"--{name} is {least:g} to {most:g}, not {value:g}")
    return chosen


def _folder(wanted: Path | None) -> Path:
    """A folder that is there and empty.

    Raises:
        PlanError: there is something in it.
        OSError: it cannot be made.
    """
    if wanted is None:
        return Path(tempfile.mkdtemp(prefix="roost-faults-"))
    wanted.mkdir(parents=True, exist_ok=True)
    if any(wanted.iterdir()):
        raise PlanError(f"{wanted} is not empty")
    return wanted.resolve()


def _origin(args: argparse.Namespace) -> dict[str, Any]:
    facts: dict[str, Any] = {"machine": describe_machine(), "versions": describe_versions()}
    words = ["roost", "faults", "run", *sys.argv[3:]]
    return {**facts, "machine_line": one_line(facts), "commit": commit(SOURCE), "command": shlex.join(words)}


SOURCE = Path(__file__).parents[2]


def listing() -> list[str]:
    """Faults and plans, for people."""
    lines = ["plans:", *(f"  {name:<10} {recipe.help}" for name, recipe in RECIPES.items()), "", "faults:"]
    for family, faults in FAMILIES.items():
        for fault in faults:
            needs = ", ".join(need.value for need in fault.needs)
            lines += [f"  {fault.name}  ({family}{f'; needs {needs}' if needs else ''})"]
            lines += [f"      {fault.point}", f"      {fault.promise}"]
    return lines


# ---- after ----


def _leave(report: Report, folder: Path, copy: Path | None, *, keep_data: bool) -> None:
    """Write the report, and remove what is only worth its room if something did not hold."""
    text = json.dumps(report.as_data(), indent=2) + "\n"
    (folder / "report.json").write_text(text)
    (folder / "report.md").write_text(as_markdown(report))
    if copy is not None:
        copy.write_text(text)
    if report.verdict != BROKEN and not keep_data:
        remove_stores(folder)


def remove_stores(folder: Path) -> None:
    """The node's data and the phones' homes; ledgers and logs stay."""
    for store in [
        folder / "node" / "data",
        *(path for path in (folder / "crowd").glob("*") if path.is_dir()),
    ]:
        shutil.rmtree(store, ignore_errors=True)
