"""The proxy with real sockets; what it does with bytes is tried in test_pipe.py and test_link.py."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from random import Random
from typing import TypeAlias

import pytest
import trio
import trio.testing

from faults.real.proxy import Port, Proxy, open_proxy


async def echo(stream: trio.SocketStream) -> None:
    async with stream:
        try:
            async for data in stream:
                await stream.send_all(data)
        except trio.BrokenResourceError:
            pass


@asynccontextmanager
async def echoing() -> AsyncIterator[Proxy]:
    """A proxy before a node that says what it hears."""
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, echo, [listener])
        async with open_proxy(listener.socket.getsockname()[1], Random(1)) as proxy:
            yield proxy
        nursery.cancel_scope.cancel()


Call: TypeAlias = Callable[[int], Awaitable[trio.SocketStream]]


@pytest.fixture
async def call() -> AsyncIterator[Call]:
    """Connects to a port; all that has connected is gone when the test ends."""
    streams: list[trio.SocketStream] = []

    async def connect(number: int) -> trio.SocketStream:
        streams.append(await trio.open_tcp_stream("127.0.0.1", number))
        return streams[-1]

    yield connect
    for stream in streams:
        stream.socket.close()


async def hears_itself(stream: trio.SocketStream) -> None:
    await stream.send_all(b"hello")
    assert await stream.receive_some() == b"hello"


async def is_reset(stream: trio.SocketStream) -> bool:
    try:
        await stream.receive_some()
    except trio.BrokenResourceError as error:
        return isinstance(error.__cause__, ConnectionResetError)
    return False


def port(proxy: Proxy, name: str) -> Port:
    proxy.open_port(name)
    return proxy.ports[name]


async def test_every_port_leads_to_the_node_and_a_name_keeps_its_port(call: Call) -> None:
    async with echoing() as proxy:
        number = proxy.open_port("c1")
        assert proxy.open_port("c1") == number != proxy.port
        for each in (number, proxy.port):
            async with await call(each) as stream:
                await hears_itself(stream)
                assert len(proxy.links) == 1
        assert proxy.accepted == 2


async def test_connections_that_end_are_forgotten(call: Call) -> None:
    async with echoing() as proxy:
        stream = await call(proxy.port)
        await hears_itself(stream)
        (link,) = proxy.links
        await stream.aclose()
        await link.ended.wait()
        await trio.testing.wait_all_tasks_blocked()
        assert proxy.links == []


async def test_all_connections_are_broken_at_once(call: Call) -> None:
    async with echoing() as proxy:
        streams = [await call(proxy.open_port(name)) for name in ("c1", "c1", "c2")]
        for stream in streams:
            await hears_itself(stream)
        proxy.reset()
        assert [await is_reset(stream) for stream in streams] == [True] * 3


async def test_who_connects_while_the_node_is_away_is_reset(call: Call) -> None:
    async with echoing() as proxy:
        proxy.node_port = 1
        assert await is_reset(await call(proxy.port))


async def test_one_client_is_cut_off_alone_and_its_new_connections_too(call: Call) -> None:
    async with echoing() as proxy:
        mine, others = port(proxy, "c1"), port(proxy, "c2")
        old = await call(mine.number)
        await hears_itself(old)
        mine.hold()
        new = await call(mine.number)
        for stream in (old, new):
            await stream.send_all(b"hello")
        await hears_itself(await call(others.number))
        with trio.move_on_after(0.05) as waiting:
            await old.receive_some()
        assert waiting.cancelled_caught
        mine.release()
        assert [await stream.receive_some() for stream in (old, new)] == [b"hello"] * 2


async def test_connections_are_refused_and_taken_again_at_the_same_port(call: Call) -> None:
    async with echoing() as proxy:
        mine = port(proxy, "c1")
        old = await call(mine.number)
        await hears_itself(old)
        mine.refuse()
        with pytest.raises(OSError, match="failed"):
            await call(mine.number)
        await hears_itself(old)
        mine.welcome()
        await hears_itself(await call(mine.number))


async def test_what_is_half_open_counts_no_more_and_ends_when_all_is_mended(call: Call) -> None:
    async with echoing() as proxy:
        stream = await call(proxy.port)
        await hears_itself(stream)
        (link,) = proxy.links
        link.half_open(client_lives=True)
        assert proxy.links == []
        proxy.clear()
        assert await is_reset(stream)


async def test_the_weather_of_a_port_is_that_of_all_its_connections(call: Call) -> None:
    async with echoing() as proxy:
        mine = port(proxy, "c1")
        for _ in range(2):
            await hears_itself(await call(mine.number))
        assert [(link.up.rules, link.down.rules) for link in proxy.links] == [(mine.up, mine.down)] * 2


async def test_who_asks_is_told_of_each_connection_before_a_byte_is_carried(call: Call) -> None:
    async with echoing() as proxy:
        mine = port(proxy, "c1")
        mine.on_link.append(lambda link: link.up.alter(lambda frame: [frame[:1], b"aunted"]))
        stream = await call(mine.number)
        await stream.send_all(b"h...")
        heard = b""
        while len(heard) < 7:
            heard += await stream.receive_some()
        assert heard == b"haunted"
