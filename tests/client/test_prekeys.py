import pytest
import trio
from trio.testing import MockClock

from client import prekeys
from client.own_prekeys import FIRST_KEM_PREKEYS, REFILL_KEM_BELOW
from client.records import MessageState
from protocol.stanzas import UploadPrekeys
from tests.client.conftest import ANN, BEN, Town
from tests.helpers.scripted_device import Device
from tests.helpers.scripted_relay import until


def uploads(town: Town) -> list[UploadPrekeys]:
    """The uploads that carried something."""
    every = [event for event in town.relay.heard_of(UploadPrekeys) if isinstance(event, UploadPrekeys)]
    return [upload for upload in every if upload.prekeys or upload.signed or upload.kem_prekeys]


async def filled_up(town: Town) -> Device:
    """Ann's device with a full supply of KEM prekeys as well, which its first connection brings."""
    device = town.relay.device_of(ANN)
    async with town.open(ANN):
        await until(lambda: len(device.kem_prekeys) == FIRST_KEM_PREKEYS)
    town.relay.heard.clear()
    return device


async def test_a_new_phone_brings_its_kem_prekeys_with_its_first_connection(
    autojump_clock: MockClock, town: Town
) -> None:
    device = await filled_up(town)
    assert device.bundle.kem_prekey is not None  # the last resort, since the registration


async def test_kem_prekeys_that_run_low_are_filled_up(autojump_clock: MockClock, town: Town) -> None:
    device = await filled_up(town)
    del device.kem_prekeys[REFILL_KEM_BELOW - 1 :]
    async with town.open(ANN):
        await until(lambda: len(device.kem_prekeys) == FIRST_KEM_PREKEYS)
    assert len({prekey.id for prekey in device.kem_prekeys}) == FIRST_KEM_PREKEYS


async def test_a_relay_that_keeps_no_kem_prekeys_is_given_none(autojump_clock: MockClock, town: Town) -> None:
    town.relay.keeps_kem_prekeys = False
    async with town.open(ANN) as ann:
        await ann.wait_online()
        await ann.flush(5)
    assert uploads(town) == []


async def test_a_full_supply_is_left_as_it_is(autojump_clock: MockClock, town: Town) -> None:
    await filled_up(town)
    async with town.open(ANN) as ann:
        await ann.wait_online()
        await ann.flush(5)
        assert uploads(town) == []


async def test_a_supply_that_runs_low_is_filled_up(autojump_clock: MockClock, town: Town) -> None:
    device = await filled_up(town)
    del device.prekeys[10:]
    async with town.open(ANN):
        await until(lambda: len(device.prekeys) == 100)
    async with town.open(BEN) as ben:
        assert (await ben.wait_for(ben.send_text(ANN, "hi"), MessageState.ACCEPTED)).error_name is None


async def test_an_upload_whose_answer_was_lost_is_repeated_with_the_same_keys(
    autojump_clock: MockClock, town: Town
) -> None:
    device = await filled_up(town)
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
    autojump_clock: MockClock, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prekeys, "CHECK_SECONDS", 60.0)  # an hour is long even where it is virtual
    device = await filled_up(town)
    async with town.open(ANN) as ann:
        await ann.wait_online()
        await ann.flush(5)
        del device.prekeys[10:]
        await trio.sleep(61)
        assert len(device.prekeys) == 100
