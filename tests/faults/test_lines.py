from random import Random

import pytest
import trio
import trio.testing

from faults.real import lines
from faults.real.fault import Fault, Stroke
from faults.real.proxy import open_proxy
from tests.faults.arenas import arena_with


@pytest.mark.parametrize("size", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("fault", lines.FAULTS, ids=lambda fault: fault.name)
async def test_the_weather_of_all_is_bad_for_as_long_as_it_lasts_and_fair_then(
    fault: Fault, size: float, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_proxy(1) as proxy, trio.open_nursery() as nursery:
        proxy.open_port("c1")
        rules = [each for port in proxy.ports.values() for each in (port.up, port.down)]
        nursery.start_soon(fault.strike, arena_with(proxy), Stroke(10.0, size, Random(1)))
        await trio.sleep(9.9)
        assert size == 0.0 or not any(each.is_fair for each in rules)
        await trio.sleep(0.2)
        assert all(each.is_fair for each in rules)


async def test_the_weather_is_fair_again_if_the_run_is_broken_off(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_proxy(1) as proxy:
        for fault in lines.FAULTS:
            with trio.move_on_after(1):
                await fault.strike(arena_with(proxy), Stroke(10.0, 1.0, Random(1)))
        assert all(port.up.is_fair and port.down.is_fair for port in proxy.ports.values())
