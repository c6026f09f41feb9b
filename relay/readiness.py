"""Whether a worker should be given more to do: red before overload does harm, with the reasons by name.

For load balancers and people. Each limit here lies below the one where devices would notice: whoever takes
the node out of rotation in time keeps them from noticing. Nothing in the node itself depends on it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from relay.config import BACKLOG_HIGH
from relay.worker import Phase, Worker

BACKLOG_RED = BACKLOG_HIGH // 2
"""Submissions waiting for the disk: half of where sockets are not read any more."""

CONNECTIONS_RED = 0.95
"""The part of `max_connections` and of `max_handshakes` above which new ones are better sent elsewhere."""

ROOM_RED = 2
"""Messages are refused when disk or map have less room than the reserve; red at twice that."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a node is not ready."""

    name: str
    detail: str


def reasons_against(worker: Worker) -> list[Reason]:
    """Everything that speaks against sending the node more; nothing if it is ready. Costs microseconds."""
    return [*_life(worker), *_load(worker), *_room(worker)]


def _life(worker: Worker) -> Iterator[Reason]:
    if worker.phase is not Phase.READY:
        yield Reason(worker.phase.value, "devices cannot connect")
    if worker.journal.failure is not None:
        yield Reason("journal-failed", "nothing can be made durable; the node is about to end")


def _load(worker: Worker) -> Iterator[Reason]:
    backlog = worker.journal.backlog
    if backlog >= BACKLOG_RED:
        yield Reason("journal-backlog", f"{backlog} submissions wait for the disk, red from {BACKLOG_RED}")
    presence, config = worker.presence, worker.config
    if presence.connection_count >= config.max_connections * CONNECTIONS_RED:
        yield Reason(
            "connections", f"{presence.connection_count} of max_connections = {config.max_connections}"
        )
    if presence.handshakes >= config.max_handshakes * CONNECTIONS_RED:
        yield Reason("handshakes", f"{presence.handshakes} of max_handshakes = {config.max_handshakes}")


def _room(worker: Worker) -> Iterator[Reason]:
    environment = worker.environment
    if worker.journal.raw.statistics().storage_full:
        yield Reason("storage-full", "disk or map is nearly full: messages are refused")
    elif environment.room_bytes() < ROOM_RED * environment.reserve_bytes:
        red = ROOM_RED * environment.reserve_bytes
        yield Reason(
            "storage-nearly-full", f"{environment.room_bytes()} bytes of room in disk or map, red below {red}"
        )
