"""The 60 digits that two people compare to know that nobody is in between.

Thirty digits a person: SHA-512, iterated 5,200 times over version, identity key and user id, of which 30
bytes become six groups of five digits; the smaller half first, so both see the same. This is Signal's
"numeric fingerprint" (and WhatsApp's security code) with our encodings.

The iterations make it dear to search for a key whose digits resemble somebody else's. They cost about 10 ms.
"""

import hashlib

from protocol.e2e.keys import IDENTITY_KEY_CONTEXT
from protocol.ids import UserId, address_to_bytes

ITERATIONS = 5_200
VERSION = b"\x00\x00"


def safety_number(own: tuple[UserId, bytes], theirs: tuple[UserId, bytes]) -> str:
    """The number for two people, each a user id and an identity key; the order does not matter."""
    return "".join(sorted([_half(*own), _half(*theirs)]))


def grouped(number: str) -> str:
    """The number as it is shown: three lines of four groups of five digits."""
    groups = [number[start : start + 5] for start in range(0, len(number), 5)]
    return "\n".join(" ".join(groups[start : start + 4]) for start in range(0, len(groups), 4))


def _half(user: UserId, identity_key: bytes) -> str:
    key = IDENTITY_KEY_CONTEXT + identity_key
    digest = VERSION + key + address_to_bytes(user)
    for _ in range(ITERATIONS):
        digest = hashlib.sha512(digest + key).digest()
    chunks = (digest[start : start + 5] for start in range(0, 30, 5))
    return "".join(f"{int.from_bytes(chunk, 'big') % 100_000:05d}" for chunk in chunks)
