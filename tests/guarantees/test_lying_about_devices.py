"""What a relay that lies about a person's devices achieves: whole phones at a node whose words pass a liar.

Every case by itself is in tests/client/test_peer_devices.py; docs/security.md lists what is not found.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from trio.testing import MockClock

from client import MessageState
from client.wire_keys import signed_prekey_to_wire
from protocol import Bundles, DeviceBundle, Stanza
from protocol.e2e import IdentityKeyPair
from protocol.e2e import Prekey as PrekeyPair
from protocol.ids import DeviceId
from tests.helpers.companions import link
from tests.helpers.lying_relay import Liar, Lie, liar_at_the_relay
from tests.helpers.village import Village, comes_to, ends, open_village

ANN, BEN = "+491713920001", "+491713920002"


@pytest.fixture
def liar(monkeypatch: pytest.MonkeyPatch) -> Iterator[Liar]:
    with liar_at_the_relay(monkeypatch) as liar:
        yield liar


@pytest.fixture
async def village(autojump_clock: MockClock, tmp_path: Path, liar: Liar) -> AsyncIterator[Village]:
    """Ann has a phone, Ben has a phone and a pad; she has written to him."""
    async with open_village(tmp_path) as village:
        await village.register("ann", ANN)
        await village.register("ben", BEN)
        await link(village, "pad", "ben")
        async with village.open("ann") as ann, village.open("ben"):
            await comes_to(ann, ann.send_text(BEN, "hello"), MessageState.DELIVERED)
        yield village


def of_bundles(change: Callable[[Bundles], Bundles]) -> Lie:
    """Tell something else about devices, and the truth about the rest."""

    def tell(stanza: Stanza) -> Sequence[Stanza]:
        return [change(stanza) if isinstance(stanza, Bundles) else stanza]

    return tell


def with_one_more(bundles: Bundles) -> Bundles:
    """A device of the relay's own among them."""
    identity = IdentityKeyPair.from_seed(b"the relay's own device..........")
    signed = signed_prekey_to_wire(PrekeyPair.from_private(1, b"k" * 32).signed_by(identity))
    return replace(
        bundles, devices=(*bundles.devices, DeviceBundle(DeviceId(9), identity.public, *signed, None))
    )


@pytest.mark.parametrize(
    "lie",
    [
        with_one_more,
        lambda bundles: replace(with_one_more(bundles), device_list=None),
        lambda bundles: replace(bundles, device_list=None),
        lambda bundles: replace(bundles, devices=bundles.devices[1:]),
    ],
    ids=["a-device-added", "and-no-list", "the-list-held-back", "the-primary-left-out"],
)
async def test_nothing_is_encrypted_when_the_relay_lies_about_devices(
    autojump_clock: MockClock, village: Village, liar: Liar, lie: Callable[[Bundles], Bundles]
) -> None:
    await link(village, "new", "ben")  # so that Ann has to ask again
    liar.lie_to(village.keys["ann"], of_bundles(lie))
    async with village.open("ann") as ann:
        assert await ends(ann, ann.send_text(BEN, "for Ben alone")) == "untrusted-devices"
        liar.be_honest()
        async with village.open("ben"):
            await comes_to(ann, ann.send_text(BEN, "for Ben alone"), MessageState.DELIVERED)


async def test_an_old_list_is_refused_by_whoever_has_seen_a_newer_one(
    autojump_clock: MockClock, village: Village, liar: Liar
) -> None:
    seen: list[Bundles] = []

    def remember(bundles: Bundles) -> Bundles:
        seen.append(bundles)
        return bundles

    def play_again(bundles: Bundles) -> Bundles:
        return replace(seen[0], request=bundles.request)

    async with village.open("ann") as ann, village.open("ben"):
        await link(village, "third", "ben")
        liar.lie_to(village.keys["ann"], of_bundles(remember))
        await comes_to(ann, ann.send_text(BEN, "to three devices"), MessageState.DELIVERED)
        await link(village, "fourth", "ben")
        await comes_to(ann, ann.send_text(BEN, "to four devices"), MessageState.DELIVERED)
        await link(village, "fifth", "ben")
        liar.lie_to(village.keys["ann"], of_bundles(play_again))
        assert await ends(ann, ann.send_text(BEN, "as of old")) == "untrusted-devices"
