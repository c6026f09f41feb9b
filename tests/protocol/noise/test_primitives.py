"""The primitives: names, keys, Diffie-Hellman's bad points, HKDF against RFC 5869."""

import pytest

from protocol.errors import InvalidKeyError, UnsupportedNoiseError
from protocol.noise.primitives import CIPHERS, DH_FUNCTIONS, HASHES, KeyPair, find_suite

# Points whose product with any scalar is zero: 0, 1, p-1, p, p+1 (RFC 7748 and cr.yp.to/ecdh.html).
P = 2**255 - 19
SMALL_ORDER = [0, 1, P - 1, P, P + 1]


def test_a_suite_is_found_by_its_three_names() -> None:
    assert find_suite("25519", "AESGCM", "SHA256") == (
        DH_FUNCTIONS["25519"],
        CIPHERS["AESGCM"],
        HASHES["SHA256"],
    )


@pytest.mark.parametrize(
    "names", [("448", "AESGCM", "SHA256"), ("25519", "ChaChaPoly", "SHA256"), ("25519", "AESGCM", "BLAKE2s")]
)
def test_a_primitive_that_is_not_in_the_table_is_named(names: tuple[str, str, str]) -> None:
    with pytest.raises(UnsupportedNoiseError, match=r"448|ChaChaPoly|BLAKE2s"):
        find_suite(*names)


def test_two_pairs_agree_on_a_secret() -> None:
    one, two = KeyPair.from_private_bytes(bytes(range(32))), KeyPair.from_private_bytes(bytes(range(1, 33)))
    exchange = DH_FUNCTIONS["25519"].exchange
    assert exchange(one, two.public) == exchange(two, one.public)


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_an_all_zero_secret_is_refused(point: int) -> None:
    pair = KeyPair.from_private_bytes(bytes(range(32)))
    with pytest.raises(InvalidKeyError, match="small order"):
        DH_FUNCTIONS["25519"].exchange(pair, point.to_bytes(32, "little"))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_keys_of_another_length_are_refused(size: int) -> None:
    with pytest.raises(InvalidKeyError):
        KeyPair.from_private_bytes(bytes(size))
    with pytest.raises(InvalidKeyError):
        DH_FUNCTIONS["25519"].exchange(KeyPair.from_private_bytes(bytes(32)), bytes(size))


def test_a_new_pair_is_made_of_the_entropy_that_is_given() -> None:
    drawn: list[int] = []

    def entropy(size: int) -> bytes:
        drawn.append(size)
        return bytes(range(size))

    assert KeyPair.generate(entropy).public == KeyPair.from_private_bytes(bytes(range(32))).public
    assert drawn == [32]


def test_repr_does_not_show_the_private_key() -> None:
    assert "private" not in repr(KeyPair.from_private_bytes(bytes(range(32))))


def test_hkdf_is_rfc_5869_with_an_empty_info() -> None:
    # RFC 5869, A.3: empty salt and info. Noise's chaining key is the salt.
    first, second = HASHES["SHA256"].hkdf(b"", b"\x0b" * 22)
    wanted = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    assert (first + second).hex().startswith(wanted)


def test_the_nonce_is_32_bits_of_zeros_and_the_number_big_endian() -> None:
    assert CIPHERS["AESGCM"].nonce(0x0102030405060708) == bytes(4) + bytes(range(1, 9))
