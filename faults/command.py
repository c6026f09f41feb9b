"""`roost faults`: what Roost is put through, and whether it held.

    roost faults simulate [--seed N] [--histories K] [--minutes M] [--people P] [--faults A,B] [--json FILE]

`simulate` runs whole histories in one process: a node, people with their phones, and faults, all drawn from
a seed, under a clock that jumps. With --seed one history is told as a timeline; without, many are counted.
Exit status: 0 all that was promised held, 1 it did not, 2 wrong usage.
"""

import argparse

from faults.simulation import command as simulate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `roost faults`."""
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    simulated = kinds.add_parser(
        "simulate", help="whole histories in one process, each from one seed", description=simulate.__doc__
    )
    simulated.formatter_class = argparse.RawDescriptionHelpFormatter
    simulate.add_arguments(simulated)


def run(args: argparse.Namespace) -> int:
    """Do it; the exit status."""
    return simulate.run(args)
