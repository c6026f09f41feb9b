from random import Random

import trio
import trio.testing

from faults.real.rules import Pace, Rules, Valve


def pace(rules: Rules, seed: int = 1) -> Pace:
    return Pace(rules, Random(seed))


def test_what_comes_in_fair_weather_goes_on_at_once() -> None:
    assert Rules().is_fair
    assert pace(Rules()).due(1000, 5.0) == 5.0


def test_each_piece_is_late_by_the_latency() -> None:
    line = pace(Rules(latency=0.3))
    assert [line.due(10, now) for now in (1.0, 1.1)] == [1.3, 1.1 + 0.3]


def test_nothing_overtakes_however_the_jitter_falls() -> None:
    line = pace(Rules(jitter=1.0))
    arrivals = [line.due(10, now / 100) for now in range(200)]
    assert arrivals == sorted(arrivals)
    assert max(late - now / 100 for now, late in enumerate(arrivals)) > 0.9


def test_a_narrow_line_takes_one_piece_after_the_other() -> None:
    line = pace(Rules(bytes_per_second=1000))
    assert [line.due(500, 0.0), line.due(500, 0.0), line.due(500, 9.0)] == [0.5, 1.0, 9.5]


def test_a_narrow_line_trickles() -> None:
    assert Rules(bytes_per_second=1000).piece_bytes == 50
    assert Rules(bytes_per_second=1000, segment_bytes=7).piece_bytes == 7
    assert Rules(segment_bytes=7).piece_bytes == 7


def test_few_bytes_at_a_time_keep_their_distance() -> None:
    line = pace(Rules(segment_bytes=5, segment_seconds=0.25))
    assert [line.due(5, 0.0), line.due(5, 0.0)] == [0.25, 0.5]


def test_a_loss_is_a_standstill_that_doubles_with_each_loss_of_the_same_piece() -> None:
    line = pace(Rules(loss=0.5))
    waits = {round(pace(Rules(loss=0.5), seed).due(1, 0.0), 6) for seed in range(200)}
    assert {0.0, 0.2, 0.6, 1.4} <= waits
    assert line.due(1, 0.0) <= 12.6


def test_what_follows_a_lost_piece_waits_for_it() -> None:
    rules = Rules(loss=1.0)
    line = pace(rules)
    first = line.due(1, 0.0)
    rules.clear()
    assert line.due(1, 0.1) == first


async def test_a_shut_valve_holds_until_it_is_opened(autojump_clock: trio.testing.MockClock) -> None:
    valve = Valve()
    await valve.passed()
    valve.shut()
    valve.shut()
    with trio.move_on_after(10) as waiting:
        await valve.passed()
    assert waiting.cancelled_caught
    valve.open()
    await valve.passed()


def test_clearing_brings_fair_weather() -> None:
    rules = Rules(latency=1, jitter=1, bytes_per_second=1, segment_bytes=1, segment_seconds=1, loss=1)
    rules.valve.shut()
    rules.clear()
    assert rules.is_fair
