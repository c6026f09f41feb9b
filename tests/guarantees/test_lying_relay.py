"""What a relay that lies achieves: each lie is found by the phones, or is listed as not protected.

The relay is real and its words pass a liar (tests/helpers/lying_relay.py). docs/security.md, "What a hostile
relay can do", has a line for each of these tests; those whose names say `achieves` are the lies that nobody
finds, with what they come to.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from client import Account, MessageState, Phone
from client.records import EntryKind
from client.store import Store
from client.wire_keys import signed_prekey_to_wire
from protocol import (
    Accepted,
    Bundles,
    Deliver,
    Delivered,
    DeviceAddress,
    DeviceBundle,
    ErrorCode,
    Found,
    MessageNumber,
    Refused,
    Seq,
    Stanza,
)
from protocol.e2e import IdentityKeyPair
from protocol.e2e import Prekey as PrekeyPair
from tests.helpers.lying_relay import Liar, Lie, liar_at_the_relay
from tests.helpers.village import Village, comes_to, ends, open_village, texts

ANN, BEN, CLEO = "+491713920001", "+491713920002", "+491713920003"


@dataclass(slots=True)
class Scene:
    """Three people with open phones, and the one who lies to them."""

    village: Village
    liar: Liar
    accounts: dict[str, Account]
    phones: dict[str, Phone]

    def lie_to(self, name: str, lie: Lie) -> None:
        self.liar.lie_to(self.village.keys[name], lie)

    def address(self, name: str) -> DeviceAddress:
        return self.accounts[name].address

    def code_of(self, name: str, other: str) -> str | None:
        """The security code that one has with another."""
        home, entropy, clock = self.village.home(name), self.village.entropy, self.village.clock
        with Store.open(home, entropy, clock) as store:
            return store.safety_number(self.accounts[other].user)

    async def says(self, name: str, to: str, text: str) -> None:
        """Have somebody write, and wait until it is delivered."""
        message = self.phones[name].send_text(to, text)
        await comes_to(self.phones[name], message, MessageState.DELIVERED)


@asynccontextmanager
async def open_scene(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    with liar_at_the_relay(monkeypatch) as liar:
        async with open_village(folder) as village:
            numbers = {"ann": ANN, "ben": BEN, "cleo": CLEO}
            accounts = {name: await village.register(name, number) for name, number in numbers.items()}
            async with village.open("ann") as ann, village.open("ben") as ben, village.open("cleo") as cleo:
                yield Scene(village, liar, accounts, {"ann": ann, "ben": ben, "cleo": cleo})


@pytest.fixture
async def scene(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    async with open_scene(tmp_path, monkeypatch) as scene:
        yield scene


def impostors(bundles: Bundles, seed: bytes) -> Bundles:
    """The answer with keys of whoever runs the relay in the place of the devices' own, and well signed."""
    identity = IdentityKeyPair.from_seed(seed)
    signed = signed_prekey_to_wire(PrekeyPair.from_private(1, seed).signed_by(identity))
    return replace(
        bundles,
        devices=tuple(DeviceBundle(each.device, identity.public, *signed, None) for each in bundles.devices),
    )


def about_the_first(kind: type[Stanza], lie: Lie) -> Lie:
    """Lie about the first stanza of a kind only."""
    pending = [lie]

    def tell(stanza: Stanza) -> Sequence[Stanza]:
        return pending.pop()(stanza) if pending and isinstance(stanza, kind) else [stanza]

    return tell


# --- Messages ---


async def test_a_message_that_was_changed_is_not_shown_and_is_asked_for_again(
    autojump_clock: MockClock, scene: Scene
) -> None:
    await scene.says("ann", BEN, "before")

    def change(stanza: Stanza) -> list[Stanza]:
        assert isinstance(stanza, Deliver)
        return [replace(stanza, ciphertext=stanza.ciphertext[:-1] + bytes([stanza.ciphertext[-1] ^ 1]))]

    scene.lie_to("ben", about_the_first(Deliver, change))
    ben = scene.phones["ben"]
    await scene.says("ann", BEN, "transfer 10")
    assert [entry.kind for entry in ben.history()] == [EntryKind.TEXT, EntryKind.UNDECRYPTABLE]
    await trio.sleep(60)
    assert texts(ben) == ["before", "transfer 10"]


