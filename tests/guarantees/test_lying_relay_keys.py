"""What a relay achieves by lying about people's keys.

docs/security.md, "What a hostile relay can do", has a line for each of these tests; those whose names say
`achieves` are the lies that nobody finds, with what they come to. Keys that are made weaker, not others:
test_downgraded_keys.py.
"""

from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from client import MessageState
from client.errors import CodeChangedError
from client.records import EntryKind
from protocol import Bundles, Found, Stanza
from protocol.e2e import Prekey as PrekeyPair
from tests.helpers.scene import (
    ANN,
    BEN,
    Scene,
    about_bundles,
    another_identity,
    impostors,
    stale_devices_and_then,
    until,
)
from tests.helpers.village import comes_to, ends, texts

pytestmark = pytest.mark.slow  # whole phones, and time that passes


async def test_another_key_of_a_device_that_is_known_is_refused(
    autojump_clock: MockClock, scene: Scene
) -> None:
    await scene.says("ann", BEN, "hello")

    scene.lie_to("ann", stale_devices_and_then(impostors))
    message = scene.phones["ann"].send_text(BEN, "a secret")
    assert await ends(scene.phones["ann"], message) == "untrusted-identity"


async def test_keys_of_the_relay_for_somebody_never_met_show_in_the_security_code(
    autojump_clock: MockClock, scene: Scene
) -> None:
    def lie(stanza: Stanza) -> list[Stanza]:
        return [impostors(stanza) if isinstance(stanza, Bundles) else stanza]

    scene.lie_to("ann", lie)
    ann, ben = scene.phones["ann"], scene.phones["ben"]
    message = ann.send_text(BEN, "to whom?")
    await comes_to(ann, message, MessageState.ACCEPTED)
    scene.liar.be_honest()
    ben.send_text(ANN, "hello")
    await trio.sleep(60)
    assert texts(ben) == [None]
    assert scene.code_of("ann", "ben") != scene.code_of("ben", "ann")


async def test_a_signed_prekey_that_its_identity_has_not_signed_is_refused(
    autojump_clock: MockClock, scene: Scene
) -> None:
    def lie(stanza: Stanza) -> list[Stanza]:
        if not isinstance(stanza, Bundles):
            return [stanza]
        key = PrekeyPair.from_private(1, b"i" * 32).published().key
        devices = (each._replace(signed_prekey=key) for each in stanza.devices)
        return [replace(stanza, devices=tuple(devices))]

    scene.lie_to("ann", lie)
    message = scene.phones["ann"].send_text(BEN, "a secret")
    assert await ends(scene.phones["ann"], message) == "bad-keys"


async def test_one_time_prekeys_that_are_withheld_cost_only_what_the_last_resort_lacks(
    autojump_clock: MockClock, scene: Scene
) -> None:
    def lie(stanza: Stanza) -> list[Stanza]:
        if not isinstance(stanza, Bundles):
            return [stanza]
        return [
            replace(stanza, devices=tuple(each._replace(one_time_prekey=None) for each in stanza.devices))
        ]

    scene.lie_to("ann", lie)
    await scene.says("ann", BEN, "all the same")
    assert texts(scene.phones["ben"]) == ["all the same"]


async def test_a_number_that_is_said_to_be_somebody_elses_achieves_a_chat_with_them_until_codes_are_compared(
    autojump_clock: MockClock, scene: Scene
) -> None:
    def lie(stanza: Stanza) -> list[Stanza]:
        if isinstance(stanza, Found):
            return [replace(stanza, users=(scene.accounts["cleo"].user,))]
        return [stanza]

    scene.lie_to("ann", lie)
    await scene.says("ann", BEN, "dear Ben")
    assert texts(scene.phones["cleo"]) == ["dear Ben"]
    assert scene.phones["ann"].user_of(BEN) == scene.accounts["cleo"].user


async def test_a_new_identity_of_somebody_known_shows_as_a_changed_security_code(
    autojump_clock: MockClock, scene: Scene
) -> None:
    await scene.says("ann", BEN, "before")
    scene.lie_to("ann", stale_devices_and_then(another_identity))
    scene.queue("ann", BEN, "to whom?")
    await until(lambda: has_changed(scene))


async def test_a_new_identity_of_somebody_whose_code_was_compared_is_sent_nothing_until_it_is_confirmed(
    autojump_clock: MockClock, scene: Scene
) -> None:
    await scene.says("ann", BEN, "before")
    user = scene.accounts["ben"].user
    with scene.store("ann") as store:
        store.verifications.confirm(user)
    scene.lie_to("ann", stale_devices_and_then(another_identity))
    ann = scene.phones["ann"]
    message = scene.queue("ann", BEN, "to whom?")
    await until(lambda: has_changed(scene))
    await trio.sleep(60)
    entry = ann.entry(message)
    assert entry is not None
    assert (entry.state, entry.error_name) == (MessageState.PENDING, "security-code-changed")
    with pytest.raises(CodeChangedError):
        scene.queue("ann", BEN, "and this?")
    with scene.store("ann") as store:
        store.verifications.confirm(user)
    ann._outbox.look()
    await comes_to(ann, message, MessageState.ACCEPTED)


def has_changed(scene: Scene) -> bool:
    """Whether Ann is shown that Ben has another code."""
    kinds = [entry.kind for entry in scene.phones["ann"].history(BEN)]
    return EntryKind.SECURITY_CODE_CHANGED in kinds


async def test_one_prekey_for_two_people_costs_the_second_one_a_repetition(
    autojump_clock: MockClock, scene: Scene
) -> None:
    given: list[Bundles] = []

    def the_same(said: Bundles) -> Bundles:
        if said.devices:  # else the list alone was asked for
            given.append(said)
            return replace(said, devices=given[0].devices)
        return said

    for name in ("ann", "cleo"):
        scene.lie_to(name, about_bundles(the_same))
    await scene.says("ann", BEN, "first")
    await scene.says("cleo", BEN, "second")
    scene.liar.be_honest()
    await until(lambda: texts(scene.phones["ben"]) == ["first", "second"])


async def test_keys_that_are_withheld_altogether_achieve_that_a_message_is_never_sent(
    autojump_clock: MockClock, scene: Scene
) -> None:
    scene.lie_to("ann", about_bundles(lambda said: replace(said, devices=(), device_list=None)))
    message = scene.queue("ann", BEN, "never sent")
    assert await ends(scene.phones["ann"], message) == "unknown-user"
