"""Faults: connections that break, hang or vanish, and clients that are cut off from the node."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import trio

from faults.real.arena import Arena
from faults.real.fault import Broken, Fault, Stroke
from faults.real.link import Link
from faults.real.proxy import Port, Proxy

FLAP_SECONDS = 0.3
REPLACED_SECONDS = 60.0
"""In which a phone that has lost its connection must be back, and its old connection be given up."""
CUT_OFF_SECONDS = (1.0, 25.0)
"""The longer ones are longer than a client waits for an answer."""


# ---- who is struck ----


def any_link(proxy: Proxy, random: Random) -> Link:
    """A connection of a client. Raises Broken if there is none."""
    links = proxy.links
    if not links:
        raise Broken("nobody is connected")
    return random.choice(links)


def any_port(proxy: Proxy, random: Random) -> Port:
    """The port of a client process that is connected. Raises Broken if none is."""
    ports = [port for port in proxy.ports.values() if port.links]
    if not ports:
        raise Broken("nobody is connected")
    return random.choice(ports)


def port_of(proxy: Proxy, link: Link) -> Port:
    """Whose connection this is. Raises Broken if it has ended."""
    for port in proxy.ports.values():
        if link in port.links:
            return port
    raise Broken("the connection has ended")


# ---- breaks ----


async def _cut(arena: Arena, stroke: Stroke) -> str:
    link = any_link(arena.proxy, stroke.random)
    name = port_of(arena.proxy, link).name
    link.reset()
    return f"a connection of {name}"


async def _reconnect_storm(arena: Arena, _stroke: Stroke) -> str:
    count = len(arena.proxy.links)
    arena.proxy.reset()
    return f"{count} connections at once"


async def _flapping(arena: Arena, stroke: Stroke) -> str:
    cuts = 0
    with trio.move_on_after(stroke.seconds):
        while True:
            cuts += len(arena.proxy.links)
            arena.proxy.reset()
            await trio.sleep(FLAP_SECONDS)
    return f"{cuts} connections in {stroke.seconds:.1f} s, every {FLAP_SECONDS} s all there were"


async def _refused(arena: Arena, stroke: Stroke) -> str:
    ports = list(arena.proxy.ports.values())
    try:
        for port in ports:
            port.refuse()
        arena.proxy.reset()
        await trio.sleep(stroke.seconds)
    finally:
        for port in ports:
            port.welcome()
    return f"everybody for {stroke.seconds:.1f} s"


# ---- connections of which one side is not there any more ----


async def _half_open(arena: Arena, stroke: Stroke) -> str:
    link = any_link(arena.proxy, stroke.random)
    link.half_open(client_lives=True)
    return f"a connection of {port_of(arena.proxy, link).name}"


async def _half_open_at_client(arena: Arena, stroke: Stroke) -> str:
    link = any_link(arena.proxy, stroke.random)
    link.half_open(client_lives=True, node_lives=False)
    return f"a connection of {port_of(arena.proxy, link).name}"


async def _half_open_at_node(arena: Arena, stroke: Stroke) -> str:
    link = any_link(arena.proxy, stroke.random)
    name = port_of(arena.proxy, link).name
    link.half_open()
    with trio.move_on_after(REPLACED_SECONDS):
        await link.ended.wait()  # the node has let go of it
        return f"a connection of {name}"
    raise Broken(
        f"the node still held the old connection of a phone of {name} after {REPLACED_SECONDS:.0f} s"
    )


# ---- partitions ----


async def _hold(ports: Iterable[Port], stroke: Stroke, *, up: bool = True, down: bool = True) -> None:
    """Hold ports for as long as the stroke lasts."""
    held = list(ports)
    try:
        for port in held:
            port.hold(up=up, down=down)
        await trio.sleep(stroke.seconds)
    finally:
        for port in held:
            port.release()


async def _partition(arena: Arena, stroke: Stroke) -> str:
    port = any_port(arena.proxy, stroke.random)
    await _hold([port], stroke)
    return f"{port.name} for {stroke.seconds:.1f} s"


async def _one_way_partition(arena: Arena, stroke: Stroke) -> str:
    port = any_port(arena.proxy, stroke.random)
    up = stroke.size < 0.5
    await _hold([port], stroke, up=up, down=not up)
    return f"{'from' if up else 'to'} {port.name} for {stroke.seconds:.1f} s"


async def _full_partition(arena: Arena, stroke: Stroke) -> str:
    await _hold(arena.proxy.ports.values(), stroke)
    return f"everybody for {stroke.seconds:.1f} s"


async def _swizzle(arena: Arena, stroke: Stroke) -> str:
    ports = [port for port in arena.proxy.ports.values() if port.links]
    pause = stroke.seconds / max(1, 2 * len(ports))
    try:
        for port in stroke.random.sample(ports, len(ports)):
            port.hold()
            await trio.sleep(pause)
        for port in stroke.random.sample(ports, len(ports)):
            await trio.sleep(pause)
            port.release()
    finally:
        for port in ports:
            port.release()
    return f"{len(ports)} clients, one every {pause:.1f} s, and back in another order"


FAULTS = (
    Fault(
        name="cut",
        point="a reset of both sides of one connection; what was on its way is lost",
        promise="Its phone comes back by itself and goes on where it was.",
        strike=_cut,
    ),
    Fault(
        name="reconnect storm",
        point="a reset of all connections in the same moment",
        promise="All come back by themselves; the node turns nobody away for good.",
        strike=_reconnect_storm,
    ),
    Fault(
        name="flapping",
        point=f"a reset of all connections every {FLAP_SECONDS} s, in the middle of handshakes, too",
        promise="Nobody gives up; when it is over, all come back by themselves.",
        strike=_flapping,
        seconds=(1.0, 6.0),
    ),
    Fault(
        name="refused connections",
        point="all connections are reset and new ones refused, as with nobody at the relay's port",
        promise="Nobody gives up; when it is over, all come back by themselves.",
        strike=_refused,
        seconds=(1.0, 10.0),
    ),
    Fault(
        name="half-open",
        point="the way between the two sides of one connection vanishes; neither is told",
        promise="The phone notices that nobody answers, and comes back on another connection.",
        strike=_half_open,
    ),
    Fault(
        name="half-open at the client",
        point="the node's side of one connection is gone, and its client is not told",
        promise="The phone notices that nobody answers, and comes back on another connection.",
        strike=_half_open_at_client,
    ),
    Fault(
        name="half-open at the node",
        point="the client's side of one connection is gone, and the node is not told",
        promise="The node gives the old connection up as soon as the phone is back on another one.",
        strike=_half_open_at_node,
    ),
    Fault(
        name="partition",
        point="nothing goes between one client process and the node, new connections neither; bytes wait",
        promise="What everybody else says goes on; what waited arrives.",
        strike=_partition,
        seconds=CUT_OFF_SECONDS,
    ),
    Fault(
        name="one-way partition",
        point="nothing goes from one client process to the node, or nothing back, new connections neither",
        promise="What everybody else says goes on; what waited arrives.",
        strike=_one_way_partition,
        seconds=CUT_OFF_SECONDS,
    ),
    Fault(
        name="full partition",
        point="nothing goes between any client and the node",
        promise="What waited arrives; who gave up comes back.",
        strike=_full_partition,
        seconds=CUT_OFF_SECONDS,
    ),
    Fault(
        name="swizzle",
        point="clients are cut off one after the other until all are, and joined again in another order",
        promise="What waited arrives; who gave up comes back.",
        strike=_swizzle,
        seconds=(2.0, 20.0),
    ),
)
