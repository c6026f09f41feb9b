"""Start a relay node, and run it until a signal says stop.

roost serve                                        on 127.0.0.1:5252, data in ./roost-data
roost serve --listen 0.0.0.0:5252 --data /var/lib/roost --sms webhook:https://...

It prints its address with its key, roost://HOST:PORT#KEY: phones register with that. Ctrl-C or SIGTERM
drain and stop it. Every setting: docs/operations.md.
"""

import argparse
import errno
import json
import logging
import os
import resource
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import trio

from actors import ActorRef
from relay import config as settings
from relay.config import Config
from relay.descriptors import LEAST_CONNECTIONS, fitted, is_hopeless, needed, open_files_limit, room_in
from relay.errors import (
    ConfigError,
    RelayError,
    TooFewDescriptorsError,
    WorkerNotStartedError,
    WorkersEndedError,
)
from relay.node import Node, open_node
from relay.node_tree import WORKER_GRACE_SECONDS, WORKER_PERIOD_SECONDS, WORKER_RESTARTS, node_tree
from relay.phase import Phase
from relay.version import node_version
from storage import StorageError
from storage.errors import system_reason

log = logging.getLogger("roost.relay")

USAGE = 2
FAILED = 1

STOP_SECONDS = WORKER_GRACE_SECONDS + 0.3
"""What stopping may take in all, so that a node is gone within the 5 seconds that it promises."""

ROOT_NAME = "node"
"""What the registry knows the parent's root supervisor as."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the settings that have a flag."""
    parser.add_argument("--listen", metavar="HOST:PORT", help="where devices connect (127.0.0.1:5252)")
    parser.add_argument("--data", metavar="DIR", help="the data folder (./roost-data)")
    parser.add_argument(
        "--sms", metavar="GATEWAY", help="who brings codes: console, file:PATH or webhook:URL (console)"
    )
    parser.add_argument(
        "--admin", metavar="HOST:PORT", help="the admin endpoint (127.0.0.1:5280); off for none"
    )
    parser.add_argument("--workers", metavar="N", help="processes that share the work, 1 to 64 (1)")
    parser.add_argument("--ready-file", metavar="PATH", help="written once devices can connect")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings from a TOML file")


def run(args: argparse.Namespace) -> int:
    """Run a node; returns 0 after a signal, 1 if it could not start or go on, 2 for bad settings."""
    flags = {key: getattr(args, key) for key in ("listen", "data", "sms", "admin", "workers", "ready_file")}
    try:
        config = settings.load(args.config, os.environ, flags)
        _try_ready_file(config)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return USAGE
    _raise_descriptor_limit()
    status = FAILED
    try:
        _look_at_descriptors(config, open_files_limit())
        status = trio.run(serve, config, ("--log", args.log, "--log-level", args.log_level))
    except* (RelayError, StorageError) as group:
        # A group, because errors that leave a nursery come in one; there is one in it.
        for leaf in _leaves(group):
            print(f"error: {leaf}", file=sys.stderr)  # noqa: T201
    except* OSError as group:
        # Whatever else the system refuses (a folder taken away, descriptors used up): what an operator can
        # mend needs a sentence, and where it was raised is for those who ask.
        for leaf in _leaves(group):
            print(f"error: {system_reason(leaf)}", file=sys.stderr)  # noqa: T201
        log.debug("refused_by_system", exc_info=group)
    return status


async def serve(config: Config, log_words: Sequence[str] = ()) -> int:
    """Run a node until SIGTERM, SIGINT, a drain by the admin endpoint, or the end of its tree.

    Raises:
        AddressInUseError: it cannot listen where it was told to.
        StorageError: the data folder is in use, too new or damaged.
        WorkerNotStartedError: a worker could not start; says why.
        WorkersEndedError: workers ended faster than they are restarted.
    """
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with open_node(config, _show, log_words) as node:
            root = await node.system.start(lambda: node_tree(node), name=ROOT_NAME)
            try:
                await _until_end(node, root, signals)
            finally:
                log.info("node_stopping")
                await drain(node, root)
    log.info("node_stopped")
    return 0


async def drain(node: Node, root: ActorRef) -> None:
    """Have all workers drain, and stop the tree; a worker that does not end in time is killed."""
    node.phase = Phase.DRAINING
    # The workers' sockets are theirs alone from now on: when they close them, nobody new gets in.
    node.port.close()
    with trio.CancelScope(shield=True), trio.move_on_after(STOP_SECONDS):
        await root.stop()


