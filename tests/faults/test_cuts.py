from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest
import trio
import trio.testing

from faults.real import cuts
from faults.real.fault import Broken, Fault, Stroke
from faults.real.link import Link
from faults.real.proxy import Proxy, open_proxy
from faults.real.sides import Side
from tests.faults.arenas import arena_with
from tests.faults.sides import MemorySide

FAULTS = {fault.name: fault for fault in cuts.FAULTS}
CLIENTS = ("c0", "c1", "c2")


async def never() -> Side:
    return MemorySide()


@asynccontextmanager
async def connected() -> AsyncIterator[Proxy]:
    """A proxy with a connection in memory of each of three clients."""
    async with open_proxy(1) as proxy, trio.open_nursery() as nursery:
        for name in CLIENTS:
            proxy.open_port(name)
            port = proxy.ports[name]
            link = Link(MemorySide(), never, port.up, port.down, Random(1))
            port.links.append(link)
            nursery.start_soon(link.run)
        await trio.testing.wait_all_tasks_blocked()
        yield proxy
        nursery.cancel_scope.cancel()


async def strike(name: str, proxy: Proxy, seconds: float = 10.0, size: float = 0.0, seed: int = 1) -> str:
    return await FAULTS[name].strike(arena_with(proxy), Stroke(seconds, size, Random(seed)))


def held(proxy: Proxy) -> dict[str, str]:
    """{client: the directions that are held}"""
    return {
        name: "up " * port.up.valve.is_shut + "down" * port.down.valve.is_shut
        for name, port in proxy.ports.items()
        if port.up.valve.is_shut or port.down.valve.is_shut
    }


async def test_one_connection_is_cut_and_the_others_are_not() -> None:
    async with connected() as proxy:
        links = proxy.links
        await strike("cut", proxy)
        await trio.testing.wait_all_tasks_blocked()
        assert sum(link.ended.is_set() for link in links) == 1


async def test_a_storm_cuts_all() -> None:
    async with connected() as proxy:
        links = proxy.links
        assert await strike("reconnect storm", proxy) == "3 connections at once"
        await trio.testing.wait_all_tasks_blocked()
        assert all(link.ended.is_set() for link in links)


async def test_nobody_can_be_cut_if_nobody_is_there() -> None:
    async with open_proxy(1) as proxy:
        for name in ("cut", "half-open", "partition"):
            with pytest.raises(Broken, match="nobody is connected"):
                await strike(name, proxy)


@pytest.mark.parametrize(
    ("name", "size", "directions"),
    [("partition", 0.0, "up down"), ("one-way partition", 0.1, "up "), ("one-way partition", 0.9, "down")],
)
async def test_one_client_is_cut_off_for_as_long_as_it_lasts(
    name: str, size: float, directions: str, autojump_clock: trio.testing.MockClock
) -> None:
    async with connected() as proxy, trio.open_nursery() as nursery:
        nursery.start_soon(strike, name, proxy, 10.0, size)
        await trio.sleep(9.9)
        assert list(held(proxy).values()) == [directions]
        await trio.sleep(0.2)
        assert held(proxy) == {}


async def test_a_full_partition_is_one_of_everybody(autojump_clock: trio.testing.MockClock) -> None:
    async with connected() as proxy, trio.open_nursery() as nursery:
        nursery.start_soon(strike, "full partition", proxy)
        await trio.sleep(5)
        assert set(CLIENTS) <= set(held(proxy))


async def test_a_swizzle_cuts_off_one_after_the_other_and_joins_in_another_order(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with connected() as proxy, trio.open_nursery() as nursery:
        nursery.start_soon(strike, "swizzle", proxy, 6.0)
        counts = []
        for _ in range(7):
            await trio.sleep(0.9)
            counts.append(len(held(proxy)))
        assert max(counts) == 3
        assert counts == sorted(counts[:4]) + sorted(counts[4:], reverse=True)
    assert held(proxy) == {}


@pytest.mark.parametrize("fault", cuts.FAULTS, ids=lambda fault: fault.name)
async def test_nobody_stays_cut_off_if_the_run_is_broken_off(
    fault: Fault, autojump_clock: trio.testing.MockClock
) -> None:
    async with connected() as proxy:
        with trio.move_on_after(1):
            await fault.strike(arena_with(proxy), Stroke(10.0, 0.3, Random(1)))
        assert held(proxy) == {}
        assert not any(port.is_refusing for port in proxy.ports.values())


async def test_a_node_that_holds_on_to_a_vanished_phone_is_found_out(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with connected() as proxy:
        with pytest.raises(Broken, match="still held the old connection"):
            await strike("half-open at the node", proxy)
