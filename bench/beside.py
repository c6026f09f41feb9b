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
    "ticked_per_s": "accepted, delivered, acknowledged and ticked ✓✓",
    "accepted_per_s": "accepted ✓",
    "logins_per_s": "logins (a Roost node's: resumed, IK)",
    "first_logins_per_s": "first logins (XX; mosquitto's: without a kept session)",
    "first_login_cpu_us": "CPU of the workers a first login",
    "login_cpu_us": "CPU of the workers a login",
    "login_p50_ms": "a login, half of all within",
    "login_p99_ms": "a login, 99 % within",
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
    return {name: each for name, each in found["peers"].items() if "skipped" not in each}


def skipped_peers(found: Document) -> Iterator[str]:
    """A sentence for each peer that could not."""
    for name, each in found["peers"].items():
        if "skipped" in each:
            yield f"{name} was skipped: {each['skipped']}"


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


def as_text(found: Document) -> str:
    """For a terminal: figures in columns; promises one under the other, because their texts are long."""
    names = heading(found)
    lines = columns([names, *figure_rows(found)], right=range(1, len(names) - 2)) if len(names) > 4 else []
    for title, *texts in promise_rows(found) if lines else ():
        lines.append(f"{title}:")
        lines += (f"  {name}: {text}" for name, text in zip(names[1:-2], texts, strict=True))
    return "\n".join([*lines, *(f"note: {line}" for line in remarks(found))])


def remarks(found: Document) -> Iterator[str]:
    """What is to be said of the peers' figures."""
    for name, each in measured_peers(found).items():
        yield from (f"{name}: {remark}" for remark in each["remarks"])
    yield from skipped_peers(found)


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
