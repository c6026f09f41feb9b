"""`roost faults`: what Roost is put through, and whether it held.

    roost faults simulate [--seed N] [--histories K] [--minutes M] [--people P] [--faults A,B] [--json FILE]
    roost faults run [--plan NAME|FILE] [--seed N] [--minutes M] [--fault NAME] [--json FILE]

`simulate` runs whole histories in one process: a node, people with their phones, and faults, all drawn from
a seed, under a clock that jumps. With --seed one history is told as a timeline; without, many are counted.
`run` starts a node and phones as real processes, and breaks them, their network and the node's disk.
Exit status: 0 all that was promised held, 1 it did not, 2 wrong usage.
"""

import argparse

from faults.real import command as run_real
from faults.simulation import command as simulate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `roost faults`."""
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    simulated = kinds.add_parser(
        "simulate", help="whole histories in one process, each from one seed", description=simulate.__doc__
    )
    simulated.formatter_class = argparse.RawDescriptionHelpFormatter
    simulate.add_arguments(simulated)
    real = kinds.add_parser(
        "run", help="a real node and real phones, broken on purpose", description=run_real.__doc__
    )
    real.formatter_class = argparse.RawDescriptionHelpFormatter
    run_real.add_arguments(real)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit status."""
    return simulate.run(args) if args.kind == "simulate" else run_real.run(args)
