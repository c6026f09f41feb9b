import pytest
import trio
from trio.testing import MockClock

from client.prekeys import CHECK_SECONDS
from client.records import MessageState
from protocol.stanzas import UploadPrekeys
from tests.client.conftest import ANN, BEN, Town
from tests.helpers.scripted_relay import until


def uploads(town: Town) -> list[UploadPrekeys]:
    """The uploads that carried something."""
    every = [event for event in town.relay.heard_of(UploadPrekeys) if isinstance(event, UploadPrekeys)]
    return [upload for upload in every if upload.prekeys or upload.signed]


async def test_a_full_supply_is_left_as_it_is(autojump_clock: MockClock, town: Town) -> None:
    async with town.open(ANN) as ann:
        await ann.wait_online()
        await ann.flush(5)
        assert uploads(town) == []


async def test_a_supply_that_runs_low_is_filled_up(autojump_clock: MockClock, town: Town) -> None:
    device = town.relay.device_of(ANN)
    del device.prekeys[10:]
    async with town.open(ANN):
        await until(lambda: len(device.prekeys) == 100)
    async with town.open(BEN) as ben:
        assert (await ben.wait_for(ben.send_text(ANN, "hi"), MessageState.ACCEPTED)).error_name is None


async def test_an_upload_whose_answer_was_lost_is_repeated_with_the_same_keys(
    autojump_clock: MockClock, town: Town
) -> None:
    device = town.relay.device_of(ANN)
    del device.prekeys[10:]
    town.relay.loses_answer = lambda event: isinstance(event, UploadPrekeys) and bool(event.prekeys)
    async with town.open(ANN):
        await until(lambda: len(uploads(town)) == 1)
    town.relay.loses_answer = lambda _: False
    async with town.open(ANN):
        await until(lambda: len(uploads(town)) == 2)
    assert uploads(town)[0].prekeys == uploads(town)[1].prekeys


@pytest.mark.slow
async def test_a_phone_that_stays_online_looks_from_time_to_time(
    autojump_clock: MockClock, town: Town
) -> None:
    device = town.relay.device_of(ANN)
    async with town.open(ANN) as ann:
        await ann.wait_online()
        await ann.flush(5)
        del device.prekeys[10:]
        await trio.sleep(CHECK_SECONDS + 1)
        assert len(device.prekeys) == 100
