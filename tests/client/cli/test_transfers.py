"""Both sides of a link see how far the history is, and neither waits for ever."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from client import MessageState
from client.cli.transfers import PATIENCE_SECONDS, wait_arrival, wait_departure
from client.events import HistoryProgress
from protocol.ids import DeviceId
from tests.helpers.companions import link
from tests.helpers.village import Village, comes_to, open_village

ANN, BEN = "+491713920001", "+491713920002"


@pytest.fixture
async def village(autojump_clock: MockClock, tmp_path: Path) -> AsyncIterator[Village]:
    """Ann and Ben have talked, and Ben links a pad."""
    async with open_village(tmp_path) as village:
        await village.register("ann", ANN)
        await village.register("ben", BEN)
        async with village.open("ann") as ann, village.open("ben"):
            for number in range(3):
                message_id = ann.send_text(BEN, f"line {number}")
                await comes_to(ann, message_id, MessageState.DELIVERED)
        yield village


async def test_both_sides_hear_that_all_of_it_is_there(autojump_clock: MockClock, village: Village) -> None:
    device = await link(village, "pad", "ben")
    went: list[HistoryProgress] = []
    came: list[HistoryProgress] = []
    async with village.open("ben") as ben:
        assert await wait_departure(ben, device, went.append)
    async with village.open("pad") as pad:
        last = await wait_arrival(pad, came.append)
    assert went[-1] == HistoryProgress(device, 3, 3, is_done=True)
    assert last == came[-1] == HistoryProgress(None, 3, 3, is_done=True)


async def test_a_history_that_does_not_come_is_not_waited_for_any_longer(
    autojump_clock: MockClock, village: Village
) -> None:
    await link(village, "pad", "ben")
    began = trio.current_time()
    async with village.open("pad") as pad:
        assert await wait_arrival(pad, lambda _: None) is None
    assert trio.current_time() - began < 2 * PATIENCE_SECONDS


async def test_a_history_that_does_not_go_is_not_waited_for_any_longer(
    autojump_clock: MockClock, village: Village
) -> None:
    async with village.open("ben") as ben:
        assert not await wait_departure(ben, DeviceId(77), lambda _: None)


async def test_what_had_come_before_is_told_at_once(autojump_clock: MockClock, village: Village) -> None:
    device = await link(village, "pad", "ben")
    async with village.open("ben") as ben, village.open("pad") as pad:
        assert await wait_departure(ben, device, lambda _: None)
        await wait_arrival(pad, lambda _: None)
    came: list[HistoryProgress] = []
    async with village.open("pad") as pad:
        await wait_arrival(pad, came.append)
    assert came == [HistoryProgress(None, 3, 3, is_done=True)]
