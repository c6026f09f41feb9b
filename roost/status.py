"""Say how a phone or a relay node is doing.

roost status --home alice                       the phone kept in the folder alice
roost status --admin http://127.0.0.1:5280      the node whose admin endpoint that is
"""

from __future__ import annotations

import argparse
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ADMIN_TIMEOUT_SECONDS = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `--home DIR | --admin URL` and `--json`."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--home", type=Path, metavar="DIR", help="the folder of a phone")
    what.add_argument(
        "--admin", metavar="URL", help="the admin endpoint of a node, for example http://127.0.0.1:5280"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, for machines")


def run(args: argparse.Namespace) -> int:
    """Print the status; 1 if the node cannot be asked."""
    if args.home is not None:
        from client.cli.status import home_status

        return home_status(args.home, args.json)
    return _admin_status(args.admin, args.json)


def _admin_status(url: str, as_json: bool) -> int:
    try:
        status = fetch_json(url, "/status")
        tree = fetch_json(url, "/tree")
    except (OSError, ValueError) as error:
        print(
            f"error: admin-unreachable: {url} does not answer as a Roost node: {reason(error)}",
            file=sys.stderr,
        )
        return 1
    if as_json:
        print(json.dumps({**status, "tree": tree}))
    else:
        print(render_status(status))
        print()
        print(render_tree(tree))
    return 0


def fetch_json(admin: str, path: str) -> dict[str, Any]:
    """Ask a node's admin endpoint for a JSON object.

    Args:
        admin: the endpoint's URL, `http://HOST:PORT`.
        path: what to ask for, beginning with a slash.

    Raises:
        OSError: it cannot be reached, or answers with an error status.
        ValueError: it answers something that is no JSON object, or the URL is none.
    """
    base = admin if "://" in admin else f"http://{admin}"
    if not base.startswith(("http://", "https://")):
        raise ValueError("the URL must begin with http:// or https://")
    with urllib.request.urlopen(base.rstrip("/") + path, timeout=ADMIN_TIMEOUT_SECONDS) as answer:
        data = json.load(answer)
    if not isinstance(data, dict):
        raise ValueError("the answer is no JSON object")
    return data


def reason(error: Exception) -> str:
    """The part of an error that helps: what the operating system said, not how urllib wrapped it."""
    if isinstance(error, urllib.error.URLError) and not isinstance(error, urllib.error.HTTPError):
        return str(error.reason)
    return str(error)
