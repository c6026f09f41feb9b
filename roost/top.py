"""`roost top`: the live supervision tree of a node in the terminal, longest mailboxes first.

It polls `GET {admin}/tree`, which answers in the form of `supervisors.tree_as_data`, and draws it with
nothing but plain ANSI sequences; with none at all under `--once` or when the output is not a terminal.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from roost.admin import AdminError, fetch_object

DEFAULT_ADMIN_URL = "http://127.0.0.1:5280"
DEFAULT_INTERVAL_SECONDS = 1.0

_HOME_AND_CLEAR_BELOW = "\x1b[H\x1b[J"
_TITLE = "mailbox   peak     1 s    10 s   100 s  restarts  actor"

Tree = Mapping[str, Any]  # the form of supervisors.tree_as_data


@dataclass(frozen=True, slots=True)
class Row:
    """One actor on the screen."""

    path: str
    state: str
    mailbox: int
    peak: int
    # Messages a second, decayed over 1, 10 and 100 seconds.
    rates: tuple[float, float, float]
    restarts: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("--admin", default=DEFAULT_ADMIN_URL, metavar="URL", help="the node's admin endpoint")
    parser.add_argument("--once", action="store_true", help="print once and end")
    parser.add_argument(
        "--json", action="store_true", dest="as_json", help="print the tree as JSON (one line a poll)"
    )
    parser.add_argument(
        "--interval",
        type=_positive_seconds,
        default=DEFAULT_INTERVAL_SECONDS,
        metavar="S",
        help="seconds between polls",
    )


def _positive_seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds


def run(args: argparse.Namespace) -> int:
    """Poll and draw until Ctrl-C, or once.

    Returns:
        The exit status: 0, or 1 if the node did not answer (with the reason on stderr).
    """
    live = not args.once
    try:
        while True:
            _show(fetch_tree(args.admin), args.as_json, live=live)
            if not live:
                return 0
            time.sleep(args.interval)
    except AdminError as error:
        print(f"error: admin-unreachable: {error}", file=sys.stderr)
        return 1


def fetch_tree(admin: str) -> Tree:
    """Ask a node for its tree.

    Raises:
        AdminError: it cannot be reached, refuses, or answers with something that is no tree.
    """
    tree = fetch_object(admin, "/tree")
    if "name" not in tree:
        raise AdminError(f"{admin} answered with something that is no tree")
    return tree


def _show(tree: Tree, as_json: bool, *, live: bool) -> None:
    if as_json:
        print(json.dumps(tree, separators=(",", ":")), flush=True)
        return
    if not live:
        print(render(tree, width=_unlimited_width(), height=None), flush=True)
        return
    size = shutil.get_terminal_size()
    clear = _HOME_AND_CLEAR_BELOW if sys.stdout.isatty() else ""
    print(clear + render(tree, size.columns, size.lines - 1), flush=True)


def _unlimited_width() -> int:
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 10_000


def render(tree: Tree, width: int, height: int | None) -> str:
    """The screen as text: a summary, then the actors with the longest mailboxes first.

    Args:
        tree: what `fetch_tree` returned.
        width: characters a line may have; longer ones are cut.
        height: lines there is room for; None for all.
    """
    everyone = list(actor_rows(tree))
    everyone.sort(key=lambda row: (-row.mailbox, -row.rates[1], row.path))
    lines = [_summary(everyone, _omitted(tree)), "", _TITLE, *(_line(row) for row in everyone)]
    if height is not None and len(lines) > height:
        lines = lines[: max(height, 1)]
    return "\n".join(line[:width] for line in lines)


def rows(tree: Tree, parents: str = "") -> Iterator[Row]:
    """Every actor of the tree, parents before children. Fields that are missing count as nothing."""
    path = f"{parents}/{tree['name']}" if parents else str(tree["name"])
    rates = tree.get("rates", {})
    yield Row(
        path=path,
        state=str(tree.get("state", "running")),
        mailbox=int(tree.get("mailbox", 0)),
        peak=int(tree.get("mailbox_peak", 0)),
        rates=(float(rates.get("1", 0)), float(rates.get("10", 0)), float(rates.get("100", 0))),
        restarts=int(tree.get("restarts", 0)),
    )
    for child in tree.get("children", ()):
        yield from rows(child, path)


def actor_rows(tree: Tree) -> Iterator[Row]:
    """Every actor of a node's tree; the node above all roots ("system") is no actor and not listed."""
    if tree.get("type") != "system":
        yield from rows(tree)
        return
    for root in tree.get("children", ()):
        yield from rows(root)


def _omitted(tree: Tree) -> int:
    """How many actors the node counted but did not list."""
    children = tree.get("children", ())
    return int(tree.get("children_omitted", 0)) + sum(_omitted(child) for child in children)


def _summary(everyone: list[Row], omitted: int) -> str:
    running = sum(1 for row in everyone if row.state == "running") + omitted
    waiting = sum(row.mailbox for row in everyone)
    rate = sum(row.rates[0] for row in everyone)
    restarts = sum(row.restarts for row in everyone)
    unseen = f" ({omitted} not listed)" if omitted else ""
    return f"{running} actors{unseen}, {waiting} messages waiting, {rate:.0f} messages/s, {restarts} restarts"


def _line(row: Row) -> str:
    rates = " ".join(f"{rate:7.1f}" for rate in row.rates)
    state = "" if row.state == "running" else f" [{row.state}]"
    return f"{row.mailbox:7d} {row.peak:6d} {rates}  {row.restarts:8d}  {row.path}{state}"
