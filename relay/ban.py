"""Ban a number: nobody registers it, and the devices of its account are logged out and stay out.

roost ban --data /var/lib/roost +4915112345678 --reason "spam, ticket 17"

While the node runs it is told, and acts at once; otherwise it is written into its store. Only whoever has
proved to own the number is told that it is banned. The account and what waits for it stay: 'roost unban' ends
it all. 'roost bans' lists them.
"""

import argparse
import json
import os
from functools import partial
from pathlib import Path

from relay import ban_office


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the number, `--reason`, `--data` and `--json`."""
    parser.add_argument("number", metavar="NUMBER", help="with + and country code")
    parser.add_argument("--reason", default="", metavar="TEXT", help="for yourself; nobody else is shown it")
    add_common(parser)


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add what `roost ban`, `unban` and `bans` share."""
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("ROOST_DATA", "roost-data")),
        metavar="DIR",
        help="the data folder (ROOST_DATA, or ./roost-data)",
    )
    parser.add_argument("--json", action="store_true", help="JSON, for machines")


def run(args: argparse.Namespace) -> int:
    """Ban; 0 done, 1 the node or its store says no, 2 no number."""
    return ban_office.reported(partial(_ban, args))


def _ban(args: argparse.Namespace) -> None:
    done = ban_office.ban(args.data, args.number, args.reason)
    if args.json:
        print(json.dumps({"phone": done.phone, "banned": True, "devices": done.devices}))  # noqa: T201
        return
    devices = "1 device is" if done.devices == 1 else f"{done.devices} devices are"
    consequence = f"; its {devices} logged out" if done.devices else "; it has no account here"
    print(f"{done.phone} is banned{consequence}.")  # noqa: T201  (the command's answer)
