"""Measure a node: how fast it is, what a connection weighs, what a message costs.

Real sockets, handshakes and frames. What each figure means: docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import shlex
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import bench.accounts
from bench import beside, compare, growth
from bench.accounting import parse_cpus
from bench.accounts import load_accounts, make_accounts, save_accounts
from bench.cores import Cores, choose_cores
from bench.document import Document, document, read_document, write_document
from bench.errors import BenchError
from bench.machine import commit, describe_machine, describe_versions
from bench.measurement import Measurement, Scenario, Stage, fill_of, settings_of
from bench.node import SOURCE, Node, node_at, node_from_ready_file, running_node
from bench.page import write_page
from bench.peers.catalogue import ALL as ALL_PEERS
from bench.peers.catalogue import NAMES as PEER_NAMES
from bench.peers.catalogue import peers_named
from bench.peers.run import SCENARIOS as PEER_SCENARIOS
from bench.peers.run import PeerRun
from bench.progress import Progress
from bench.scenarios.options import positive
from bench.table import as_table
from storage import StorageError

EXAMPLES = """
examples:
  roost bench pairs                              a node of its own, its figures as a table
  roost bench pairs --repeat 5 --json a.json --report a
  roost bench idle --connections 15000           takes two minutes and more
  roost bench pairs --peer all                   beside ejabberd, prosody and mosquitto with the same work
  roost bench compare a.json b.json
  roost bench accounts --data DIR --count 400 --accounts FILE

'roost bench NAME --help' says more about each. The exit status is 1 if something could not be measured, and
5 if the load was the limit, and not the node.
"""

SCENARIOS: dict[str, str] = {
    "pairs": "1:1 messages: throughput, CPU a message, latency",
    "fanout": "groups: deliveries a second, time to the last member",
    "login": "first and resumed logins, and the storm after a restart",
    "offline": "messages to people who are away, and fetching them",
    "idle": "what connected devices weigh while nothing happens",
    "mixed": "what people do, at a rate that rises until the node's knee is found",
    "capacity": "how many connections this machine holds, messages flowing among some of them",
}

SERIES: dict[str, str] = {
    "growth": "pairs and fanout again and again: how cost grows with connections, queues, groups, workers",
}

TOOLS: dict[str, str] = {
    "compare": "what changed between two runs beyond the noise",
    "accounts": "make accounts for a node that runs on (--relay)",
}

FAILED = 1
USAGE = 2
LOAD_WAS_THE_LIMIT = 5
SIGNALLED = 128
"""And the signal's number, as shells have it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the scenarios, each with its own options, and the tools."""
    parser.usage = f"{parser.prog} [-h] NAME ..."
    parser.epilog = _names() + EXAMPLES
    # argparse knows one list of commands, and here are three: the epilog has them.
    kinds = parser.add_subparsers(help=argparse.SUPPRESS, metavar="NAME", required=True, prog=parser.prog)
    for name in SCENARIOS:
        module = _scenario(name)
        described = _add_parser(kinds, name, module.__doc__)
        module.add_arguments(described)
        _add_common(described)
        if name in PEER_SCENARIOS:
            _add_peers(described)
        described.set_defaults(scenario=name, do=run_scenario)
    _add_growth(kinds)
    _add_compare(kinds)
    _add_accounts(kinds)


def _names() -> str:
    """All names, by what they are for."""
    groups = {"measure one thing": SCENARIOS, "measure a series": SERIES, "do not measure": TOOLS}
    lines = []
    for title, group in groups.items():
        lines += [f"{title}:", *(f"  {name:<10}{text}" for name, text in group.items()), ""]
    return "\n".join(lines[:-1]) + "\n"