async def test_a_message_that_is_told_twice_is_shown_once(autojump_clock: MockClock, scene: Scene) -> None:
    def repeat(stanza: Stanza) -> list[Stanza]:
        assert isinstance(stanza, Deliver)
        return [stanza, replace(stanza, seq=Seq(stanza.seq + 1), number=MessageNumber(stanza.number + 1))]

    scene.lie_to("ben", about_the_first(Deliver, repeat))
    await scene.says("ann", BEN, "once")
    await trio.sleep(60)
    assert texts(scene.phones["ben"]) == ["once"]


async def test_a_message_is_never_taken_for_somebody_elses(autojump_clock: MockClock, scene: Scene) -> None:
    for writer in ("ann", "cleo"):
        await scene.says(writer, BEN, f"I am {writer}")

    def attribute_to_cleo(stanza: Stanza) -> list[Stanza]:
        assert isinstance(stanza, Deliver)
        return [replace(stanza, chat=scene.address("cleo"))]

    scene.lie_to("ben", about_the_first(Deliver, attribute_to_cleo))
    scene.phones["ann"].send_text(BEN, "I hate you")
    await trio.sleep(60)
    from_cleo = [entry for entry in scene.phones["ben"].history(CLEO) if not entry.outgoing]
    assert [entry.text for entry in from_cleo if entry.kind is EntryKind.TEXT] == ["I am cleo"]


async def test_a_relay_that_holds_a_message_back_achieves_another_order(
    autojump_clock: MockClock, scene: Scene
) -> None:
    await scene.says("ann", BEN, "before")
    held: list[Deliver] = []

    def swap(stanza: Stanza) -> list[Stanza]:
        if not isinstance(stanza, Deliver):
            return [stanza]
        if not held:
            held.append(stanza)
            return []
        first = held.pop()
        scene.liar.be_honest()
        return [
            replace(stanza, seq=first.seq, number=first.number),
            replace(first, seq=stanza.seq, number=stanza.number),
        ]

    scene.lie_to("ben", swap)
    for text in ("one", "two"):
        scene.phones["ann"].send_text(BEN, text)
    await trio.sleep(60)
    assert texts(scene.phones["ben"]) == ["before", "two", "one"]


async def test_false_ticks_achieve_that_a_sender_believes_them(
    autojump_clock: MockClock, scene: Scene
) -> None:
    ann = scene.phones["ann"]

    def invent(stanza: Stanza) -> list[Stanza]:
        assert isinstance(stanza, Accepted)
        return [stanza, Delivered(stanza.chat, stanza.number)]

    scene.lie_to("ben", lambda stanza: [] if isinstance(stanza, Deliver) else [stanza])
    scene.lie_to("ann", about_the_first(Accepted, invent))
    message = ann.send_text(BEN, "never arrives")
    await comes_to(ann, message, MessageState.DELIVERED)
    assert texts(scene.phones["ben"]) == []


# --- Keys ---


async def test_another_key_of_a_device_that_is_known_is_refused(
    autojump_clock: MockClock, scene: Scene
) -> None:
    await scene.says("ann", BEN, "hello")

    def lie(stanza: Stanza) -> list[Stanza]:
        if isinstance(stanza, Accepted):  # the devices are others now, says the relay: ask for their keys
            scene.liar.lie_to(scene.village.keys["ann"], keys_of_the_relay)
            return [Refused(stanza.chat, stanza.number, ErrorCode.STALE_DEVICES, (1,))]
        return [stanza]

    def keys_of_the_relay(stanza: Stanza) -> list[Stanza]:
        return [impostors(stanza, b"i" * 32) if isinstance(stanza, Bundles) else stanza]

    scene.lie_to("ann", lie)
    message = scene.phones["ann"].send_text(BEN, "a secret")
    assert await ends(scene.phones["ann"], message) == "untrusted-identity"


async def test_keys_of_the_relay_for_somebody_never_met_show_in_the_security_code(
    autojump_clock: MockClock, scene: Scene
) -> None:
    def lie(stanza: Stanza) -> list[Stanza]:
        return [impostors(stanza, b"i" * 32) if isinstance(stanza, Bundles) else stanza]

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
