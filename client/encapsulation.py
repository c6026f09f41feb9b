"""The port through which ML-KEM's own randomness comes in: nothing else in the house draws any for itself.

``cryptography`` lets keys be made from injected bytes, but draws a sender's randomness inside OpenSSL. A
simulation that must replay from its seed hands ``Store.open`` another function of the same shape.
"""

from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey

from protocol.e2e import BadBundleError, Encapsulate


def _encapsulate(key: bytes) -> tuple[bytes, bytes]:
    try:
        return MLKEM768PublicKey.from_public_bytes(key).encapsulate()
    except ValueError:
        raise BadBundleError("the KEM prekey is no ML-KEM-768 key") from None


system_encapsulate: Encapsulate = _encapsulate
"""Encapsulation by OpenSSL, with its randomness."""
