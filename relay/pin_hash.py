"""The hash of PINs: Argon2id (RFC 9106), in a thread, because it takes as long as a hundred requests.

The parameters are OWASP's smaller choice for Argon2id (19 MiB, two passes, one lane): some 50 ms and 19 MiB
for each guess. One PIN is hashed at a time in a worker (pin_guard.py), so that is all it can cost. Changing
them is a new version of the record (storage/pins.py).
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeAlias

import trio

HashPin: TypeAlias = Callable[[str, bytes, bytes], Awaitable[bytes]]

MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
SALT_BYTES = 16
DIGEST_BYTES = 32


async def hash_pin(pin: str, salt: bytes, secret: bytes) -> bytes:
    """What is kept of a PIN. Cancelled, the thread ends its work unheard.

    Args:
        pin: six digits.
        salt: random, one for each PIN.
        secret: the node's; without it nobody can try PINs out.
    """
    return await trio.to_thread.run_sync(partial(_hash, pin, salt, secret), abandon_on_cancel=True)


def _hash(pin: str, salt: bytes, secret: bytes) -> bytes:
    # Imported where it is used: a node may never see a PIN, and a worker must start fast.
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    # A key of its own: what is hashed with the code secret must never be of use against a PIN.
    pepper = hmac.digest(secret, b"roost pin", hashlib.sha256)
    argon = Argon2id(
        salt=salt,
        length=DIGEST_BYTES,
        iterations=PASSES,
        lanes=LANES,
        memory_cost=MEMORY_KIB,
        secret=pepper,
    )
    return argon.derive(pin.encode())
