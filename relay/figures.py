"""The figures of one worker as plain data: what its control socket answers to `metrics`.

Read from what the worker counts anyway, at the moment of a question: nothing is added to the path of a
message. Names and units are Prometheus' (seconds, bytes, `_total` for what only grows); docs/operations.md
has them all in a table, and a test compares it with `FAMILIES`.
Rule 1: labels have few values and all of them are ours: codes, reasons, states, kinds of actors. Nothing here
    names a user, a number or a key.
Not here: what Prometheus reads (prometheus.py, in the parent), which puts all workers' figures together.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any

from actors import ActorSystem
from actors.introspection import busiest, system_info
from relay.bus import Peer
from relay.phase import Phase
from relay.readiness import reasons_against
from relay.version import node_version
from relay.worker import Worker
from storage.figures import BATCH_SIZE_BUCKETS, COMMIT_SECONDS_BUCKETS
from storage.tables import QUEUE
from supervisors.base import supervisors_of

Samples = Iterable[tuple[str, float]]
"""Label value and value."""

Family = dict[str, Any]
"""name, kind (gauge, counter, histogram, info), help, and samples: [suffix of the name, labels, value]."""

Sample = tuple[str, dict[str, str], float]

FAMILIES: dict[str, str] = {
    # Queues first: a node that gets slower shows it here before anywhere else.
    "roost_journal_backlog_submissions": "Submissions that wait for the disk, or are on their way to it.",
    "roost_journal_backlog_peak_submissions": "The most that ever waited since the start.",
    "roost_actor_mailbox_longest_messages": "Messages in the longest mailbox of any actor.",
    "roost_queued_messages": "Accepted messages that wait for a device, all devices together; not the borne.",
    "roost_borne_deliveries": "Deliveries that fan-out rows bear, acknowledged or not: of two seconds.",
    "roost_bus_behind_bytes": "Said to another worker and not dealt with there.",
    "roost_bus_waiting_senders": "Connections that wait until another worker has caught up.",
    "roost_bus_line_messages": "Messages from other workers that stand in line for a mailbox.",
    # Whether it should be given more.
    "roost_ready": "1 while the node wants more to do, as /readyz says.",
    "roost_not_ready": "1 for each reason that speaks against it.",
    "roost_node_phase": "1 for the phase that the node is in.",
    "roost_node_info": "The version that runs.",
    # Connections.
    "roost_connections": "Open connections: handshake, stranger (may only register), online.",
    "roost_connections_limit": "max_connections: beyond it peers are turned away.",
    "roost_connections_opened_total": "Connections accepted.",
    "roost_connections_closed_total": "Connections ended, by reason.",
    "roost_connections_handed_over_total": "Connections given to the worker that owns their user.",
    "roost_connections_taken_over_total": "Connections that another worker had accepted.",
    "roost_connections_cut_off_total": "Peers cut off because no descriptor was left for them.",
    "roost_handshakes_total": "Handshakes completed.",
    "roost_logins_total": "Devices that have logged in.",
    "roost_registrations_total": "Numbers registered.",
    "roost_socket_reads_total": "Reads from sockets; under load one carries several frames.",
    "roost_socket_writes_total": "Writes to sockets, likewise.",
    "roost_stanzas_received_total": "Stanzas that devices sent.",
    # Messages.
    "roost_messages_accepted_total": "Messages made durable and ticked.",
    "roost_messages_duplicate_total": "Messages that had been accepted before.",
    "roost_messages_expired_total": "Messages dropped because no device fetched them in time.",
    "roost_deliveries_sent_total": "Deliveries sent to devices, repeated ones included.",
    "roost_deliveries_acknowledged_total": "Deliveries that devices acknowledged.",
    "roost_refusals_total": "Refusals, by the code that the peer was told.",
    # Between workers.
    "roost_bus_up": "1 while this worker and another hear each other.",
    "roost_bus_eras_total": "Times that they began to.",
    "roost_bus_messages_said_total": "Messages said to another worker.",
    "roost_bus_messages_heard_total": "Messages heard from it.",
    "roost_bus_messages_lost_total": "Messages for a worker that was not there; settled when it is back.",
    "roost_bus_hints_dropped_total": "Typing and the like, for which there was no room.",
    # The disk.
    "roost_journal_commit_seconds": "From the beginning of a transaction until fsync has returned.",
    "roost_journal_batch_submissions": "Submissions that shared a commit.",
    "roost_journal_operations_total": "Rows put and deleted.",
    "roost_journal_failed_submissions_total": "Submissions that did not become durable.",
    "roost_storage_full": "1 while messages are refused because disk or map is nearly full.",
    "roost_storage_room_bytes": "What can still be stored: the lesser of disk and map.",
    "roost_storage_disk_free_bytes": "Free space of the file system with the data folder.",
    "roost_storage_map_bytes": "Address space reserved for the store.",
    "roost_storage_live_bytes": "Pages of the store that hold rows.",
    "roost_storage_file_bytes": "The store's file.",
    "roost_storage_readers": "Read slots in use or kept; a growing number is a reader that never left.",
    "roost_storage_rows": "Rows of each table.",
    # The runtime.
    "roost_actors": "Living actors, by kind.",
    "roost_actors_started_total": "Actors started.",
    "roost_actor_restarts_total": "Children that a supervisor has started again.",
    "roost_actor_crashes_total": "Actors that ended by an error.",
    "roost_actor_dead_letters_total": "Messages told to actors that were dead.",
    "roost_loop_stalls_total": "Handlers that held the loop too long.",
    "roost_timers": "Timers that are running.",
    "roost_gc_collections_total": "Garbage collections, by generation.",
    "roost_gc_pause_seconds_total": "What they took; the loop stands still meanwhile.",
    "roost_gc_pause_longest_seconds": "The longest of each generation.",
}
"""Every metric of a worker, with its help."""


def worker_figures(worker: Worker) -> list[Family]:
    """Everything, as it is now; called in the loop's thread."""
    return [
        *_queues(worker),
        *_readiness(worker),
        *_connections(worker),
        *_messages(worker),
        *_bus(worker),
        *_journal(worker),
        *_storage(worker),
        *_runtime(worker),
    ]