async def _until_end(node: Node, root: ActorRef, signals: AsyncIterator[int]) -> None:
    """Bring the node up, and wait for the reason to stop.

    Raises:
        WorkerNotStartedError, WorkersEndedError: as `serve`.
    """
    problems: list[Exception] = []

    async def wait_for_signal() -> None:
        async for number in signals:
            log.info("signal_received", extra={"signal": signal.Signals(number).name})
            break
        end()

    async def wait_for_drain() -> None:
        await node.drain.wait()
        log.info("drain_requested")
        end()

    async def wait_for_failed_start() -> None:
        post = await node.crew.wait_for_failed_start()
        end(WorkerNotStartedError(post.number, post.line.complaint))

    async def wait_for_tree() -> None:
        reason = await root.wait_stopped()
        log.critical("tree_ended", extra={"reason": str(reason)})
        end(WorkersEndedError(WORKER_RESTARTS * len(node.crew), WORKER_PERIOD_SECONDS))

    async def wait_until_ready() -> None:
        await node.crew.wait_until_ready()
        node.phase = Phase.READY
        _announce(node)
        _write_ready_file(node)

    def end(problem: Exception | None = None) -> None:
        problems.extend([problem] if problem is not None else [])
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        for wait in (wait_for_signal, wait_for_drain, wait_for_failed_start, wait_for_tree, wait_until_ready):
            nursery.start_soon(wait)
    for problem in problems[:1]:
        raise problem


def _announce(node: Node) -> None:
    """Say where the node is, and what to type next."""
    facts = {"version": node_version(), "listen": node.address.split("#")[0], "workers": len(node.crew)}
    log.info("node_started", extra=facts)
    log.debug("settings", extra=settings.as_table(node.config))
    if node.config.test_hooks:
        log.warning(
            "test_hooks_on", extra={"meaning": "peers may crash actors on purpose; never in production"}
        )
    for line in _welcome(node):
        _show(line)


def our_name() -> str:
    """How somebody in this terminal calls us: by name if the shell finds it, by its path otherwise."""
    script = Path(sys.argv[0])
    if script.name != "roost" or shutil.which("roost") is not None:
        return "roost"
    # Whichever is easier to type: a path that climbs up and down again is not.
    return min(os.path.relpath(script), str(script.absolute()), key=len)


def _welcome(node: Node) -> Iterator[str]:
    roost = our_name()
    yield f"Roost {node_version()} is ready. Its address, with its key:"
    yield ""
    yield f"  {node.address}"
    yield ""
    yield "Next, each in a terminal of its own (these two numbers belong to nobody):"
    yield ""
    for name, phone in (("alice", "+491713920001"), ("bob", "+491713920002")):
        yield f"  {roost} register --home {name} --relay '{node.address}' --phone {phone}"
        yield f"  {roost} chat --home {name}"
    yield ""
    if node.config.sms == "console":
        yield "Verification codes are shown here. Ctrl-C stops the node."
    if node.door is not None:
        yield f"How it is doing: {roost} status --admin {node.door.url}"


def _write_ready_file(node: Node) -> None:
    """Tell whoever waits that devices can connect. In one step: nobody reads half a file.

    Raises:
        ConfigError: it cannot be written.
    """
    path = node.config.ready_file
    if path is None:
        return
    facts = {
        "relay": node.address,
        "admin": node.door.url if node.door is not None else None,
        "pid": os.getpid(),
        "workers": [{"number": post.number, "pid": post.pid} for post in node.crew],
    }
    partial = _partial_of(path)
    try:
        partial.write_text(json.dumps(facts) + "\n")
        partial.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from None


def _try_ready_file(config: Config) -> None:
    """Find out now and not when devices are there already: make the file that will become it, and remove it.

    Raises:
        ConfigError: it could not be written.
    """
    path = config.ready_file
    if path is None or (path.parent == config.data and not config.data.exists()):
        return  # the data folder is made by the start, which has words of its own
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        partial = _partial_of(path)
        partial.touch()
        partial.unlink()
    except OSError as error:
        raise _unwritable(path, error) from None


def _partial_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.partial")


def _unwritable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(
        "settings", "ready_file", f"{path} cannot be written: {(error.strerror or '').lower()}"
    )


def _raise_descriptor_limit() -> None:
    """Every connection is a descriptor: take as many as the system allows without asking anybody."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _look_at_descriptors(config: Config, limit: int) -> None:
    """Say once, and not in each life of each worker, that there is less room than the settings promise.

    Raises:
        TooFewDescriptorsError: there is next to none.
    """
    if is_hopeless(config, limit):
        least = replace(config, max_connections=min(LEAST_CONNECTIONS, config.max_connections))
        raise TooFewDescriptorsError(limit, room_in(config, limit), needed(least))
    room = fitted(config, limit).max_connections
    if room < config.max_connections:
        facts = {"max_connections": room, "set": config.max_connections, "open_files": limit}
        log.warning("connections_limited", extra=facts)


def _leaves(group: BaseExceptionGroup[Exception]) -> Iterator[Exception]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _show(line: str) -> None:
    print(line, flush=True)  # noqa: T201  (the node's own word to whoever started it)
