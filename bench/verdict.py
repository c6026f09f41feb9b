"""Who was the limit of a run: the node, the load that was to measure it, or nobody.

A figure of a node is only one if the load could have given more. So a run of which the load was the limit is
not reported as a success: its table says so, its JSON has `"is_valid": false`, and the command's exit status
is 5. Other work on the machine does not make a run invalid, because CPU time a message hardly suffers from
it, but it is said, because throughput and latency do.

*Demand* is the share of a core that a process used or wanted: what it ran, and what it waited for a core.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.node import NODE
from bench.timeline import Total

SATURATED = 0.9
"""Demand above which a process has no time left. Not 1: epoll returns now and then for nothing."""

DISTURBED = 0.1
"""Share of the time without a core above which somebody else must have been busy on ours."""

LAG_PART = 0.25
"""Part of a run's p99 that may be the load's own lateness."""

LAG_FLOOR_MS = 2.0
"""Lateness that is never held against the load: epoll counts in milliseconds."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the figures are the node's."""

    is_valid: bool
    limit: str
    """`node`, `load`, `rate` (the load gave what it was told to, and the node kept up), `memory`, `time`
    (limits that were asked for) or `unknown`."""
    sentences: tuple[str, ...]
    """For people."""


def judge_closed_loop(total: Total, who: str = NODE) -> Verdict:
    """Of a run that sends the next when one has come back: somebody has no time left.

    Args:
        total: what was counted and used.
        who: the server, for the sentences.
    """
    load, worker = _demand(total, "load"), _demand(total, "worker")
    said = _disturbances(total, who)
    if not any(use.name.startswith("worker") for use in total.uses):
        return _judge_unseen_node(load, said, who)
    if load >= SATURATED and worker < SATURATED:
        text = f"the load had no time left ({load:.0%} of its core), {who} had ({worker:.0%})"
        return Verdict(False, "load", (f"not the figures of {who}: {text}", *said))
    if worker >= SATURATED:
        return Verdict(True, "node", (f"{who} had no time left: its busiest process {worker:.0%}", *said))
    text = f"neither {who} ({worker:.0%}) nor the load ({load:.0%}) was busy all the time"
    return Verdict(True, "unknown", (f"{text}: the limit was the disk, or the window", *said))


def _judge_unseen_node(load: float, said: tuple[str, ...], who: str) -> Verdict:
    """A node elsewhere may have had time or not: what the load could not give is held against the load."""
    if load >= SATURATED:
        text = f"not the figures of {who}: the load had no time left ({load:.0%} of its core)"
        return Verdict(False, "load", (text, *said))
    return Verdict(
        True, "unknown", (f"how busy {who} was is not known; the load was not ({load:.0%})", *said)
    )


def judge_open_loop(total: Total, rate: float, who: str = NODE) -> Verdict:
    """Of a run at a fixed rate: the load must have kept it, and must have read at once what came back."""
    lag = total.time("lag").percentile_ms(99) or 0.0
    p99 = total.time("ticked").percentile_ms(99) or 0.0
    load, said = _demand(total, "load"), _disturbances(total, who)
    if load >= SATURATED:
        text = f"the load had no time left ({load:.0%} of its core), so what came waited to be read"
        return Verdict(False, "load", (f"not the figures of {who}: {text}", *said))
    if lag > max(LAG_FLOOR_MS, LAG_PART * p99):
        text = f"the load itself sent late (p99 {lag:.1f} ms of {p99:.1f} ms)"
        return Verdict(False, "load", (f"not the figures of {who}: {text}", *said))
    reached = total.per_second("ticked")
    if reached < 0.98 * rate:
        return Verdict(
            True, "node", (f"{who} did not keep up: {reached:,.0f} of {rate:,.0f} a second came", *said)
        )
    return Verdict(True, "rate", (f"{who} kept up; the load's own lateness: p99 {lag:.1f} ms", *said))


def judge_phase(total: Total, what: str, who: str = NODE) -> Verdict:
    """Of a phase that does so much of something as fast as it goes; as a closed loop, in other words."""
    verdict = judge_closed_loop(total, who)
    return Verdict(verdict.is_valid, verdict.limit, tuple(f"{what}: {line}" for line in verdict.sentences))


def both(*verdicts: Verdict) -> Verdict:
    """Of a run of several phases: valid if each is; the limit of the first that is not, or of the first."""
    worst = next((each for each in verdicts if not each.is_valid), verdicts[0])
    sentences = dict.fromkeys(line for each in verdicts for line in each.sentences)
    return Verdict(worst.is_valid, worst.limit, tuple(sentences))


def _demand(total: Total, name: str) -> float:
    return total.busiest(name) + total.most_kept_waiting(name)


def _disturbances(total: Total, who: str) -> tuple[str, ...]:
    waited = {name: total.most_kept_waiting(kind) for name, kind in ((who, "worker"), ("the load", "load"))}
    kept = [f"{name} waited {share:.0%} of the time" for name, share in waited.items() if share >= DISTURBED]
    if not kept:
        return ()
    during = "" if who == NODE else f" while {who} was measured"
    return (f"the machine was busy{during}: for a core, {' and '.join(kept)}",)
