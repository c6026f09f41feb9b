"""The primary's side of linking: whatever happens, the account is left with a list that is true."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from actors.ports import system_entropy
from client.errors import LinkCodeError, LinkingError, RelayRefusedError
from client.linking import cancel_link
from protocol.device_list import decode_device_list
from relay import links_desk
from storage.device_lists import load_device_list
from tests.client.family import Family, Shown, open_family


async def test_five_devices_are_linked_and_a_sixth_is_refused(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_family(tmp_path) as family:
        await family.register()
        async with family.open("ann") as ann:
            await ann.wait_online()
            for number in range(2, 6):
                device, _ = await family.link(ann, f"device-{number}")
                assert device.device == number
            async with family.newcomer("one more") as newcomer:
                shown = Shown()
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(newcomer.link, shown.show, shown.complain)
                    with pytest.raises(RelayRefusedError) as caught:
                        await ann.link_device((await shown.next()).code, system_entropy)
                    nursery.cancel_scope.cancel()
            assert caught.value.name == "too-many-devices"


async def test_only_the_primary_links(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with open_family(tmp_path) as family:
        await family.register()
        async with family.open("ann") as ann:
            await ann.wait_online()
            await family.link(ann, "kitchen")
        async with family.open("kitchen") as kitchen:
            await kitchen.wait_online()
            with pytest.raises(LinkingError) as caught:
                await kitchen.link_device("7K2-M4XQ9", system_entropy)
            assert caught.value.name == "not-primary"


@pytest.mark.parametrize("typed", ["", "hello", "roost-link:AAAA", "7K2-M4XQ"])
async def test_what_is_no_code_is_said_at_once(autojump_clock: MockClock, tmp_path: Path, typed: str) -> None:
    async with open_family(tmp_path) as family:
        await family.register()
        async with family.open("ann") as ann:
            with pytest.raises(LinkCodeError):
                await ann.link_device(typed, system_entropy)


async def test_a_code_that_nobody_shows_is_gone(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with open_family(tmp_path) as family:
        await family.register()
        async with family.open("ann") as ann:
            await ann.wait_online()
            with pytest.raises(RelayRefusedError) as caught:
                await ann.link_device("7K2-M4XQ9", system_entropy)
            assert caught.value.name == "link-gone"


async def test_a_link_that_ends_after_the_list_was_signed_leaves_a_newer_list_without_the_device(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """The desk dies right behind the confirmation: what was signed must not count for anybody."""
    async with open_family(tmp_path) as family:
        await family.register()
        async with family.open("ann") as ann, family.newcomer("kitchen") as newcomer:
            await ann.wait_online()
            newcomer._store.devices.keep_grant = _give_up  # type: ignore[method-assign, assignment]  # it dies
            shown = Shown()
            async with trio.open_nursery() as nursery:

                async def wait() -> None:
                    with pytest.raises(_GoneError):
                        await newcomer.link(shown.show, shown.complain)
                    desk = family.node.worker.system.whereis(links_desk.NAME)
                    assert desk is not None
                    desk.kill()

                nursery.start_soon(wait)
                with pytest.raises(RelayRefusedError) as caught:
                    await ann.link_device((await shown.next()).code, system_entropy)
            assert caught.value.name == "link-gone"
            listed = ann.devices.listed()
            assert listed is not None
            assert [each.device for each in listed.devices] == [1]
            assert listed.number == 3  # 1: registered; 2: with the device; 3: without it
            assert at_the_relay(family, ann.account.user) == 3


async def test_a_link_that_is_called_off_is_told_to_the_new_device(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_family(tmp_path) as family, family.newcomer("kitchen") as newcomer:
        await cancel_link(newcomer._line, b"n" * 16)  # nothing there: nothing happens


class _GoneError(Exception):
    """The new device is gone."""


def _give_up(_grant: object) -> None:
    raise _GoneError


def at_the_relay(family: Family, user: int) -> int:
    """The number of the list that the relay hands out."""
    with family.node.worker.environment.read() as reader:
        signed = load_device_list(reader, user)  # type: ignore[arg-type]  # a UserId
    assert signed is not None
    return decode_device_list(signed.encoded).number
