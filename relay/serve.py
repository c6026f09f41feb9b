"""Start a relay node, and run it until a signal says stop.

roost serve                                        on 127.0.0.1:5252, data in ./roost-data
roost serve --listen 0.0.0.0:5252 --data /var/lib/roost --sms webhook:https://...

It prints its address with its key, roost://HOST:PORT#KEY: phones register with that. Ctrl-C or SIGTERM
drain and stop it. Every setting: docs/operations.md.
"""

import argparse
import base64
import gc
import json
import logging
import os
import resource
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import trio

from actors import ActorRef, open_actor_system
from actors.network import Listener as Port
from actors.network import Network
from actors.ports import system_clock, system_entropy, system_monotonic
from actors.reactor import open_reactor
from protocol import KeyPair
from relay import config as settings
from relay.admin import Door
from relay.config import DRAIN_SECONDS, Config, HostPort
from relay.errors import AddressInUseError, ConfigError
from relay.journal import open_journal
from relay.sms import gateway_from
from relay.status import node_version
from relay.tree import relay_tree
from relay.tree_report import ROOT_NAME
from relay.worker import Phase, Worker
from storage import (
    StorageError,
    is_backup,
    load_or_create_secrets,
    open_routing_table,
    open_store,
    prepare_store,
)

log = logging.getLogger("roost.relay")

USAGE = 2
FAILED = 1

LISTEN_BACKLOG = 1_024
"""Connections the kernel keeps until they are accepted: a login storm comes faster than they are taken."""

GC_THRESHOLDS = (50_000, 20, 50)
"""Allocations, young collections and middle ones before the collector looks at the next generation."""

SWITCH_INTERVAL_SECONDS = 0.0005
"""How long the loop may keep the GIL from the journal's writer, which needs it a few times a commit: Python's
default of 5 ms makes a commit of 0.5 ms take 15."""


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
    parser.add_argument("--ready-file", metavar="PATH", help="written once devices can connect")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings from a TOML file")


def run(args: argparse.Namespace) -> int:
    """Run a node; returns 0 after a signal, 1 if it could not start or go on, 2 for bad settings."""
    flags = {key: getattr(args, key) for key in ("listen", "data", "sms", "admin", "ready_file")}
    try:
        config = settings.load(args.config, os.environ, flags)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        return USAGE
    sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
    _raise_descriptor_limit()
    status = FAILED
    try:
        status = trio.run(serve, config)
    except* (AddressInUseError, ConfigError, StorageError) as group:
        # A group, because errors that leave a nursery come in one; there is one in it.
        for leaf in _leaves(group):
            print(f"error: {leaf}", file=sys.stderr)  # noqa: T201
    return status


async def serve(config: Config) -> int:
    """Run a node until SIGTERM, SIGINT, a drain by the admin endpoint, or the end of its journal or tree.

    Raises:
        AddressInUseError: it cannot listen where it was told to.
        StorageError: the data folder is in use, too new or damaged.
    """
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async with open_node(config) as (worker, port, door):
            root = await worker.system.start(lambda: relay_tree(worker, port, door), name=ROOT_NAME)
            worker.phase = Phase.READY
            _announce(config, relay_address(worker, port), door)
            _write_ready_file(config.ready_file, relay_address(worker, port), door)
            _calm_the_collector()
            status = await _until_end(worker, root, signals)
            log.info("node_stopping", extra={"status": status})
            await drain(worker, root)
    log.info("node_stopped", extra={"status": status})
    return status


@asynccontextmanager
async def open_node(config: Config) -> AsyncIterator[tuple[Worker, Port, Door | None]]:
    """Open everything that a node's actors need, in order, and close it in reverse.

    Raises:
        AddressInUseError, StorageError: as `serve`.
    """
    async with AsyncExitStack() as stack:
        if is_backup(config.data):
            advice = "put it in place with 'roost restore', which makes it safe to go on from"
            raise ConfigError("data", str(config.data), f"this is a backup: {advice}")
        stack.enter_context(prepare_store(config.data, 1, _show))
        secrets = load_or_create_secrets(config.data, system_entropy)
        store = stack.enter_context(open_store(config.data, 0))
        routing = open_routing_table(config.data)
        stack.callback(routing.close)
        door = Door(config.admin) if config.admin is not None else None
        if door is not None:
            stack.callback(door.close)
        network = await stack.enter_async_context(open_reactor())
        port = await _listen(network, config.listen)
        journal = stack.enter_context(open_journal(store.own, system_monotonic))
        system = await stack.enter_async_context(open_actor_system(grace_s=DRAIN_SECONDS))
        worker = Worker(
            config=config,
            clock=system_clock,
            entropy=system_entropy,
            network=network,
            store=store,
            journal=journal,
            routing=routing,
            secrets=secrets,
            static=KeyPair.from_private_bytes(secrets.static_key),
            sms=gateway_from(config.sms, system_clock, _show),
            system=system,
        )
        stack.enter_context(worker.garbage.watching(system_monotonic))
        yield worker, port, door


