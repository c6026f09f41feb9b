"""The figures of the whole node in Prometheus' format: what `/metrics` answers.

Each worker gives its own as plain data (figures.py); here they get the label `worker` and stand together. The
parent adds what only it knows: which workers there are, how often they were restarted, and what each process
uses of the machine (`process_*`; those without a label `worker` are the parent's own).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from relay.crew import Post
from relay.node_report import Answers

LABEL = "worker"

NODE_FAMILIES: dict[str, str] = {
    "roost_workers": "Workers that the node should have.",
    "roost_worker_up": "1 while a worker answers.",
    "roost_worker_restarts_total": "Times that a worker was started again.",
}
"""What the parent adds to the figures of the workers (`FAMILIES`), with its help. `process_*` and
`python_info` come from prometheus-client."""


def exposition(posts: Sequence[Post], answers: Answers, accept: str) -> tuple[bytes, str]:
    """All figures, in the newest format that the `Accept` header names; and its content type.

    Args:
        posts: the node's workers.
        answers: {number of the worker: its figures}; a worker that did not answer is left out.
        accept: the header.
    """
    # A registry for one scrape: what is in it is known only now.
    registry = CollectorRegistry()
    registry.register(_Scrape([*_of_the_node(posts, answers), *_merged(answers), *_processes(posts)]))
    PlatformCollector(registry=registry)
    encoder, content_type = choose_encoder(accept)
    return encoder(registry), content_type


class _Scrape(Collector):
    """Figures that were gathered before."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def describe(self) -> Iterable[Metric]:
        """Nothing: names need no check here."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """All of them."""
        return self._metrics


def _of_the_node(posts: Sequence[Post], answers: Answers) -> Iterator[Metric]:
    count = GaugeMetricFamily("roost_workers", NODE_FAMILIES["roost_workers"], value=len(posts))
    up = GaugeMetricFamily("roost_worker_up", NODE_FAMILIES["roost_worker_up"], labels=[LABEL])
    name = "roost_worker_restarts_total"
    restarts = CounterMetricFamily(name, NODE_FAMILIES[name], labels=[LABEL])
    for post in posts:
        up.add_metric([str(post.number)], post.number in answers)
        restarts.add_metric([str(post.number)], post.restarts)
    yield from (count, up, restarts)


def _merged(answers: Answers) -> Iterable[Metric]:
    """The workers' families, each once, in the order in which the first worker has them."""
    merged: dict[str, Metric] = {}
    for number, families in answers.items():
        for family in families:
            name, kind = family["name"], family["kind"]
            stem = name.removesuffix("_total" if kind == "counter" else "_info" if kind == "info" else "")
            metric = merged.setdefault(name, Metric(stem, family["help"], kind))
            for suffix, labels, value in family["samples"]:
                metric.add_sample(name + suffix, _labelled(number, labels), value)
    return merged.values()


def _processes(posts: Sequence[Post]) -> Iterable[Metric]:
    """What each process uses: the parent's own figures, and with the label those of the workers."""
    merged = {metric.name: metric for metric in ProcessCollector(registry=None).collect()}
    for post in posts:
        for metric in _process(post.pid):
            target = merged.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
            for sample in metric.samples:
                target.add_sample(sample.name, _labelled(post.number, sample.labels), sample.value)
    return merged.values()


def _process(pid: int | None) -> Iterable[Metric]:
    """Nothing for a worker that is between two lives."""
    return ProcessCollector(pid=lambda: pid or 0, registry=None).collect() if pid is not None else ()


def _labelled(number: int, labels: Mapping[str, str]) -> dict[str, str]:
    return {LABEL: str(number), **labels}
