"""What a relay achieves by lying about somebody's devices.

docs/security.md, "What a hostile relay can do", has a line for each of these tests; those whose names say
`achieves` are the lies that nobody finds, with what they come to.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from client import MessageState
from client.records import EntryKind
from protocol import Accepted, Bundles, DeviceAddress, DeviceId, Refused, Stanza
from protocol.device_list import ListedDevice, decode_device_list
from tests.helpers.lying_relay import Lie
from tests.helpers.scene import (
    ANN,
    BEN,
    RELAYS_IDENTITY,
    Scene,
    about_bundles,
    keys_of_the_relay,
    signed_by_the_relay,
    stale_devices_and_then,
    until,
)
from tests.helpers.village import comes_to, ends, texts

pytestmark = pytest.mark.slow  # whole phones, and time that passes


def one_more(bundles: Bundles) -> Bundles:
    """A device of the relay's own beside the true ones; the list is as the primary signed it."""
    device = DeviceId(max(each.device for each in bundles.devices) + 1)
    present = None if bundles.present is None else (*bundles.present, device)
    return replace(bundles, devices=(*bundles.devices, keys_of_the_relay(device)), present=present)


def one_more_and_no_list(bundles: Bundles) -> Bundles:
    return replace(one_more(bundles), device_list=None)


def one_more_in_a_list_that_the_relay_signed(bundles: Bundles) -> Bundles:
    told = one_more(bundles)
    if bundles.device_list is None:  # asked before he has published one: then there is none to add to
        return told
    honest = decode_device_list(bundles.device_list.encoded)
    device = ListedDevice(told.devices[-1].device, RELAYS_IDENTITY.public)
    listed = replace(honest, number=honest.number + 1, devices=(*honest.devices, device))
    return replace(told, device_list=signed_by_the_relay(listed))


@pytest.mark.parametrize("lie", [one_more, one_more_and_no_list, one_more_in_a_list_that_the_relay_signed])
@pytest.mark.parametrize("is_known", [False, True])
async def test_a_device_that_the_primary_has_not_signed_is_refused_and_nothing_is_sent(
    autojump_clock: MockClock, scene: Scene, lie: Callable[[Bundles], Bundles], is_known: bool
) -> None:
    if is_known:
        await scene.says("ann", BEN, "before")
    scene.lie_to("ann", stale_devices_and_then(lie) if is_known else about_bundles(lie))
    message = scene.queue("ann", BEN, "a secret")
    assert await ends(scene.phones["ann"], message) == "untrusted-devices"


async def test_a_device_that_is_said_to_be_ones_own_is_told_nothing(
    autojump_clock: MockClock, scene: Scene
) -> None:
    scene.lie_to("ben", lambda stanza: about_own_devices(scene, stanza))
    async with scene.companion("pad", of="ben") as pad:
        ben = scene.phones["ben"]
        message = ben.send_text(ANN, "for Ann, and my pad")
        await comes_to(ben, message, MessageState.DELIVERED)
        await trio.sleep(60)
        assert pad.history() == []
        scene.liar.be_honest()
        await scene.says("ben", ANN, "and this")
        await until(lambda: "and this" in [entry.text for entry in pad.history()])


def about_own_devices(scene: Scene, stanza: Stanza) -> list[Stanza]:
    """One device more, wherever there are two."""
    if not isinstance(stanza, Bundles) or stanza.device_list is None or not stanza.devices:
        return [stanza]
    is_own = decode_device_list(stanza.device_list.encoded).user == scene.accounts["ben"].user
    return [one_more(stanza) if is_own else stanza]


def remembering(kept: list[Bundles]) -> Lie:
    """No lie yet: the relay keeps what it says of keys and devices."""

    def keep(said: Bundles) -> Bundles:
        kept.append(said)
        return said

    return about_bundles(keep)


async def test_a_list_that_was_replaced_is_refused_by_whoever_has_seen_the_newer_one(
    autojump_clock: MockClock, scene: Scene
) -> None:
    await scene.says("ann", BEN, "before")
    old: list[Bundles] = []
    async with scene.companion("pad", of="ben") as pad:
        scene.lie_to("ann", remembering(old))
        await scene.says("ann", BEN, "to both")
        await until(lambda: "to both" in texts(pad))
        device = pad.account.device
    await scene.phones["ben"].remove_device(device)
    scene.liar.be_honest()
    await scene.says("ann", BEN, "to one")
    scene.lie_to("ann", stale_devices_and_then(lambda said: replace(old[0], request=said.request)))
    message = scene.queue("ann", BEN, "to whom?")
    assert await ends(scene.phones["ann"], message) == "untrusted-devices"


async def test_hiding_a_new_list_achieves_that_a_removed_device_is_written_to_by_those_who_have_not_seen_it(
    autojump_clock: MockClock, scene: Scene
) -> None:
    old: list[Bundles] = []
    async with scene.companion("pad", of="ben") as pad:
        scene.lie_to("ann", remembering(old))
        await scene.says("ann", BEN, "to both")
        device = pad.account.device
    await scene.phones["ben"].remove_device(device)

    def keep_ann_in_the_past(stanza: Stanza) -> list[Stanza]:
        if isinstance(stanza, Refused):  # the honest part of the relay will not take it; this one does
            return [Accepted(stanza.chat, stanza.number)]
        if isinstance(stanza, Bundles):
            return [replace(old[0], request=stanza.request, devices=())]
        return [stanza]

    scene.lie_to("ann", keep_ann_in_the_past)
    ann = scene.phones["ann"]
    message = scene.queue("ann", BEN, "sealed for a device that was removed")
    await comes_to(ann, message, MessageState.ACCEPTED)
    with scene.store("ann") as store:
        assert device in store._peers.active_devices(scene.accounts["ben"].user)


