import pytest

from client.encapsulation import system_encapsulate
from protocol.e2e import BadBundleError, KemPrekey
from protocol.limits import KEM_CIPHERTEXT_BYTES, KEM_KEY_BYTES
from tests.client.phones import seeded_entropy


def test_what_the_system_encapsulates_is_opened_with_the_private_key() -> None:
    prekey = KemPrekey.generate(1, seeded_entropy(1))
    secret, ciphertext = system_encapsulate(prekey.public)
    assert len(ciphertext) == KEM_CIPHERTEXT_BYTES
    assert prekey.decapsulate(ciphertext) == secret


def test_no_two_encapsulations_are_the_same() -> None:
    prekey = KemPrekey.generate(1, seeded_entropy(1))
    assert system_encapsulate(prekey.public)[0] != system_encapsulate(prekey.public)[0]


@pytest.mark.parametrize("key", [b"", bytes(KEM_KEY_BYTES - 1), b"\xff" * KEM_KEY_BYTES])
def test_what_is_no_key_is_a_bad_bundle(key: bytes) -> None:
    with pytest.raises(BadBundleError):
        system_encapsulate(key)
