"""The node's figures in Prometheus' format: what `/metrics` answers.

A collector that reads what the node counts anyway, at the moment of a scrape: nothing is added to the path of
a message. Names and units are Prometheus' (seconds, bytes, `_total` for what only grows); docs/operations.md
has them all in a table, and a test compares it with `FAMILIES`.
Rule 1: labels have few values and all of them are ours: codes, reasons, states, kinds of actors. Nothing here
    names a user, a number or a key.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from actors import ActorSystem
from actors.introspection import busiest, system_info
from relay.readiness import reasons_against
from relay.status import node_version
from relay.worker import Phase, Worker
from storage.figures import BATCH_SIZE_BUCKETS, COMMIT_SECONDS_BUCKETS
from storage.tables import QUEUE
from supervisors.base import supervisors_of

Samples = Iterable[tuple[str, float]]
"""Label value and value."""

FAMILIES: dict[str, str] = {
    # Queues first: a node that gets slower shows it here before anywhere else.
    "roost_journal_backlog_submissions": "Submissions that wait for the disk, or are on their way to it.",
    "roost_journal_backlog_peak_submissions": "The most that ever waited since the start.",
    "roost_actor_mailbox_longest_messages": "Messages in the longest mailbox of any actor.",
    "roost_queued_messages": "Accepted messages that wait for a device, all devices together.",
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
"""Every metric of the node, with its help. `process_*` and `python_info` come from prometheus-client."""


class NodeCollector(Collector):
    """Reads one node."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def describe(self) -> Iterable[Metric]:
        """Nothing: names need no check here, and a collector that describes is not scraped to register."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Everything, as it is now; called in the loop's thread."""
        yield from self._queues()
        yield from self._readiness()
        yield from self._connections()
        yield from self._messages()
        yield from self._journal()
        yield from self._storage()
        yield from self._runtime()

    def _queues(self) -> Iterator[Metric]:
        worker = self._worker
        figures = worker.journal.raw.statistics()
        yield _gauge("roost_journal_backlog_submissions", figures.backlog)
        yield _gauge("roost_journal_backlog_peak_submissions", figures.backlog_peak)
        yield _gauge("roost_actor_mailbox_longest_messages", _longest_mailbox(worker.system))
        yield _gauges("roost_actors", "kind", Counter(ref.kind_name for ref in worker.system.actors).items())

    def _readiness(self) -> Iterator[Metric]:
        worker = self._worker
        reasons = reasons_against(worker)
        yield _gauge("roost_ready", not reasons)
        yield _gauges("roost_not_ready", "reason", [(reason.name, 1) for reason in reasons])
        yield _gauges("roost_node_phase", "phase", [(phase.value, phase is worker.phase) for phase in Phase])
        name = "roost_node_info"
        yield InfoMetricFamily(name.removesuffix("_info"), FAMILIES[name], {"version": node_version()})

    def _connections(self) -> Iterator[Metric]:
        presence, counters = self._worker.presence, self._worker.counters
        strangers = presence.connection_count - presence.handshakes - presence.device_count
        states = [
            ("handshake", presence.handshakes),
            # A connection that another has just replaced is counted here until it is gone.
            ("stranger", max(0, strangers)),
            ("online", presence.device_count),
        ]
        yield _gauges("roost_connections", "state", states)
        yield _gauge("roost_connections_limit", self._worker.config.max_connections)
        yield _counter("roost_connections_opened_total", counters.connections_opened)
        yield _counters("roost_connections_closed_total", "reason", counters.connections_closed.items())
        yield _counter("roost_handshakes_total", counters.handshakes)
        yield _counter("roost_logins_total", counters.logins)
        yield _counter("roost_registrations_total", counters.registrations)
        yield _counter("roost_socket_reads_total", counters.frames_in)
        yield _counter("roost_socket_writes_total", counters.frames_out)
        yield _counter("roost_stanzas_received_total", counters.received)

    def _messages(self) -> Iterator[Metric]:
        counters = self._worker.counters
        yield _counter("roost_messages_accepted_total", counters.accepted)
        yield _counter("roost_messages_duplicate_total", counters.duplicates)
        yield _counter("roost_messages_expired_total", counters.expired)
        yield _counter("roost_deliveries_sent_total", counters.pushed)
        yield _counter("roost_deliveries_acknowledged_total", counters.delivered)
        yield _counters("roost_refusals_total", "code", counters.refused.items())

    def _journal(self) -> Iterator[Metric]:
        figures = self._worker.journal.raw.statistics()
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

    def _storage(self) -> Iterator[Metric]:
        environment = self._worker.environment
        figures = environment.statistics()
        yield _gauge("roost_queued_messages", figures.rows[QUEUE])
        yield _gauge("roost_storage_room_bytes", environment.room_bytes())
        yield _gauge("roost_storage_disk_free_bytes", figures.disk_free_bytes)
        yield _gauge("roost_storage_map_bytes", figures.map_bytes)
        yield _gauge("roost_storage_live_bytes", figures.live_bytes)
        yield _gauge("roost_storage_file_bytes", figures.file_bytes)
        yield _gauge("roost_storage_readers", figures.readers)
        yield _gauges("roost_storage_rows", "table", figures.rows.items())

    def _runtime(self) -> Iterator[Metric]:
        system, pauses = self._worker.system, self._worker.garbage
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


class Exposition:
    """Answers scrapes of one node."""

    def __init__(self, worker: Worker) -> None:
        # A registry of our own: prometheus-client's global one would be shared by all nodes of a test run.
        self._registry = CollectorRegistry()
        self._registry.register(NodeCollector(worker))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def render(self, accept: str) -> tuple[bytes, str]:
        """All figures, in the newest format that the `Accept` header names; and its content type."""
        encoder, content_type = choose_encoder(accept)
        return encoder(self._registry), content_type


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


def _gauge(name: str, value: float) -> Metric:
    return GaugeMetricFamily(name, FAMILIES[name], value=value)


def _gauges(name: str, label: str, samples: Samples) -> Metric:
    family = GaugeMetricFamily(name, FAMILIES[name], labels=[label])
    for label_value, value in samples:
        family.add_metric([label_value], value)
    return family


def _counter(name: str, value: float) -> Metric:
    return CounterMetricFamily(name, FAMILIES[name], value=value)


def _counters(name: str, label: str, samples: Samples) -> Metric:
    family = CounterMetricFamily(name, FAMILIES[name], labels=[label])
    for label_value, value in samples:
        family.add_metric([label_value], value)
    return family


def _histogram(name: str, bounds: Sequence[float], counts: Sequence[int], total: float) -> Metric:
    """From counts of each bucket by itself, as the journal keeps them, to Prometheus' cumulative ones."""
    names = [*(str(float(bound)) for bound in bounds), "+Inf"]
    buckets = list(zip(names, accumulate(counts), strict=True))
    return HistogramMetricFamily(name, FAMILIES[name], buckets=buckets, sum_value=total)
