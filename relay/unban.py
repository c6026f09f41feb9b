"""End the ban of a number: its devices may log in again, and find what waits for them.

roost unban --data /var/lib/roost +4915112345678
"""

import argparse
import json
from functools import partial

from relay import ban_office
from relay.ban import add_common


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the number, `--data` and `--json`."""
    parser.add_argument("number", metavar="NUMBER", help="with + and country code")
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """End it; 0 done, 1 the node or its store says no, 2 no number."""
    return ban_office.reported(partial(_unban, args))


def _unban(args: argparse.Namespace) -> None:
    done = ban_office.unban(args.data, args.number)
    if args.json:
        print(json.dumps({"phone": done.phone, "banned": False, "devices": done.devices}))  # noqa: T201
    else:
        print(f"{done.phone} is not banned.")  # noqa: T201  (the command's answer)
