"""A worker process of a relay node: takes its assignment from its parent, and serves until told to stop.

Nobody types this command: 'roost serve' starts it, tells it on its standard input what it is (assignment.py),
and asks it over its control socket how it is doing.

Rule 1: it ends with its parent, at once and however that ended: its standard input is a pipe that only the
    parent holds, and `roost` ends this process with that, from before these imports on (roost/lifeline.py).
    Nothing is lost by that: what was not on disk was not ticked.
Rule 2: what takes long, the imports, comes before the assignment: so a process can be started ahead and wait
    for one (supervisors/reserve.py).
Rule 3: it starts fast, because all its devices wait: nothing is imported here that only the parent needs.
"""

import argparse
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import trio

from actors import ActorRef, StartError, open_actor_system
from actors.network import Listener as Port
from actors.ports import system_clock, system_entropy, system_monotonic
from actors.reactor import open_reactor
from protocol import KeyPair
from relay import ban_list, control
from relay.assignment import Assignment, read_assignment
from relay.config import DRAIN_SECONDS
from relay.control import Questions, control_path
from relay.descriptors import fitted, max_links, open_files_limit
from relay.errors import RelayError, WrongVersionError
from relay.figures import Family, worker_figures
from relay.handover import open_handover
from relay.journal import open_journal
from relay.phase import Phase
from relay.readiness import reasons_against
from relay.registration import DESK_WORKER
from relay.sms import gateway_from
from relay.status import worker_status
from relay.tree import relay_tree
from relay.tree_report import ROOT_NAME, tree_report
from relay.version import node_version
from relay.worker import Worker
from storage import StorageError, load_or_create_secrets, open_routing_table, open_store
from supervisors import tell_failure, tell_ready

log = logging.getLogger("roost.relay")

NEIGHBOURS_SECONDS = 0.5
"""How long a worker that could serve waits for the others: they start side by side, and are soon there."""

FAILED = 1

STDIN = 0

VERSION = node_version()
"""Of the code that this process has imported; what is installed may be another by the time it is assigned."""

GC_THRESHOLDS = (50_000, 20, 50)
"""Allocations, young collections and middle ones before the collector looks at the next generation."""

SWITCH_INTERVAL_SECONDS = 0.0005
"""How long the loop may keep the GIL from the journal's writer, which needs it a few times a commit: Python's
default of 5 ms makes a commit of 0.5 ms take 15."""


LOG_FACTS: dict[str, object] = {}
"""What each log line of this process says; which worker it is, as soon as it knows."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There are none: which worker it is to be stands in the assignment."""


def log_facts(_args: argparse.Namespace) -> dict[str, object]:
    """What each log line of this process says."""
    return LOG_FACTS


def run(args: argparse.Namespace) -> int:
    """Serve; returns 0 after SIGTERM, 1 if it could not start or go on.

    What keeps it from starting is told to the parent, which knows whether it was said before.
    """
    sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
    problems: list[BaseException] = []
    status = FAILED
    try:
        status = trio.run(work, _take_assignment())
    except* (RelayError, StorageError) as group:
        problems += _leaves(group)
    except* StartError:
        pass  # an actor's: its supervisor has reported it
    except* Exception:  # a bug, at the edge of the process: one log line, not pieces between those of others
        log.exception("worker_crashed")
    for problem in problems[:1]:
        if not tell_failure(str(problem)):
            print(f"error: {problem}", file=sys.stderr)  # noqa: T201  (started by hand)
    return status


def _take_assignment() -> Assignment:
    """Read what the parent says."""
    _show_in_process_lists("roost-reserve")
    assignment = read_assignment(lambda count: os.read(STDIN, count))
    if assignment.version != VERSION:
        raise WrongVersionError(assignment.version, VERSION)
    LOG_FACTS["worker"] = assignment.number
    _show_in_process_lists(f"roost-worker-{assignment.number}")
    for number, descriptor in enumerate(assignment.listen_fds):
        if number != assignment.number:
            os.close(descriptor)
    return assignment


def _show_in_process_lists(name: str) -> None:
    """For `top` and `ps -o comm`: its arguments say the same of every worker."""
    try:
        Path("/proc/self/comm").write_text(name)
    except OSError:
        pass  # not on this system


