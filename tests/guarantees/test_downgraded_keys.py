"""A relay that wants first messages to be weaker: it takes KEM prekeys out of bundles, or puts its own in.

The relay is real and its words pass a liar (tests/helpers/lying_relay.py). docs/security.md, "No silent
downgrade". What needs an old bundle of a device that has changed since is played in
tests/client/test_sessions.py.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest
from trio.testing import MockClock

from protocol import Bundles, DeviceBundle, KemPrekey, Stanza
from protocol.e2e import IdentityKeyPair
from protocol.e2e import KemPrekey as KemPrekeyPair
from tests.helpers.scene import BEN, CLEO, Scene
from tests.helpers.village import ends

RELAYS_SEED = b"\x66" * 32


def in_each_bundle(change: Callable[[DeviceBundle], DeviceBundle]) -> Callable[[Stanza], list[Stanza]]:
    """A lie about every bundle that is handed out."""

    def tell(stanza: Stanza) -> list[Stanza]:
        if not isinstance(stanza, Bundles):
            return [stanza]
        return [replace(stanza, devices=tuple(change(each) for each in stanza.devices))]

    return tell


def of_the_relay(bundle: DeviceBundle) -> DeviceBundle:
    """With a KEM prekey whose private half the relay has, signed by the only key that it has."""
    pair = KemPrekeyPair.from_seed(1, RELAYS_SEED * 2).signed_by(IdentityKeyPair.from_seed(RELAYS_SEED))
    return bundle._replace(kem_prekey=KemPrekey(pair.id, pair.key, pair.signature))


def with_its_key_under_an_honest_signature(bundle: DeviceBundle) -> DeviceBundle:
    """With the relay's KEM key, and the signature of the one that the device has made."""
    assert bundle.kem_prekey is not None
    relays = of_the_relay(bundle).kem_prekey
    assert relays is not None
    return bundle._replace(kem_prekey=bundle.kem_prekey._replace(key=relays.key))


async def failure(scene: Scene, lie: Callable[[DeviceBundle], DeviceBundle]) -> str | None:
    """Why Ann's first message to Ben does not go out while the relay lies so."""
    scene.lie_to("ann", in_each_bundle(lie))
    ann = scene.phones["ann"]
    message = ann.send_text(BEN, "for your eyes only")
    error_name = await ends(ann, message)
    assert scene.liar.deliveries_to(scene.village.keys["ben"]) == []
    return error_name


async def test_every_bundle_has_a_kem_prekey_and_first_messages_are_of_pqxdh(
    autojump_clock: MockClock, scene: Scene
) -> None:
    await scene.says("ann", BEN, "hello")
    (first,) = scene.liar.deliveries_to(scene.village.keys["ben"])
    assert first.ciphertext[0] == 0x22


async def test_a_kem_prekey_that_is_taken_out_is_missed(autojump_clock: MockClock, scene: Scene) -> None:
    assert await failure(scene, lambda bundle: bundle._replace(kem_prekey=None)) == "downgraded-keys"


@pytest.mark.parametrize("lie", [of_the_relay, with_its_key_under_an_honest_signature])
async def test_a_kem_prekey_of_the_relays_own_is_refused(
    autojump_clock: MockClock, scene: Scene, lie: Callable[[DeviceBundle], DeviceBundle]
) -> None:
    assert await failure(scene, lie) == "bad-keys"


async def test_somebody_elses_kem_prekey_is_refused(autojump_clock: MockClock, scene: Scene) -> None:
    await scene.says("ann", CLEO, "hello")
    given = [bundle for _, said in scene.liar.heard if isinstance(said, Bundles) for bundle in said.devices]
    assert await failure(scene, lambda bundle: bundle._replace(kem_prekey=given[0].kem_prekey)) == "bad-keys"


async def test_the_last_resort_alone_costs_nothing_but_the_one_time_prekeys(
    autojump_clock: MockClock, scene: Scene
) -> None:
    seen: dict[int, None] = {}

    def always_the_same(bundle: DeviceBundle) -> DeviceBundle:
        assert bundle.kem_prekey is not None
        seen.setdefault(bundle.kem_prekey.id)
        return bundle._replace(one_time_prekey=None)

    scene.lie_to("ann", in_each_bundle(always_the_same))
    await scene.says("ann", BEN, "hello")
    assert len(seen) == 1
