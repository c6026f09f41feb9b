"""Run whole histories in one process, and check what every person saw against what was promised.

A history is a node of one to three workers, people with their phones, what they say to each other, and what
breaks meanwhile; all drawn from a seed, so that the same seed gives the same history, byte for byte.

  roost faults simulate                             200 short histories of fresh seeds, and a table
  roost faults simulate --seed 7                    one history, told as a timeline
  roost faults simulate --seed 7 --shrink           the same if it fails, made as small as it gets
  roost faults simulate --faults 'kill worker,cut'  only these faults
  roost faults simulate --list                      the faults there are
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from random import SystemRandom

from faults.simulation.campaign import Tally, run_campaign
from faults.simulation.history import Founder, Outcome, open_founder, run_history
from faults.simulation.plan import FAULTS, Plan, draw_plan
from faults.simulation.planted import PLANTED
from faults.simulation.shrink import FEWEST_PEOPLE, Shrinker, kind_of, steps_of

DEFAULT_HISTORIES = 200
DEFAULT_MINUTES = 0.25
DEFAULT_PEOPLE = 4
SHRINKING_TRIES = 150
MOST_PEOPLE = 99
PROBLEMS_SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `roost faults simulate`."""
    parser.add_argument("--seed", type=int, help="run this one, and tell its story")
    parser.add_argument("--plan", type=Path, help="run the plan in this file, which --save has written")
    parser.add_argument(
        "--histories", type=int, default=DEFAULT_HISTORIES, help=f"how many ({DEFAULT_HISTORIES})"
    )
    parser.add_argument("--first", type=int, help="the first seed of many; without, one that is drawn")
    parser.add_argument(
        "--minutes",
        type=float,
        default=DEFAULT_MINUTES,
        help=f"how long things break in a history, in simulated time ({DEFAULT_MINUTES})",
    )
    parser.add_argument("--people", type=int, default=DEFAULT_PEOPLE, help=f"how many ({DEFAULT_PEOPLE})")
    parser.add_argument("--workers", type=int, choices=(1, 2, 3), help="of the node (as the seed has it)")
    parser.add_argument("--faults", help="only these, with commas between; 'none' for none")
    parser.add_argument(
        "--planted",
        choices=list(PLANTED),
        metavar="BUG",
        help="plant this bug, and count the seeds to find it",
    )
    parser.add_argument("--list", action="store_true", help="list the faults, and the bugs to plant")
    parser.add_argument("--shrink", action="store_true", help="make what fails small")
    parser.add_argument("--save", type=Path, help="write the (shrunk) plan of one history to this file")
    parser.add_argument("--trace", type=Path, help="write every event of one history to this file")
    parser.add_argument("--json", type=Path, help="write the table to this file, too")


def run(args: argparse.Namespace) -> int:
    """Do it; 0 if all held, 1 if not, 2 if it cannot be done."""
    if args.list:
        print("\n".join(["faults:", *(f"  {name}" for name in FAULTS)]))
        print("\n".join(["bugs to plant:", *(f"  {name}" for name in PLANTED)]))
        return 0
    wrong = _find_wrong(args)
    if wrong is not None:
        print(f"error: {wrong}", file=sys.stderr)
        return 2
    with open_founder() as founder:
        if args.planted is not None:
            return _hunt(args, founder)
        if args.seed is not None or args.plan is not None:
            return _run_one(args, founder)
        return _run_many(args, founder)


def _find_wrong(args: argparse.Namespace) -> str | None:
    if not FEWEST_PEOPLE <= args.people <= MOST_PEOPLE:
        return f"--people is {FEWEST_PEOPLE} to {MOST_PEOPLE}"
    unknown = [kind for kind in _kinds(args) or () if kind not in FAULTS]
    if unknown:
        return f"there is no fault called {unknown[0]!r}: --list lists them"
    if args.histories < 1 or args.minutes <= 0:
        return "--histories and --minutes are more than 0"
    return None


def _kinds(args: argparse.Namespace) -> Sequence[str] | None:
    if args.faults is None:
        return None
    return [] if args.faults == "none" else [kind.strip() for kind in args.faults.split(",")]


def _plan(args: argparse.Namespace, seed: int) -> Plan:
    return draw_plan(
        seed, people=args.people, seconds=args.minutes * 60, kinds=_kinds(args), workers=args.workers
    )