async def drain(worker: Worker, root: ActorRef) -> None:
    """Take nobody new, say goodbye to everybody, and stop the tree; what it cannot do in time is cut off."""
    worker.phase = Phase.DRAINING
    with trio.move_on_after(DRAIN_SECONDS):
        await root.stop()


async def _listen(network: Network, place: HostPort) -> Port:
    try:
        return await network.listen(place.host, place.port, LISTEN_BACKLOG)
    except OSError as error:
        problem = (error.strerror or str(error)).lower()
        advice = "stop what runs there, or choose another with --listen HOST:PORT (port 0: any free one)"
        raise AddressInUseError("devices", str(place), problem, advice) from None


async def _until_end(worker: Worker, root: ActorRef, signals: AsyncIterator[int]) -> int:
    """Wait for the reason to stop; returns the exit status that goes with it."""
    statuses: list[int] = []

    async def wait_for_signal() -> None:
        async for number in signals:
            log.info("signal_received", extra={"signal": signal.Signals(number).name})
            break
        end(0)

    async def wait_for_drain() -> None:
        await worker.drain.wait()
        log.info("drain_requested")
        end(0)

    async def wait_for_journal() -> None:
        await worker.journal.failed.wait()
        end(FAILED)

    async def wait_for_tree() -> None:
        reason = await root.wait_stopped()
        log.critical("tree_ended", extra={"reason": str(reason)})
        end(FAILED)

    def end(status: int) -> None:
        statuses.append(status)
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait_for_signal)
        nursery.start_soon(wait_for_drain)
        nursery.start_soon(wait_for_journal)
        nursery.start_soon(wait_for_tree)
    return max(statuses)


def relay_address(worker: Worker, port: Port) -> str:
    """What phones register with: where the node is, and the key that proves that it is this one."""
    key = base64.urlsafe_b64encode(worker.static.public).decode().rstrip("=")
    return f"roost://{HostPort(port.host, port.port)}#{key}"


def _announce(config: Config, address: str, door: Door | None) -> None:
    """Say where the node is, and what to type next."""
    log.info("node_started", extra={"version": node_version(), "listen": address.split("#")[0]})
    log.debug("settings", extra=settings.as_table(config))
    if config.test_hooks:
        log.warning(
            "test_hooks_on", extra={"meaning": "peers may crash actors on purpose; never in production"}
        )
    for line in _welcome(config, address, door):
        _show(line)


def our_name() -> str:
    """How somebody in this terminal calls us: by name if the shell finds it, by its path otherwise."""
    script = Path(sys.argv[0])
    if script.name != "roost" or shutil.which("roost") is not None:
        return "roost"
    return os.path.relpath(script)


def _welcome(config: Config, address: str, door: Door | None) -> Iterator[str]:
    roost = our_name()
    yield f"Roost {node_version()} is ready. Its address, with its key:"
    yield ""
    yield f"  {address}"
    yield ""
    yield "Next, each in a terminal of its own (these two numbers belong to nobody):"
    yield ""
    for name, phone in (("alice", "+491713920001"), ("bob", "+491713920002")):
        yield f"  {roost} register --home {name} --relay '{address}' --phone {phone}"
        yield f"  {roost} chat --home {name}"
    yield ""
    if config.sms == "console":
        yield "Verification codes are shown here. Ctrl-C stops the node."
    if door is not None:
        yield f"How it is doing: {roost} status --admin {door.url}"


def _write_ready_file(path: Path | None, address: str, door: Door | None) -> None:
    """Tell whoever waits that devices can connect. In one step: nobody reads half a file.

    Raises:
        ConfigError: it cannot be written.
    """
    if path is None:
        return
    facts = {"relay": address, "admin": door.url if door is not None else None, "pid": os.getpid()}
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_text(json.dumps(facts) + "\n")
        partial.replace(path)
    except OSError as error:
        raise ConfigError("command line", "--ready-file", f"{path}: {error.strerror}") from None


def _calm_the_collector() -> None:
    """What is there after the start stays for good, and the path of a message makes no cycles.

    So the collector need not look at the first again, and need not look for the second seven hundred
    allocations at a time: with thousands of connections each full look is a pause for all of them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def _raise_descriptor_limit() -> None:
    """Every connection is a descriptor: take as many as the system allows without asking anybody."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _show(line: str) -> None:
    print(line, flush=True)  # noqa: T201  (the node's own word to whoever started it)
