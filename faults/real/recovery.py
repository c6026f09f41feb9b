"""How long it took after a fault until all was as before, from what the clients have written down.

The recovery of a device is the time from the end of the fault until the first ✓✓ of a message that it wrote
after that end. It holds how long its person took to write, too: half a second on average, at two messages a
second. A device whose own process was killed counts from its next life: how long
Python takes to start says nothing of the node.

Besides: how long messages waited that were written while the fault lasted, and the longest time in which
nobody got a ✓.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from faults.real.ledger import Intends, Life, Record, Settled, Tick, Wrote

ACCEPTED = ("accepted", "delivered", "read")
DELIVERED = ("delivered", "read")


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault as it came about; times are those of the ledgers."""

    fault: str
    began: float
    ended: float
    """When it was mended."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """What followed one stroke. Times in seconds."""

    struck: Struck
    recovered: Mapping[str, float]
    """{device: after how long} of those that wrote after its end and got a ✓✓."""
    late: tuple[str, ...]
    """Devices that wrote after its end and got none, up to the next stroke or to the end."""
    to_tick: tuple[float, ...]
    """How long messages that were written while it lasted waited for ✓."""
    to_delivery: tuple[float, ...]
    """How long they waited for ✓✓."""
    untold: int
    """How many of them never got a ✓."""
    silence: float
    """The longest time from its beginning to the next stroke in which nobody got a ✓."""


@dataclass(slots=True)
class _Sent:
    """A message: when it was written, and when its ticks came."""

    who: str
    at: float
    accepted: float | None = None
    delivered: float | None = None


def recoveries(records: Iterable[Record], strokes: Sequence[Struck]) -> list[Recovery]:
    """What followed each stroke; they are in the order of their times, and do not overlap."""
    if not strokes:
        return []
    events = sorted(records, key=lambda record: record.at)
    lives: dict[str, list[float]] = {}
    for record in events:
        if isinstance(record, Life):
            lives.setdefault(record.who, []).append(record.at)
    sent = _sent(events)
    ticks = [each.at for each in events if isinstance(each, Tick) and each.state in ACCEPTED]
    end = min((each.at for each in events if isinstance(each, Settled)), default=_last(events))
    ends = [*(stroke.began for stroke in strokes[1:]), end]
    return [
        _recovery(stroke, max(until, stroke.ended), sent, lives, ticks)
        for stroke, until in zip(strokes, ends, strict=True)
    ]


def _last(events: Sequence[Record]) -> float:
    return events[-1].at if events else 0.0


def _sent(events: Iterable[Record]) -> list[_Sent]:
    """All messages that were written, by time."""
    texts: dict[str, _Sent] = {}
    ids: dict[tuple[str, str], _Sent] = {}
    for event in events:
        match event:
            case Intends(at=at, who=who, text=text):
                texts[text] = _Sent(who, at)
            case Wrote(who=who, text=text, id=message_id):
                ids[who, message_id] = texts[text]
            case Tick(at=at, who=who, id=message_id, state=state) if (who, message_id) in ids:
                one = ids[who, message_id]
                if state in ACCEPTED and one.accepted is None:
                    one.accepted = at
                if state in DELIVERED and one.delivered is None:
                    one.delivered = at
            case _:
                pass
    return sorted(ids.values(), key=lambda one: one.at)


def _recovery(
    stroke: Struck,
    until: float,
    sent: Sequence[_Sent],
    lives: Mapping[str, Sequence[float]],
    ticks: Sequence[float],
) -> Recovery:
    begin = bisect_left(sent, stroke.began, key=lambda one: one.at)
    end = bisect_left(sent, until, key=lambda one: one.at)
    recovered, late = _recovered(stroke, until, sent[begin:end], lives)
    during = [one for one in sent[begin:end] if one.at <= stroke.ended]
    return Recovery(
        struck=stroke,
        recovered=recovered,
        late=late,
        to_tick=tuple(one.accepted - one.at for one in during if one.accepted is not None),
        to_delivery=tuple(one.delivered - one.at for one in during if one.delivered is not None),
        untold=sum(one.accepted is None for one in during),
        silence=_silence(stroke.began, until, ticks),
    )


def _recovered(
    stroke: Struck, until: float, sent: Iterable[_Sent], lives: Mapping[str, Sequence[float]]
) -> tuple[dict[str, float], tuple[str, ...]]:
    """{device: after how long}, and the devices that wrote and got no ✓✓ in time."""
    recovered: dict[str, float] = {}
    wrote: dict[str, None] = {}
    for one in sent:
        start = max([stroke.ended, *(at for at in lives.get(one.who, ()) if stroke.began < at < until)])
        if one.at < start:
            continue
        wrote[one.who] = None
        if one.delivered is not None and one.delivered <= until:
            after = one.delivered - start
            recovered[one.who] = min(after, recovered.get(one.who, after))
    return recovered, tuple(who for who in wrote if who not in recovered)


def _silence(began: float, until: float, ticks: Sequence[float]) -> float:
    within = ticks[bisect_left(ticks, began) : bisect_left(ticks, until)]
    marks = [began, *within, until]
    return max(later - earlier for earlier, later in pairwise(marks))