async def work(assignment: Assignment) -> int:
    """Serve until SIGTERM, or the end of the journal or the tree; returns the exit status.

    Raises:
        StorageError: the worker's part of the store cannot be opened.
    """
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async with open_worker(assignment) as (worker, port):
            path = control_path(worker.config.data, assignment.number)
            told = ban_list.orders(worker) if worker.store.worker == DESK_WORKER else control.NO_ORDERS
            asked = control.child_spec(path, questions(worker), told)
            root = await worker.system.start(lambda: relay_tree(worker, port, asked), name=ROOT_NAME)
            worker.phase = Phase.READY
            _calm_the_collector()
            log.info("worker_started", extra={"pid": os.getpid()})
            await _neighbours(worker)
            tell_ready()
            status = await _until_end(worker, root, signals)
            await drain(worker, root)
    log.info("worker_stopped", extra={"status": status})
    return status


@asynccontextmanager
async def open_worker(assignment: Assignment) -> AsyncIterator[tuple[Worker, Port]]:
    """Open everything that a worker's actors need, in order, and close it in reverse.

    Raises:
        StorageError: as `work`.
    """
    limit = open_files_limit()
    config = fitted(assignment.config, limit)
    async with AsyncExitStack() as stack:
        store = stack.enter_context(open_store(config.data, assignment.number))
        secrets = load_or_create_secrets(config.data, system_entropy)
        routing = stack.enter_context(open_routing_table(config.data))
        # What an earlier life of this worker left there: its connections are gone, and nobody is at them.
        routing.drop_worker(assignment.number, system_clock.now())
        network = await stack.enter_async_context(open_reactor())
        port = network.adopt_listener(socket.socket(fileno=assignment.listen_fds[assignment.number]))
        handover = await stack.enter_async_context(
            open_handover(config.data, assignment.number, store.workers)
        )
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
            sms=gateway_from(config, system_clock, system_entropy, _show),
            system=system,
            handover=handover,
            max_links=max_links(limit, config.workers),
        )
        stack.enter_context(worker.garbage.watching(system_monotonic))
        yield worker, port


def questions(worker: Worker) -> Questions:
    """What a worker can be asked over its control socket, by name."""

    async def status() -> dict[str, Any]:
        return worker_status(worker)

    async def readiness() -> dict[str, Any]:
        return {"reasons": [asdict(reason) for reason in reasons_against(worker)]}

    async def metrics() -> list[Family]:
        return worker_figures(worker)

    async def tree() -> dict[str, Any]:
        return await tree_report(worker.system)

    return {"status": status, "readiness": readiness, "metrics": metrics, "tree": tree}


async def drain(worker: Worker, root: ActorRef) -> None:
    """Take nobody new, say goodbye to everybody, and stop the tree; what it cannot do in time is cut off."""
    worker.phase = Phase.DRAINING
    worker.bus.is_ending = True
    with trio.move_on_after(DRAIN_SECONDS):
        await root.stop()


async def _neighbours(worker: Worker) -> None:
    """Wait a moment for the other workers, so that a node that is ready refuses nobody for want of one.

    Not for long: one that is dead must not keep this one from serving its own users.
    """
    with trio.move_on_after(NEIGHBOURS_SECONDS):
        # A look now and then, once in a life: an event would be kept by every peer for it.
        while not all(peer.is_up for peer in worker.bus.peers.values()):  # noqa: ASYNC110
            await trio.sleep(NEIGHBOURS_SECONDS / 100)


async def _until_end(worker: Worker, root: ActorRef, signals: AsyncIterator[int]) -> int:
    """Wait for the reason to stop; returns the exit status that goes with it."""
    statuses: list[int] = []

    async def wait_for_signal() -> None:
        async for _ in signals:
            break
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
        nursery.start_soon(wait_for_journal)
        nursery.start_soon(wait_for_tree)
    return max(statuses)


def _calm_the_collector() -> None:
    """What is there after the start stays for good, and the path of a message makes no cycles.

    So the collector need not look at the first again, and need not look for the second seven hundred
    allocations at a time: with thousands of connections each full look is a pause for all of them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _show(line: str) -> None:
    print(line, flush=True)  # noqa: T201  (a code, for whoever started the node)
