"""Say how a phone or a relay node is doing.

roost status --home alice                       the phone kept in the folder alice
roost status --admin http://127.0.0.1:5280      the node whose admin endpoint that is
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from roost.admin import AdminError, fetch_object

SECONDS_BY_UNIT = {"d": 86_400, "h": 3_600, "min": 60}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `--home DIR | --admin URL` and `--json`."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--home", type=Path, metavar="DIR", help="the folder of a phone")
    what.add_argument(
        "--admin", metavar="URL", help="the admin endpoint of a node, for example http://127.0.0.1:5280"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, for machines")


def run(args: argparse.Namespace) -> int:
    """Print the status.

    Returns:
        0, or 1 if the node cannot be asked.
    """
    if args.home is not None:
        from client.cli.status import home_status

        return home_status(args.home, args.json)
    return admin_status(args.admin, args.json)


def admin_status(admin: str, as_json: bool) -> int:
    """Print how the node behind an admin endpoint is doing, and its supervision tree."""
    from supervisors.tree import tree_as_text

    try:
        status = fetch_object(admin, "/status")
        tree = fetch_object(admin, "/tree")
    except AdminError as error:
        print(f"error: admin-unreachable: {error}", file=sys.stderr)
        return 1
    if as_json:
        print(json.dumps({**status, "tree": tree}))
    else:
        print(render_status(status), tree_as_text(tree), sep="\n\n")
    return 0


def render_status(status: Mapping[str, Any]) -> str:
    """The figures that a person looks at first, one a line."""
    rows = {
        "version": status["version"],
        "state": f"{status['phase']}, for {duration(status['uptime_s'])}",
        # While no worker answers there are no figures.
        "connections": f"{status.get('connections', 0):,}",
        "users online": f"{status.get('users_online', 0):,}",
        "queued messages": f"{status.get('queued_messages', 0):,}",
        "messages a second": f"{status.get('messages_per_s', 0):,.1f}",
        "actors": f"{status.get('actors', 0):,}",
        **{f"worker {worker['number']}": _worker(worker) for worker in status.get("workers", ())},
    }
    width = max(map(len, rows))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows.items())


def _worker(worker: Mapping[str, Any]) -> str:
    """One worker in a line."""
    words = [worker["state"], f"process {worker['pid']}" if worker["pid"] is not None else "no process"]
    if "uptime_s" in worker:
        words += [f"for {duration(worker['uptime_s'])}", f"{worker['connections']:,} connections"]
    if worker["restarts"]:
        words.append(f"restarts {worker['restarts']}")
    return ", ".join(words)


def duration(seconds: float) -> str:
    """Seconds in the two largest units that say something: `2 d 3 h`, `5 min 1 s`, `12 s`."""
    rest = int(seconds)
    words: list[str] = []
    for unit, size in SECONDS_BY_UNIT.items():
        count, rest = divmod(rest, size)
        if count or words:
            words.append(f"{count} {unit}")
    words.append(f"{rest} s")
    return " ".join(words[:2])