def _queues(worker: Worker) -> Iterator[Family]:
    figures = worker.journal.raw.statistics()
    yield _gauge("roost_journal_backlog_submissions", figures.backlog)
    yield _gauge("roost_journal_backlog_peak_submissions", figures.backlog_peak)
    yield _gauge("roost_actor_mailbox_longest_messages", _longest_mailbox(worker.system))
    peers = worker.bus.peers.values()
    yield _gauges("roost_bus_behind_bytes", "peer", [(str(peer.number), peer.behind_bytes) for peer in peers])
    yield _gauges("roost_bus_waiting_senders", "peer", [(str(peer.number), peer.waiting) for peer in peers])
    yield _gauge("roost_bus_line_messages", worker.arrivals.waiting)
    yield _gauges("roost_actors", "kind", Counter(ref.kind_name for ref in worker.system.actors).items())


def _readiness(worker: Worker) -> Iterator[Family]:
    reasons = reasons_against(worker)
    yield _gauge("roost_ready", not reasons)
    yield _gauges("roost_not_ready", "reason", [(reason.name, 1) for reason in reasons])
    yield _gauges("roost_node_phase", "phase", [(phase.value, phase is worker.phase) for phase in Phase])
    yield _info("roost_node_info", version=node_version())


def _connections(worker: Worker) -> Iterator[Family]:
    presence, counters = worker.presence, worker.counters
    strangers = presence.connection_count - presence.handshakes - presence.device_count
    states = [
        ("handshake", presence.handshakes),
        # A connection that another has just replaced is counted here until it is gone.
        ("stranger", max(0, strangers)),
        ("online", presence.device_count),
    ]
    yield _gauges("roost_connections", "state", states)
    yield _gauge("roost_connections_limit", worker.config.max_connections)
    yield _counter("roost_connections_opened_total", counters.connections_opened)
    yield _counters("roost_connections_closed_total", "reason", counters.connections_closed.items())
    yield _counter("roost_connections_handed_over_total", counters.handed_over)
    yield _counter("roost_connections_taken_over_total", counters.taken_over)
    yield _counter("roost_connections_cut_off_total", counters.cut_off)
    yield _counter("roost_handshakes_total", counters.handshakes)
    yield _counter("roost_logins_total", counters.logins)
    yield _counter("roost_registrations_total", counters.registrations)
    yield _counter("roost_socket_reads_total", counters.frames_in)
    yield _counter("roost_socket_writes_total", counters.frames_out)
    yield _counter("roost_stanzas_received_total", counters.received)


def _messages(worker: Worker) -> Iterator[Family]:
    counters = worker.counters
    yield _counter("roost_messages_accepted_total", counters.accepted)
    yield _counter("roost_messages_duplicate_total", counters.duplicates)
    yield _counter("roost_messages_expired_total", counters.expired)
    yield _counter("roost_deliveries_sent_total", counters.pushed)
    yield _counter("roost_deliveries_acknowledged_total", counters.delivered)
    yield _counters("roost_refusals_total", "code", counters.refused.items())


def _bus(worker: Worker) -> Iterator[Family]:
    peers = {str(number): peer for number, peer in worker.bus.peers.items()}
    yield _gauges("roost_bus_up", "peer", [(name, peer.is_up) for name, peer in peers.items()])
    for name, count in _BUS_COUNTERS.items():
        yield _counters(name, "peer", [(number, count(peer)) for number, peer in peers.items()])


