"""The bundle: what one needs to write to a device that is not there, the keys that it has published.

There are two versions. With a KEM prekey, the agreement is PQXDH; without, X3DH, as before there were KEM
prekeys. Which of them a device does is in the signature of its signed prekey, so a relay cannot make one of
the other: it is refused, and by name. What a signature cannot tell is that a bundle is old; whoever has seen
a device do PQXDH remembers that (``client/send_queue.py``).
"""

from dataclasses import dataclass

from protocol.e2e.errors import BadBundleError, DowngradedBundleError
from protocol.e2e.kem import PublicKemPrekey, verify_kem_prekey
from protocol.e2e.keys import (
    KEY_BYTES,
    MAX_PREKEY_ID,
    PublicPrekey,
    PublicSignedPrekey,
    verify_signed_prekey,
)


@dataclass(frozen=True, slots=True)
class Bundle:
    """The published keys of one device."""

    identity_key: bytes
    signed_prekey: PublicSignedPrekey
    prekey: PublicPrekey | None
    """A one-time prekey that the relay hands out to nobody else, or None when they have run out."""
    kem_prekey: PublicKemPrekey | None = None
    """A one-time one, or the last resort. None: the device does not do PQXDH, and its signature says so."""

    @property
    def is_post_quantum(self) -> bool:
        """Whether an agreement with it is PQXDH."""
        return self.kem_prekey is not None

    def verify(self) -> None:
        """Check lengths, numbers and signatures.

        Raises:
            BadBundleError: a key is no key, or the identity did not sign it.
            DowngradedBundleError: the identity says that there is a KEM prekey, and it is not there.
        """
        prekeys: list[PublicPrekey | PublicSignedPrekey] = [self.signed_prekey]
        if self.prekey is not None:
            prekeys.append(self.prekey)
        if any(len(key) != KEY_BYTES for key in [self.identity_key, *(prekey.key for prekey in prekeys)]):
            raise BadBundleError("a key in the bundle is not 32 bytes long")
        if any(not 1 <= prekey.id <= MAX_PREKEY_ID for prekey in prekeys):
            raise BadBundleError("a prekey number in the bundle is out of range")
        try:
            verify_signed_prekey(self.identity_key, self.signed_prekey, post_quantum=self.is_post_quantum)
        except BadBundleError:
            self._find_downgrade()
            raise
        if self.kem_prekey is not None:
            verify_kem_prekey(self.identity_key, self.kem_prekey)

    def _find_downgrade(self) -> None:
        """Say of a bundle that does not verify whether it would if it had the KEM prekey it should have."""
        if self.is_post_quantum:
            return
        try:
            verify_signed_prekey(self.identity_key, self.signed_prekey, post_quantum=True)
        except BadBundleError:
            return
        raise DowngradedBundleError("the device signs that it has a KEM prekey, and the relay gave none")