async def test_leaving_out_a_companion_achieves_that_it_is_not_written_to(
    autojump_clock: MockClock, scene: Scene
) -> None:
    async with scene.companion("pad", of="ben") as pad:

        def leave_out(said: Bundles) -> Bundles:
            devices = tuple(each for each in said.devices if each.device != pad.account.device)
            return replace(said, devices=devices, present=tuple(each.device for each in devices))

        def lie(stanza: Stanza) -> Sequence[Stanza]:
            if isinstance(stanza, Refused):  # as in the test before
                return [Accepted(stanza.chat, stanza.number)]
            return about_bundles(leave_out)(stanza)

        scene.lie_to("ann", lie)
        message = scene.queue("ann", BEN, "to the phone alone")
        await comes_to(scene.phones["ann"], message, MessageState.ACCEPTED)
        with scene.store("ann") as store:
            assert store._peers.active_devices(scene.accounts["ben"].user) == [scene.address("ben").device]


async def test_leaving_out_the_primary_is_refused(autojump_clock: MockClock, scene: Scene) -> None:
    async with scene.companion("pad", of="ben") as pad:
        device = pad.account.device

        def leave_out(said: Bundles) -> Bundles:
            return replace(said, devices=tuple(each for each in said.devices if each.device == device))

        scene.lie_to("ann", about_bundles(leave_out))
        message = scene.queue("ann", BEN, "to the pad alone?")
        assert await ends(scene.phones["ann"], message) == "untrusted-devices"


# ---- a message from a device ----


async def test_a_message_of_a_device_that_no_list_names_is_not_opened(
    autojump_clock: MockClock, scene: Scene
) -> None:
    async with scene.companion("pad", of="ann") as pad:
        removed = pad.account.address
    await scene.phones["ann"].remove_device(removed.device)
    async with scene.companion("book", of="ann"):
        await scene.says("ben", ANN, "so he has the list of phone and book")
        forged = await scene.forged("ben", removed, "this is Ann")
        scene.instead_of_the_next_delivery("ben", lambda told: replace(told, chat=removed, ciphertext=forged))
        scene.queue("ann", BEN, "taken away")
        await until(lambda: len(scene.phones["ben"].history(ANN)) == 2)
        entry = scene.phones["ben"].history(ANN)[-1]
        assert (entry.kind, entry.error_name) == (EntryKind.UNDECRYPTABLE, "untrusted-device")


async def test_a_message_of_a_known_device_with_another_key_is_not_opened(
    autojump_clock: MockClock, scene: Scene
) -> None:
    await scene.says("ann", BEN, "before")
    forged = await scene.forged("ben", scene.address("ann"), "this is Ann")
    scene.instead_of_the_next_delivery("ben", lambda told: replace(told, ciphertext=forged))
    scene.queue("ann", BEN, "taken away")
    await until(lambda: len(scene.phones["ben"].history(ANN)) == 2)
    entry = scene.phones["ben"].history(ANN)[-1]
    assert (entry.kind, entry.error_name) == (EntryKind.UNDECRYPTABLE, "untrusted-identity")


async def test_a_companion_linked_a_moment_ago_does_not_open_a_message_of_a_known_primary_with_another_key(
    autojump_clock: MockClock, scene: Scene
) -> None:
    await scene.says("ben", ANN, "so he has her list")
    async with scene.companion("pad", of="ben") as pad:
        forged = await scene.forged("pad", scene.address("ann"), "this is Ann")
        scene.instead_of_the_next_delivery(
            "pad", lambda told: replace(told, chat=scene.address("ann"), ciphertext=forged)
        )
        scene.queue("ann", BEN, "taken away")
        await until(lambda: any(entry.kind is EntryKind.UNDECRYPTABLE for entry in pad.history(ANN)))
        assert "this is Ann" not in texts(pad)
        refused = [entry for entry in pad.history(ANN) if entry.kind is not EntryKind.TEXT]
        assert [entry.error_name for entry in refused] == ["untrusted-device"]


async def test_a_message_of_a_phone_that_the_relay_has_invented_shows_as_a_changed_security_code(
    autojump_clock: MockClock, scene: Scene
) -> None:
    await scene.says("ann", BEN, "before")
    user, device = scene.address("ann")
    invented = DeviceAddress(user, DeviceId(device + 1))
    forged = await scene.forged("ben", invented, "I have a new phone")
    scene.instead_of_the_next_delivery("ben", lambda told: replace(told, chat=invented, ciphertext=forged))
    scene.queue("ann", BEN, "taken away")
    await until(lambda: texts(scene.phones["ben"])[-1] == "I have a new phone")
    kinds = [entry.kind for entry in scene.phones["ben"].history(ANN)]
    assert kinds == [EntryKind.TEXT, EntryKind.SECURITY_CODE_CHANGED, EntryKind.TEXT]
