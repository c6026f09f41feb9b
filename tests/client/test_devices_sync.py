"""The primary keeps the list at the relay true: the first one, an old one, one without who has left."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from client.devices import AGED_SECONDS
from client.devices_sync import settle_devices
from client.errors import RelayRefusedError
from client.phone import Phone
from protocol.device_list import DeviceList, decode_device_list
from protocol.stanzas import LeaveAccount
from storage.device_lists import load_device_list
from tests.client.family import Family, open_family

WAIT_SECONDS = 60.0  # of the virtual clock


def handed_out(family: Family, phone: Phone) -> DeviceList | None:
    """What the relay gives to others."""
    with family.node.worker.environment.read() as reader:
        signed = load_device_list(reader, phone.account.user)
    return None if signed is None else decode_device_list(signed.encoded)


async def until_number(family: Family, phone: Phone, number: int) -> DeviceList:
    with trio.fail_after(WAIT_SECONDS):
        while (listed := handed_out(family, phone)) is None or listed.number < number:  # noqa: ASYNC110 - the relay tells nobody
            await trio.sleep(0.1)
    return listed


async def test_a_registered_phone_publishes_a_list_of_itself(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_family(tmp_path) as family:
        await family.register()
        async with family.open("ann") as ann:
            listed = await until_number(family, ann, 1)
            assert [each.device for each in listed.devices] == [1]
            assert listed.primary.identity_key == ann.account.identity_key


async def test_a_list_that_is_true_and_young_is_left_alone_and_an_old_one_signed_anew(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_family(tmp_path) as family:
        await family.register()
        async with family.open("ann") as ann:
            await until_number(family, ann, 1)
            await settle_devices(ann.devices, ann._connection)
            assert (await until_number(family, ann, 1)).number == 1
            ann.devices._clock = _Later(ann.devices._clock.now() + AGED_SECONDS)
            await settle_devices(ann.devices, ann._connection)
            assert (await until_number(family, ann, 2)).number == 2


async def test_who_has_removed_itself_is_not_listed_again(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with open_family(tmp_path) as family:
        await family.register()
        async with family.open("ann") as ann:
            await ann.wait_online()
            await family.link(ann, "kitchen")
            async with family.open("kitchen") as kitchen:
                await kitchen.wait_online()
                await kitchen.leave_account()
            await settle_devices(ann.devices, ann._connection)
            assert [each.device for each in ann.devices.all()] == [1]
            assert (await until_number(family, ann, 3)).number == 3


async def test_a_removed_device_is_locked_out_and_told_why(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with open_family(tmp_path) as family:
        await family.register()
        async with family.open("ann") as ann:
            await ann.wait_online()
            await family.link(ann, "kitchen")
            async with family.open("kitchen") as kitchen:
                await kitchen.wait_online()
                await ann.remove_device(ann.devices.all()[1].device)
                with pytest.raises(RelayRefusedError, match="was logged out: it was removed"):
                    await until_stopped(kitchen)
            with family.store("kitchen") as store:
                account = store.account()
                assert account is not None
                assert account.logged_out
            assert [each.device for each in ann.devices.all()] == [1]


async def test_a_companion_publishes_nothing_and_removes_nobody(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_family(tmp_path) as family:
        await family.register()
        async with family.open("ann") as ann:
            await ann.wait_online()
            await family.link(ann, "kitchen")
            async with family.open("kitchen") as kitchen:
                await kitchen.wait_online()
                await settle_devices(kitchen.devices, kitchen._connection)
                with pytest.raises(RelayRefusedError) as caught:
                    await kitchen.remove_device(ann.account.device)
                assert caught.value.name == "not-primary"
            assert (await until_number(family, ann, 2)).number == 2


async def test_a_list_whose_answer_was_lost_is_found_at_the_relay(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """The phone was killed between the relay's commit and its own."""
    async with open_family(tmp_path) as family:
        await family.register()
        async with family.open("ann") as ann:
            await until_number(family, ann, 1)
            await settle_devices(ann.devices, ann._connection)
            ann.devices._database.execute("DELETE FROM device_lists")
            assert ann.devices.listed() is None
            await settle_devices(ann.devices, ann._connection)
            assert ann.devices.listed() == handed_out(family, ann)
            assert (await until_number(family, ann, 1)).number == 1


async def test_registering_anew_in_the_same_folder_begins_with_a_list_of_its_own(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_family(tmp_path) as family:
        await family.register()
        async with family.open("ann") as ann:
            await until_number(family, ann, 1)
            await ann._connection.request(LeaveAccount)  # refused: the primary cannot
        with family.store("ann") as store:
            store.mark_logged_out()
        await trio.sleep(61)  # until another code can be had
        await family.register(takes_over=True)
        async with family.open("ann") as ann:
            assert ann.devices.is_primary()
            listed = await until_number(family, ann, 1)
            assert [each.device for each in listed.devices] == [2]


class _Later:
    """A clock that has gone on."""

    def __init__(self, now: float) -> None:
        self._now = now

    def now(self) -> float:
        return self._now


async def until_stopped(phone: Phone) -> None:
    """Wait until the connection has stopped for good; raises why."""
    with phone.events.subscribe() as events, trio.fail_after(WAIT_SECONDS):
        while True:
            phone.raise_if_stopped()
            await events.next()
