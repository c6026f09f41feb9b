"""The hash of PINs: slow, salted, keyed, and out of the loop's way."""

import pytest

from relay.pin_hash import DIGEST_BYTES, hash_pin

SALT, SECRET = b"s" * 16, b"k" * 32


async def test_the_same_pin_salt_and_secret_give_the_same_hash() -> None:
    digest = await hash_pin("123456", SALT, SECRET)
    assert digest == await hash_pin("123456", SALT, SECRET)
    assert len(digest) == DIGEST_BYTES


@pytest.mark.parametrize(
    ("pin", "salt", "secret"),
    [("123457", SALT, SECRET), ("123456", b"t" * 16, SECRET), ("123456", SALT, b"l" * 32)],
)
async def test_each_of_the_three_matters(pin: str, salt: bytes, secret: bytes) -> None:
    assert await hash_pin(pin, salt, secret) != await hash_pin("123456", SALT, SECRET)
