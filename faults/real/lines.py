"""Faults: lines that are slow, narrow, lossy or give out few bytes at a time. Hardly anything breaks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import trio

from faults.real.arena import Arena
from faults.real.fault import Fault, Stroke
from faults.real.rules import Rules

SLOWEST_SECONDS = 1.5
"""A satellite takes 0.6 s both ways, a phone in a tunnel longer."""
MOST_LOSS = 0.3
NARROWEST_BYTES_A_SECOND = 1_000
"""GPRS where it is bad: a handshake takes a third of a second, an hour of text is nothing."""
WIDEST_BYTES_A_SECOND = 16_000
STUTTER_SECONDS = 0.002
MOST_STUTTER_BYTES = 100

LATE = "Nobody takes a slow line for a dead one for long: what is said arrives, in order, and late."


@contextmanager
def weather(arena: Arena) -> Iterator[list[Rules]]:
    """The rules of all ports and both directions, to be changed; fair again when the block ends."""
    ports = list(arena.proxy.ports.values())
    rules = [each for port in ports for each in (port.up, port.down)]
    try:
        yield rules
    finally:
        for each in rules:
            each.clear()


async def _slow_network(arena: Arena, stroke: Stroke) -> str:
    latency = stroke.size * SLOWEST_SECONDS / 2
    with weather(arena) as rules:
        for each in rules:
            each.latency, each.jitter = latency, latency
        await trio.sleep(stroke.seconds)
    return f"{latency:.2f} to {2 * latency:.2f} s each way for {stroke.seconds:.1f} s"


async def _lossy_network(arena: Arena, stroke: Stroke) -> str:
    loss = stroke.size * MOST_LOSS
    with weather(arena) as rules:
        for each in rules:
            each.latency, each.loss = 0.02, loss
        await trio.sleep(stroke.seconds)
    return f"{loss:.0%} for {stroke.seconds:.1f} s"


async def _narrow_network(arena: Arena, stroke: Stroke) -> str:
    width = WIDEST_BYTES_A_SECOND - stroke.size * (WIDEST_BYTES_A_SECOND - NARROWEST_BYTES_A_SECOND)
    with weather(arena) as rules:
        for each in rules:
            each.bytes_per_second = width
        await trio.sleep(stroke.seconds)
    return f"{width:.0f} bytes a second for {stroke.seconds:.1f} s"


async def _stutter(arena: Arena, stroke: Stroke) -> str:
    size = 1 + round((1.0 - stroke.size) * MOST_STUTTER_BYTES)
    with weather(arena) as rules:
        for each in rules:
            each.segment_bytes, each.segment_seconds = size, STUTTER_SECONDS
        await trio.sleep(stroke.seconds)
    return f"{size} bytes at a time for {stroke.seconds:.1f} s"


async def _bad_weather(arena: Arena, stroke: Stroke) -> str:
    """What a phone in a train has: all at once, and now and then no connection."""
    random = stroke.random
    with weather(arena) as rules:
        for each in rules:
            each.latency, each.jitter = 0.05 + 0.2 * random.random(), 0.3 * stroke.size
            each.loss = 0.1 * stroke.size
            each.bytes_per_second = WIDEST_BYTES_A_SECOND
            each.segment_bytes, each.segment_seconds = 400, STUTTER_SECONDS
        with trio.move_on_after(stroke.seconds):
            while True:
                await trio.sleep(random.uniform(0.2, 2.0))
                links = arena.proxy.links
                if links:
                    random.choice(links).reset()
    return f"late, lossy, narrow, and now and then a break, for {stroke.seconds:.1f} s"


FAULTS = (
    Fault(
        name="slow network",
        point="latency and jitter in both directions of all connections",
        promise=LATE,
        strike=_slow_network,
        seconds=(3.0, 15.0),
    ),
    Fault(
        name="lossy network",
        point="segments are lost and sent once more, as TCP does: standstills of 0.2 s, 0.6 s, and so on",
        promise=LATE,
        strike=_lossy_network,
        seconds=(3.0, 15.0),
    ),
    Fault(
        name="narrow network",
        point="few bytes a second in each direction of each connection; who writes more has to wait",
        promise=LATE,
        strike=_narrow_network,
        seconds=(3.0, 15.0),
    ),
    Fault(
        name="stutter",
        point="a few bytes at a time in both directions of all connections",
        promise=LATE,
        strike=_stutter,
        seconds=(3.0, 15.0),
    ),
    Fault(
        name="bad weather",
        point="latency, loss, a narrow line and breaks at once, as in a train",
        promise="All come back by themselves, and what is said arrives.",
        strike=_bad_weather,
        seconds=(5.0, 20.0),
    ),
)