_BUS_COUNTERS: dict[str, Callable[[Peer], int]] = {
    "roost_bus_eras_total": lambda peer: peer.era,
    "roost_bus_messages_said_total": lambda peer: peer.said,
    "roost_bus_messages_heard_total": lambda peer: peer.heard,
    "roost_bus_messages_lost_total": lambda peer: peer.lost,
    "roost_bus_hints_dropped_total": lambda peer: peer.dropped,
}


def _journal(worker: Worker) -> Iterator[Family]:
    figures = worker.journal.raw.statistics()
    yield _histogram(
        "roost_journal_commit_seconds",
        COMMIT_SECONDS_BUCKETS,
        figures.commit_seconds,
        figures.commit_seconds_sum,
    )
    yield _histogram(
        "roost_journal_batch_submissions", BATCH_SIZE_BUCKETS, figures.batch_sizes, figures.submissions
    )
    yield _counter("roost_journal_operations_total", figures.operations)
    yield _counter("roost_journal_failed_submissions_total", figures.failed)
    yield _gauge("roost_storage_full", figures.storage_full)


def _storage(worker: Worker) -> Iterator[Family]:
    environment = worker.environment
    figures = environment.statistics()
    yield _gauge("roost_queued_messages", figures.rows[QUEUE])
    yield _gauge("roost_borne_deliveries", worker.unsettled.deliveries)
    yield _gauge("roost_storage_room_bytes", environment.room_bytes())
    yield _gauge("roost_storage_disk_free_bytes", figures.disk_free_bytes)
    yield _gauge("roost_storage_map_bytes", figures.map_bytes)
    yield _gauge("roost_storage_live_bytes", figures.live_bytes)
    yield _gauge("roost_storage_file_bytes", figures.file_bytes)
    yield _gauge("roost_storage_readers", figures.readers)
    yield _gauges("roost_storage_rows", "table", figures.rows.items())


def _runtime(worker: Worker) -> Iterator[Family]:
    system, pauses = worker.system, worker.garbage
    info = system_info(system)
    yield _counter("roost_actors_started_total", info.started)
    yield _counters("roost_actor_restarts_total", "supervisor", _restarts(system).items())
    yield _counter("roost_actor_crashes_total", info.crashes)
    yield _counter("roost_actor_dead_letters_total", info.dead_letters)
    yield _counter("roost_loop_stalls_total", info.stalls)
    yield _gauge("roost_timers", info.timers)
    yield _counters("roost_gc_collections_total", "generation", _numbered(pauses.collections))
    yield _counters("roost_gc_pause_seconds_total", "generation", _numbered(pauses.seconds))
    yield _gauges("roost_gc_pause_longest_seconds", "generation", _numbered(pauses.longest))


def _longest_mailbox(system: ActorSystem) -> int:
    """Looks at every actor: some 0.3 µs each."""
    return max((info.mailbox.length for info in busiest(system, 1)), default=0)


def _restarts(system: ActorSystem) -> dict[str, int]:
    """By name of the supervisor; it begins anew when the supervisor itself is restarted."""
    restarts: dict[str, int] = {}
    for supervisor in supervisors_of(system).values():
        restarts[supervisor.name] = restarts.get(supervisor.name, 0) + supervisor.restarts
    return restarts


def _numbered(values: Sequence[float]) -> Samples:
    return [(str(number), value) for number, value in enumerate(values)]


def _gauge(name: str, value: float) -> Family:
    return _family(name, "gauge", [("", {}, value)])


def _gauges(name: str, label: str, samples: Samples) -> Family:
    return _family(name, "gauge", [("", {label: each}, value) for each, value in samples])


def _counter(name: str, value: float) -> Family:
    return _family(name, "counter", [("", {}, value)])


def _counters(name: str, label: str, samples: Samples) -> Family:
    return _family(name, "counter", [("", {label: each}, value) for each, value in samples])


def _info(name: str, **labels: str) -> Family:
    return _family(name, "info", [("", labels, 1)])


def _histogram(name: str, bounds: Sequence[float], counts: Sequence[int], total: float) -> Family:
    """From counts of each bucket by itself, as the journal keeps them, to Prometheus' cumulative ones."""
    sums = list(accumulate(counts))
    names = [*(str(float(bound)) for bound in bounds), "+Inf"]
    samples: list[Sample] = [("_bucket", {"le": le}, count) for le, count in zip(names, sums, strict=True)]
    return _family(name, "histogram", [*samples, ("_count", {}, sums[-1]), ("_sum", {}, total)])


def _family(name: str, kind: str, samples: Sequence[Sample]) -> Family:
    return {"name": name, "kind": kind, "help": FAMILIES[name], "samples": samples}
