"""Two devices for tests: Alice and Bob with their keys, their records and entropy from a seed."""

import random

from protocol.e2e import (
    Bundle,
    Encapsulate,
    Entropy,
    IdentityKeyPair,
    KemPrekey,
    Prekey,
    PrekeyGoneError,
    SessionRecord,
)
from protocol.e2e.agreement import PrivatePrekeys
from protocol.e2e.message import PrekeyMessage
from protocol.ids import DeviceAddress, DeviceId, UserId
from tests.helpers.deterministic_kem import encapsulate_with

ALICE = DeviceAddress(UserId(0xA11CE), DeviceId(1))
BOB = DeviceAddress(UserId(0xB0B), DeviceId(2))


def seeded_entropy(seed: int) -> Entropy:
    """The same random bytes in every run."""
    return random.Random(seed).randbytes


class Device:
    """One side: keys, prekeys, and the record of sessions with the other; with or without KEM prekeys."""

    def __init__(self, own: DeviceAddress, peer: DeviceAddress, seed: int, *, kem: bool = False) -> None:
        self.entropy = seeded_entropy(seed)
        self.encapsulate: Encapsulate = encapsulate_with(seeded_entropy(seed + 1_000))
        self.own = own
        self.peer = peer
        self.identity = IdentityKeyPair.generate(self.entropy)
        self.signed_prekey = Prekey.generate(1, self.entropy)
        self.prekeys = {number: Prekey.generate(number, self.entropy) for number in range(1, 30)}
        self.unpublished = iter(list(self.prekeys.values()))
        self.record = SessionRecord(own, peer, self.entropy)
        self.known_identity: bytes | None = None
        kem_entropy = seeded_entropy(seed + 2_000)
        self.kem_prekeys = {n: KemPrekey.generate(n, kem_entropy) for n in range(1, 4)} if kem else {}

    def bundle(self, *, one_time: bool = True, kem_id: int = 1) -> Bundle:
        prekey = next(self.unpublished).published() if one_time else None
        return Bundle(
            self.identity.public,
            self.signed_prekey.signed_by(self.identity, post_quantum=bool(self.kem_prekeys)),
            prekey,
            self.kem_prekeys[kem_id].signed_by(self.identity) if self.kem_prekeys else None,
        )

    def find_prekeys(self, signed_id: int, one_time_id: int | None, kem_id: int | None) -> PrivatePrekeys:
        if signed_id != self.signed_prekey.id or (one_time_id and one_time_id not in self.prekeys):
            raise PrekeyGoneError("gone")
        if kem_id and kem_id not in self.kem_prekeys:
            raise PrekeyGoneError("gone")
        return PrivatePrekeys(
            self.signed_prekey,
            self.prekeys[one_time_id] if one_time_id else None,
            self.kem_prekeys[kem_id] if kem_id else None,
            is_post_quantum=bool(self.kem_prekeys),
        )

    def initiate(self, other: "Device", *, one_time: bool = True) -> None:
        self.record.initiate(self.identity, other.bundle(one_time=one_time), self.encapsulate)

    def encrypt(self, text: str) -> bytes:
        return self.record.encrypt(text.encode())

    def open(self, ciphertext: bytes) -> tuple[str, PrekeyMessage | None]:
        """Decrypt, and do what the caller of a record has to do after a new session."""
        plaintext, first = self.record.decrypt(
            ciphertext, self.identity, self.known_identity, self.find_prekeys
        )
        if first is not None:
            self.known_identity = first.identity_key
            if first.prekey_id is not None:
                del self.prekeys[first.prekey_id]
        return plaintext.decode(), first

    def decrypt(self, ciphertext: bytes) -> str:
        return self.open(ciphertext)[0]

    def restart(self) -> None:
        """Through the stored form and back, as after each message in real life."""
        self.record = SessionRecord.deserialise(self.record.serialise(), self.own, self.peer, self.entropy)


def strangers(*, kem: bool = False) -> tuple[Device, Device]:
    """Alice and Bob before they have written."""
    return Device(ALICE, BOB, seed=1, kem=kem), Device(BOB, ALICE, seed=2, kem=kem)


def acquainted() -> tuple[Device, Device]:
    """Alice and Bob in a running session: Alice has written and Bob has answered."""
    alice, bob = strangers()
    alice.initiate(bob)
    bob.decrypt(alice.encrypt("hello"))
    alice.decrypt(bob.encrypt("hello yourself"))
    return alice, bob
