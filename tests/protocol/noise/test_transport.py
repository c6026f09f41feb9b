"""Transport: two directions, one order each, limits, one-way patterns."""

import pytest

from protocol.errors import DecryptionError, NoiseStateError
from protocol.limits import MAX_PLAINTEXT_BYTES
from protocol.noise import Transport
from protocol.noise.cipher_state import CipherState
from protocol.noise.primitives import CIPHERS


def cipher(byte: int) -> CipherState:
    return CipherState(CIPHERS["AESGCM"], bytes([byte]) * 32)


def pair() -> tuple[Transport, Transport]:
    return (
        Transport(cipher(1), cipher(2), b"hash", b"responder's key"),
        Transport(cipher(2), cipher(1), b"hash", b"initiator's key"),
    )


def test_the_two_directions_are_independent() -> None:
    one, two = pair()
    there, back = one.encrypt(b"there"), two.encrypt(b"back")
    assert one.decrypt(back) == b"back"
    assert two.decrypt(there) == b"there"


def test_what_we_said_ourselves_does_not_decrypt() -> None:
    one, _ = pair()
    with pytest.raises(DecryptionError):
        one.decrypt(one.encrypt(b"echo"))


def test_the_longest_plaintext_fits_and_one_byte_more_does_not() -> None:
    one, two = pair()
    assert two.decrypt(one.encrypt(bytes(MAX_PLAINTEXT_BYTES))) == bytes(MAX_PLAINTEXT_BYTES)
    with pytest.raises(NoiseStateError, match="does not fit"):
        one.encrypt(bytes(MAX_PLAINTEXT_BYTES + 1))


def test_a_one_way_side_only_speaks_or_only_listens() -> None:
    speaker, listener = Transport(cipher(1), None, b"", None), Transport(None, cipher(1), b"", None)
    assert listener.decrypt(speaker.encrypt(b"there")) == b"there"
    with pytest.raises(NoiseStateError):
        speaker.decrypt(bytes(16))
    with pytest.raises(NoiseStateError):
        listener.encrypt(b"")


def test_rekey_is_for_one_direction() -> None:
    one, two = pair()
    one.rekey_sending()
    two.rekey_receiving()
    assert two.decrypt(one.encrypt(b"new key")) == b"new key"
    assert one.decrypt(two.encrypt(b"old key")) == b"old key"


def test_a_rested_transport_goes_on_where_it_was() -> None:
    one, two = pair()
    two.decrypt(one.encrypt(b"before"))
    one.rest()
    two.rest()
    assert two.decrypt(one.encrypt(b"after")) == b"after"