# ---- one history ----


def _run_one(args: argparse.Namespace, founder: Founder) -> int:
    plan = Plan.from_json(args.plan.read_text()) if args.plan is not None else _plan(args, args.seed)
    outcome = run_history(plan, founder, keep_all=args.trace is not None)
    if outcome.problems and args.shrink:
        outcome = _shrunk(outcome, founder)
    print("\n".join(outcome.story))
    _tell_end(outcome)
    if args.save is not None:
        args.save.write_text(outcome.plan.to_json())
    if args.trace is not None:
        args.trace.write_text("\n".join(outcome.lines) + "\n")
    if args.json is not None:
        tally = Tally()
        tally.add(outcome)
        args.json.write_text(json.dumps(tally.as_data(), indent=2) + "\n")
    return 1 if outcome.problems else 0


def _shrunk(outcome: Outcome, founder: Founder) -> Outcome:
    kinds = dict.fromkeys(map(kind_of, outcome.problems))
    smallest = [outcome]

    def fails(plan: Plan) -> bool:
        tried = run_history(plan, founder)
        if not any(kind_of(problem) in kinds for problem in tried.problems):
            return False
        smallest.append(tried)
        town = f"{plan.people} people, {plan.workers} workers"
        print(f"still fails with {town}, {len(plan.deeds)} deeds, {len(plan.faults)} faults", file=sys.stderr)
        return True

    Shrinker(fails, SHRINKING_TRIES).shrink(outcome.plan)
    return smallest[-1]


def _tell_end(outcome: Outcome) -> None:
    print(f"\nseed {outcome.plan.seed}: {outcome.messages} messages written, {outcome.shown} shown,", end=" ")
    print(f"{sum(outcome.faults.values())} faults, trace {outcome.digest}")
    if not outcome.problems:
        print("all that was promised held")
        return
    print(f"VIOLATIONS: {len(outcome.problems)}")
    for problem in outcome.problems:
        print(f"  {problem}")
    print("\nits plan:")
    print("\n".join(steps_of(outcome.plan)))


# ---- a bug on purpose ----


def _hunt(args: argparse.Namespace, founder: Founder) -> int:
    """Run seeds until one finds the bug; 1 if none does, for then the simulation has failed."""
    first = args.first if args.first is not None else 0
    for count, seed in enumerate(range(first, first + args.histories), start=1):
        outcome = run_history(_plan(args, seed), founder, sabotage=PLANTED[args.planted])
        if outcome.problems:
            print(f"{args.planted}: found by seed {seed}, after {count} histories")
            print("\n".join(f"  {problem}" for problem in outcome.problems[:PROBLEMS_SHOWN]))
            return 0
    print(f"{args.planted}: NOT FOUND in {args.histories} histories")
    return 1


# ---- many ----


def _run_many(args: argparse.Namespace, founder: Founder) -> int:
    first = args.first if args.first is not None else SystemRandom().randrange(1_000_000)
    print(f"{args.histories} histories from seed {first}, {args.people} people, {args.minutes} minutes each")
    count = 0

    def tell(outcome: Outcome) -> None:
        nonlocal count
        count += 1
        if outcome.problems:
            _tell_failure(args, outcome)
        if count % 20 == 0:
            print(f"  {count} of {args.histories}", flush=True)

    seeds = range(first, first + args.histories)
    tally = run_campaign((_plan(args, seed) for seed in seeds), founder, tell)
    print("\n".join(tally.as_lines()))
    if args.json is not None:
        args.json.write_text(json.dumps({"first_seed": first, **tally.as_data()}, indent=2) + "\n")
    return 1 if tally.failed else 0


def _tell_failure(args: argparse.Namespace, outcome: Outcome) -> None:
    print(f"seed {outcome.plan.seed}: VIOLATIONS: {len(outcome.problems)}")
    for problem in outcome.problems[:PROBLEMS_SHOWN]:
        print(f"    {problem}")
    words = f"--seed {outcome.plan.seed} --people {args.people} --minutes {args.minutes}"
    words += f" --faults '{args.faults}'" if args.faults is not None else ""
    words += f" --workers {args.workers}" if args.workers is not None else ""
    print(f"    to see it: roost faults simulate {words}", flush=True)
