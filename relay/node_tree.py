"""The supervision tree of a node's parent process: the workers, one process in reserve, the admin endpoint.

Below each worker process goes on what relay/tree.py shows: together they are the node's one tree, and `/tree`
and `roost top` draw it as one.
"""

from actors.ports import system_entropy
from relay.node import Node
from supervisors import (
    AutoShutdown,
    Backoff,
    ChildSpec,
    Keeper,
    Restart,
    Strategy,
    Supervisor,
    keeper_spec,
    process_spec,
    supervisor_spec,
)

WORKER_RESTARTS = 5
"""For each worker, within WORKER_PERIOD_SECONDS: what kills a worker more often than that is no accident, and
a node that ends says so to whoever watches it."""

WORKER_PERIOD_SECONDS = 60.0

WORKER_GRACE_SECONDS = 4.5
"""Draining takes a worker 4 seconds at most (DRAIN_SECONDS); the node promises to be gone within 5."""


NODE_RESTARTS = 5
NODE_PERIOD_SECONDS = 60.0

RESERVE_BACKOFF = Backoff(system_entropy, initial=1.0, factor=4.0, maximum=300.0)
"""One that was killed is back within a second or two, for the next worker that dies needs it. One that will
not live comes back ever more rarely, and so never uses up NODE_RESTARTS; a node can do without."""


def node_tree(node: Node) -> Supervisor:
    """The root. Its children have nothing to do with one another: one_for_one."""
    children = [
        # First in and last out, so that it tells how the node starts, and how it drains.
        *_admin(node),
        # Transient and significant: a restart of all workers would only begin anew what five restarts of each
        # did not mend, so if they give up the node ends, with a clear message, and whoever runs it decides.
        supervisor_spec("workers", lambda: _workers(node), Restart.TRANSIENT, significant=True),
        # Started when all workers serve, so that it takes nothing from them. It has imported everything and
        # waits: a worker that dies has a successor in a tenth of the time that a new process would take.
        *([keeper_spec("reserve", lambda: _keeper(node), RESERVE_BACKOFF)] if node.commands else []),
    ]
    return Supervisor(
        children,
        strategy=Strategy.ONE_FOR_ONE,
        intensity=NODE_RESTARTS,
        period=NODE_PERIOD_SECONDS,
        auto_shutdown=AutoShutdown.ANY_SIGNIFICANT,
        name="node",
    )


def _admin(node: Node) -> list[ChildSpec]:
    """The admin endpoint, unless it is off: then the web framework is not even imported."""
    if node.door is None:
        return []
    from relay import admin

    return [admin.child_spec(node, node.door)]


def _keeper(node: Node) -> Keeper:
    return Keeper(node.reserve, node.commands[0].start_anew, node.crew.wait_until_ready)


def _workers(node: Node) -> Supervisor:
    """The processes. Each has users and a store of its own, so a crash concerns nobody else: one_for_one."""
    return Supervisor(
        [
            process_spec(post.name, command, shutdown=WORKER_GRACE_SECONDS, line=post.line)
            for post, command in zip(node.crew, node.commands, strict=True)
        ],
        strategy=Strategy.ONE_FOR_ONE,
        intensity=WORKER_RESTARTS * len(node.crew),
        period=WORKER_PERIOD_SECONDS,
        name="workers",
        # None depends on another, and each may take seconds to say goodbye to its devices.
        stop_together=True,
    )
