import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from doubleratchet.aead import AuthenticationFailedException
from hypothesis import given
from hypothesis import strategies as st

from protocol.e2e.aead import MAC_BYTES, MESSAGE_KEY_INFO, MessageAead
from protocol.e2e.coroutines import finish

KEY = bytes(range(32))


def seal(plaintext: bytes, associated_data: bytes = b"ad", key: bytes = KEY) -> bytes:
    return finish(MessageAead.encrypt(plaintext, key, associated_data))


def unseal(sealed: bytes, associated_data: bytes = b"ad", key: bytes = KEY) -> bytes:
    return finish(MessageAead.decrypt(sealed, key, associated_data))


def hkdf_by_hand(key: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 in four lines, so that the format does not rest on one library."""
    pseudorandom_key = hmac.digest(bytes(32), key, "sha256")
    output = block = b""
    for counter in range(1, 1 + -(-length // 32)):
        block = hmac.digest(pseudorandom_key, block + info + bytes([counter]), "sha256")
        output += block
    return output[:length]


@given(st.binary(max_size=300), st.binary(max_size=50))
def test_what_is_sealed_opens_again(plaintext: bytes, associated_data: bytes) -> None:
    assert unseal(seal(plaintext, associated_data), associated_data) == plaintext


def test_the_construction_is_the_documented_one() -> None:
    material = hkdf_by_hand(KEY, MESSAGE_KEY_INFO, 80)
    encryptor = Cipher(AES(material[:32]), CTR(material[64:])).encryptor()
    ciphertext = encryptor.update(b"hello") + encryptor.finalize()
    mac = hmac.new(material[32:64], (2).to_bytes(4, "big") + b"ad" + ciphertext, hashlib.sha256)
    assert seal(b"hello") == ciphertext + mac.digest()[:8]


def test_sealing_adds_eight_bytes() -> None:
    assert len(seal(b"hello")) == 5 + MAC_BYTES == 13


@given(st.data())
def test_no_changed_bit_opens(data: st.DataObject) -> None:
    sealed = bytearray(seal(b"some words"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(AuthenticationFailedException):
        unseal(bytes(sealed))


@pytest.mark.parametrize("size", range(13))
def test_nothing_cut_short_opens(size: int) -> None:
    with pytest.raises(AuthenticationFailedException):
        unseal(seal(b"hello")[:size])


def test_other_associated_data_does_not_open() -> None:
    for associated_data in (b"", b"a", b"da", b"ad\x00"):
        with pytest.raises(AuthenticationFailedException):
            unseal(seal(b"hello"), associated_data)


def test_bytes_cannot_move_between_associated_data_and_ciphertext() -> None:
    sealed = seal(b"hello", b"ad")
    with pytest.raises(AuthenticationFailedException):
        unseal(sealed[1:], b"ad" + sealed[:1])


def test_another_key_does_not_open() -> None:
    with pytest.raises(AuthenticationFailedException):
        unseal(seal(b"hello"), key=bytes(32))
