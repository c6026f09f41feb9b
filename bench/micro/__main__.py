"""`python -m bench.micro` (`make bench-micro`): weight and speed of the actor runtime, beside its peers."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.machine import commit
from bench.micro.catalogue import BENCHES, PEERS, ROOT, Bench, roost_command
from bench.micro.harness import BenchError, Figure, parse_figures, run_command, summarise
from bench.micro.report import as_table, write_json

REPETITIONS = 3
QUICK_DIVISOR = 20  # how much smaller a peer's work is in a quick run


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the JSON.

    Returns:
        0, or 1 if one of our own benches failed. A peer that fails is a line in the output.
    """
    args = _parser().parse_args(argv)
    chosen = [bench for bench in BENCHES if not args.only or bench.name in args.only]
    figures, failed = _measure_roost(chosen, args.quick)
    if not args.no_peers:
        figures += _measure_peers(chosen, args.quick)
    print(as_table(figures))
    path = args.json or _default_path()
    write_json(path, figures)
    print(f"\nwritten to {path}")
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.micro", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, once each: does it run at all?")
    parser.add_argument(
        "--only", action="append", choices=[bench.name for bench in BENCHES], help="this bench (may repeat)"
    )
    parser.add_argument("--no-peers", action="store_true", help="Roost alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures")
    return parser


def _default_path() -> Path:
    return ROOT / "bench" / "results" / f"micro-{time.strftime('%Y-%m-%d')}-{commit()}.json"


def _measure_roost(chosen: Sequence[Bench], quick: bool) -> tuple[list[Figure], bool]:
    figures: list[Figure] = []
    failed = False
    for bench in chosen:
        command = roost_command(bench.name, bench.size_for(quick))
        try:
            figures += _repeat(f"roost {bench.name}", command, 1 if quick else REPETITIONS)
        except BenchError as error:
            _say(f"roost {bench.name} failed: {error}\n")
            failed = True
    return figures, failed


def _measure_peers(chosen: Sequence[Bench], quick: bool) -> list[Figure]:
    figures: list[Figure] = []
    for peer in PEERS:
        why = peer.missing()
        if why is not None:
            _say(f"{peer.name}: {why}; skipped\n")
            continue
        for bench in chosen:
            size = peer.sizes.get(bench.name)
            if size is not None:
                size = max(2, size // QUICK_DIVISOR) if quick else size
                figures += _try_peer(peer.name, bench.name, peer.command, size, 1 if quick else REPETITIONS)
    return figures


def _try_peer(
    peer: str, bench: str, command: Callable[[str, int], list[str]], size: int, repetitions: int
) -> list[Figure]:
    try:
        return _repeat(f"{peer} {bench}", command(bench, size), repetitions)
    except BenchError as error:
        _say(f"{peer} {bench} failed: {error}\n")
        return []


def _repeat(title: str, command: Sequence[str], repetitions: int) -> list[Figure]:
    """Run a bench several times, each in a fresh process, and sum up what it measured."""
    runs: list[list[Figure]] = []
    for number in range(1, repetitions + 1):
        _say(f"{title} {number}/{repetitions} ...")
        runs.append(parse_figures(run_command(command)))
        _say("")
    return [summarise(same) for same in zip(*runs, strict=True)]


def _say(text: str) -> None:
    """Show progress on one line of stderr that is overwritten; a text with a line end stays."""
    print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