def run(args: argparse.Namespace) -> int:
    """Do what was asked for.

    Returns:
        0, 1 if the node or a peer could not be measured, 2 for options that do not go together, 5 if the load
        was the limit.
    """
    try:
        with _ended_in_order():
            status: int = args.do(args)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return USAGE
    except (BenchError, StorageError) as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    return status


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does: servers that were started are stopped, their folders removed."""

    def leave(number: int, frame: object) -> None:
        raise SystemExit(SIGNALLED + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run_scenario(args: argparse.Namespace) -> int:
    """Measure, as often as asked for, and show it.

    Raises:
        ValueError: options that do not go together.
        BenchError: it could not be measured.
    """
    scenario = _scenario(args.scenario)
    plan = scenario.plan(args)
    cores = choose_cores(args.cpu_server, args.cpu_load, args.workers)
    facts = _facts(args, plan, cores)
    peers = _peers(args)
    measurements = _repeat(args, scenario, plan, cores, peers)
    found = document(measurements, facts, {each.peer.name: each.as_document() for each in peers})
    if peers:
        print(f"{beside.as_text(found, with_keys=args.keys)}\n")
    print(as_table(found, with_keys=args.keys, without=beside.keys_beside(found)))
    if args.json is not None:
        write_document(args.json, found)
    if args.report is not None:
        print(f"\nthe report is {write_page(args.report, found)}")
    if any(each.failed for each in peers):
        return FAILED
    return 0 if found["is_valid"] else LOAD_WAS_THE_LIMIT


def _peers(args: argparse.Namespace) -> list[PeerRun]:
    names = getattr(args, "peer", None) or ()  # not every scenario has the option
    if names and args.relay is not None:
        raise ValueError("--peer needs a node of the bench's own beside it")
    if names and getattr(args, "queued", 0) and args.scenario == "pairs":
        raise ValueError("--peer and --queued exclude each other: only our own store can be filled before")
    return [PeerRun(peer) for peer in peers_named(names)]


def _repeat(
    args: argparse.Namespace, scenario: Scenario, plan: Any, cores: Cores, peers: Sequence[PeerRun]
) -> list[Measurement]:
    """Measure our own node, then each peer in turn, as often as asked for."""
    progress = Progress(quiet=args.quiet)
    processes = args.load_processes or max(1, len(cores.load))
    measurements = []

    def stage_of(node: Node) -> Stage:
        return Stage(node, cores.load, processes, progress)

    for number in range(1, args.repeat + 1):
        which = f"{args.scenario} {number}/{args.repeat}"
        progress.begin(f"{which}: ")
        progress.say("starting")
        with _node(args, scenario, plan, cores, progress) as node:
            measurements.append(scenario.measure(stage_of(node), plan))
        for each in peers:
            progress.begin(f"{which}, {each.peer.name}: ")
            progress.say("starting")
            each.measure(scenario, plan, stage_of, cpus=cores.server, folder=args.folder)
    progress.clear()
    return measurements


@contextmanager
def _node(
    args: argparse.Namespace, scenario: Scenario, plan: Any, cores: Cores, progress: Progress
) -> Iterator[Node]:
    """A node of our own, or the one that was named."""
    accounts = scenario.accounts(plan)
    if args.relay is None:
        with running_node(
            accounts,
            workers=args.workers,
            cpus=cores.server,
            settings=settings_of(scenario, plan),
            folder=args.folder,
            source=args.source,
            fill=fill_of(scenario, plan),
            say=progress.say,
        ) as node:
            yield node
        return
    if args.accounts is None:
        raise ValueError("--relay needs --accounts FILE (see 'roost bench accounts --help')")
    known = load_accounts(args.accounts)
    if len(known) < accounts:
        raise ValueError(f"{args.accounts} has {len(known)} accounts, and this run needs {accounts}")
    node = node_at(args.relay, known)
    if args.ready_file is not None:
        node.processes = node_from_ready_file(json.loads(args.ready_file.read_text()), known).processes
    yield node


def _facts(args: argparse.Namespace, plan: Any, cores: Cores) -> Document:
    return {
        "scenario": args.scenario,
        **_circumstances(args),
        "parameters": dataclasses.asdict(plan),
        "workers": args.workers,
        "node_settings": settings_of(_scenario(args.scenario), plan) if args.relay is None else {},
        "cores": {"server": sorted(cores.server), "load": sorted(cores.load)},
    }


def _circumstances(args: argparse.Namespace) -> Document:
    return {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit(args.source),
        "command": shlex.join(["roost", *sys.argv[1:]]),
        "machine": describe_machine(),
        "versions": describe_versions(),
    }


def run_growth(args: argparse.Namespace) -> int:
    """Measure how cost grows.

    Raises:
        BenchError: a point could not be measured.
    """
    return growth.run(args, _circumstances(args))


def run_compare(args: argparse.Namespace) -> int:
    """Compare two runs.

    Raises:
        ValueError: they cannot be compared.
        BenchError: a file cannot be read.
    """
    print(compare.as_table(compare.compare(read_document(args.before), read_document(args.after))))
    return 0


def run_accounts(args: argparse.Namespace) -> int:
    """Put accounts into the data folder of a node that is stopped.

    Raises:
        StorageError: the folder is in use, damaged or too new.
        BenchError: too many.
    """
    save_accounts(args.accounts, make_accounts(args.data, args.count))
    print(f"{args.count} accounts are in {args.data}, and their keys in {args.accounts}")
    return 0


def _scenario(name: str) -> Scenario:
    return cast("Scenario", importlib.import_module(f"bench.scenarios.{name}"))


def _add_parser(kinds: Any, name: str, description: str | None) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = kinds.add_parser(
        name, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    return parser


def _add_growth(kinds: Any) -> None:
    parser = _add_parser(kinds, "growth", growth.__doc__)
    growth.add_arguments(parser)
    _add_pinning(parser)
    parser.set_defaults(do=run_growth)


def _add_compare(kinds: Any) -> None:
    parser = _add_parser(kinds, "compare", compare.__doc__)
    parser.add_argument("before", type=Path, metavar="A.json")
    parser.add_argument("after", type=Path, metavar="B.json")
    parser.set_defaults(do=run_compare)


def _add_accounts(kinds: Any) -> None:
    parser = _add_parser(kinds, "accounts", bench.accounts.__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the node's data folder")
    parser.add_argument("--count", type=positive, required=True, help="how many")
    parser.add_argument("--accounts", type=Path, required=True, metavar="FILE", help="where their keys go")
    parser.set_defaults(do=run_accounts)


def _add_common(parser: argparse.ArgumentParser) -> None:
    """Options that every scenario has."""
    where = parser.add_argument_group("which node")
    which = where.add_mutually_exclusive_group()
    which.add_argument(
        "--spawn", action="store_true", help="a node of its own, in a temporary folder (default)"
    )
    which.add_argument("--relay", metavar="URL", help="a node that runs already, roost://HOST:PORT#KEY")
    where.add_argument("--accounts", type=Path, metavar="FILE", help="with --relay: who logs in")
    where.add_argument(
        "--ready-file", type=Path, metavar="FILE", help="with --relay on this machine: whose CPU and memory"
    )
    where.add_argument("--workers", type=positive, default=1, help="worker processes of its own node (1)")
    where.add_argument(
        "--source", type=Path, default=SOURCE, metavar="DIR", help="the checkout its own node runs"
    )
    where.add_argument(
        "--folder", type=Path, metavar="DIR", help="where its own node has its data: whose disk"
    )
    how = parser.add_argument_group("how it is measured")
    how.add_argument("--repeat", type=positive, default=1, metavar="R", help="repetitions (1)")
    _add_pinning(how)
    how.add_argument("--load-processes", type=positive, metavar="N", help="load processes (one a core)")
    out = parser.add_argument_group("what comes out")
    out.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured")
    out.add_argument("--report", type=Path, metavar="DIR", help="write a page with plots, DIR/index.html")
    out.add_argument("--keys", action="store_true", help="show what the JSON calls each figure")
    out.add_argument("--quiet", action="store_true", help="no progress on stderr")


def _add_peers(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--peer",
        action="append",
        choices=[*PEER_NAMES, ALL_PEERS],
        help="another server beside it, with the same work in the same run; repeatable. It is started by the"
        " bench on the same cores, and skipped if it is not installed",
    )


def _add_pinning(parser: argparse._ActionsContainer) -> None:
    parser.add_argument(
        "--cpu-server", type=_cores, metavar="CORES", help="cores of the node (the first, one a worker)"
    )
    parser.add_argument("--cpu-load", type=_cores, metavar="CORES", help="cores of the load (all others)")


def _cores(text: str) -> frozenset[int]:
    if text == "any":
        return frozenset()
    try:
        return parse_cpus(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
