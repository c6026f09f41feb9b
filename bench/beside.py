"""A run's figures beside those of other servers with the same work, as rows for people.

A peer whose figures were limited by the load could do more: its rates stand behind a `≥`. Where it promises
less than a Roost node, the last rows say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench.catalogue import Better, kind_of
from bench.document import Document, figures_of
from bench.peers.catalogue import OURS
from bench.table import columns, number

PROMISES: Mapping[str, str] = {
    "durable": "on disk when accepted",
    "encrypted": "encrypted on the way",
    "receipts": "✓✓ comes from",
    "order": "order that is kept",
    "login": "what a login proves",
}
"""{promise: what a row calls it}."""

TITLES: Mapping[str, str] = {
    "worker_cpu_us_per_message": "server CPU a message",
    "worker_cpu_us_per_delivery": "server CPU a delivery",
    "worker_bytes_per_connection": "server memory a connection (PSS)",
    "worker_rss_bytes_per_connection": "server memory a connection (RSS)",
    "idle_cpu_percent": "server CPU while all are idle",
    "drain_cpu_us_per_message": "server CPU a fetched message",
    "logins_per_s": "logins (Roost: resumed; XMPP: first is the same)",
    "login_cpu_us": "server CPU a login",
    "login_p50_ms": "login, p50",
    "login_p99_ms": "login, p99",
    "first_logins_per_s": "first logins (Roost: XX; MQTT: no kept session)",
    "first_login_cpu_us": "server CPU a first login",
}
"""{key: what a figure is called here}, where its own title says more than a peer does."""

LIMITS: Mapping[str, str] = {
    "node": "the server's CPU",
    "load": "the load: it could do more",
    "rate": "the rate asked for",
    "unknown": "neither's CPU (disk, window)",
}
"""{limit of a verdict: what a row calls it}."""


def measured_peers(found: Document) -> dict[str, Document]:
    """{name: what it did}, of peers that could be measured."""
    return {name: each for name, each in found["peers"].items() if "repetitions" in each}


def unmeasured_peers(found: Document) -> Iterator[str]:
    """A sentence for each peer that could not, because it is not installed or failed."""
    for name, each in found["peers"].items():
        if "skipped" in each:
            yield f"{name} was skipped: {each['skipped']}"
        elif "failed" in each:
            yield f"{name} FAILED: {each['failed']}"


def keys_beside(found: Document) -> dict[str, None]:
    """The keys of the figures that stand beside those of peers."""
    return dict.fromkeys(cells[-1] for cells in figure_rows(found))


def heading(found: Document) -> list[str]:
    """The names of the columns: what it is, our own node, the peers, the unit, the key."""
    return ["", "roost", *measured_peers(found), "", ""]


def figure_rows(found: Document, *, with_spread: bool = False) -> Iterator[list[str]]:
    """A row for each figure that our own node and at least one peer have.

    Args:
        found: the run.
        with_spread: lowest and highest behind each median, where there were repetitions.
    """
    peers = measured_peers(found)
    for key, value in figures_of(found).items():
        others = [each.get(key) for each in peers.values()]
        if value is None or all(other is None for other in others):
            continue
        kind = kind_of(key)
        cells = [_cell(each, key, kind.better, with_spread) for each in (found, *peers.values())]
        yield [TITLES.get(key, kind.title), *cells, kind.unit, key]


def promise_rows(found: Document) -> Iterator[list[str]]:
    """A row for each promise, and one for what limited each of them; as long as `heading` without its end."""
    peers = measured_peers(found)
    yield [
        "what was the limit",
        *(LIMITS.get(each["limit"], each["limit"]) for each in (found, *peers.values())),
    ]
    for promise, title in PROMISES.items():
        yield [title, getattr(OURS, promise), *(each["promises"][promise] for each in peers.values())]
    yield ["version", found["commit"], *(each["version"] for each in peers.values())]


def as_text(found: Document, *, with_keys: bool = False) -> str:
    """For a terminal: figures in columns; promises one under the other, because their texts are long."""
    names = heading(found)
    lines = []
    if measured_peers(found):
        rows = [names, *figure_rows(found, with_spread=True)]
        lines = columns(rows if with_keys else [row[:-1] for row in rows], right=range(1, len(names) - 2))
    for title, *texts in promise_rows(found) if lines else ():
        told = [(f"  {name}", text) for name, text in zip(names[1:-2], texts, strict=True)]
        lines += ["", title, *columns(told, right=())]
    notes = [f"note: {line}" for line in remarks(found)]
    return "\n".join([*lines, *([""] if lines and notes else []), *notes])


def remarks(found: Document) -> Iterator[str]:
    """What is to be said of the peers' figures."""
    for each in measured_peers(found).values():
        yield from each["remarks"]
    yield from unmeasured_peers(found)


def as_markdown(found: Document) -> Iterator[str]:
    """One table with a column for each system."""
    names = heading(found)
    yield f"| {' | '.join(names)} |"
    yield f"|---|{'---:|' * (len(names) - 3)}---|---|"
    for cells in figure_rows(found, with_spread=True):
        yield _row([*cells[:-1], f"`{cells[-1]}`"])
    for cells in promise_rows(found):
        yield _row([*cells, "", ""])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(found: Document, key: str, better: Better, with_spread: bool) -> str:
    value = found.get(key)
    if value is None:
        return "–"
    at_least = "≥ " if found["limit"] == "load" and better is Better.HIGHER else ""
    spread = found["spread"].get(key) if with_spread else None
    between = f" ({number(spread['low'])} to {number(spread['high'])})" if spread else ""
    return f"{at_least}{number(value)}{between}"
