"""List the numbers that are banned, since when, and why.

roost bans --data /var/lib/roost
roost bans --data /var/lib/roost --json
"""

import argparse
import json
from datetime import UTC, datetime
from functools import partial

from relay import ban_office
from relay.ban import add_common


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `--data` and `--json`."""
    add_common(parser)


def run(args: argparse.Namespace) -> int:
    """List them; 0 done, 1 the store cannot be read."""
    return ban_office.reported(partial(_list, args))


def _list(args: argparse.Namespace) -> None:
    for phone, record in ban_office.all_bans(args.data):
        if args.json:
            facts = {"phone": phone, "since": record.since, "reason": record.reason}
            print(json.dumps(facts))  # noqa: T201
        else:
            since = datetime.fromtimestamp(record.since, UTC)
            print(f"{phone}  since {since:%Y-%m-%d %H:%M} UTC  {record.reason}".rstrip())  # noqa: T201
