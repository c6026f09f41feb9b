"""Registration codes that were sent out and not used yet.

    codes    E.164 text    -> CodeRecord

A code is one of a million, so a hash alone hides nothing: whoever has the file tries all of them in a second,
and in some minutes if the hash is a slow one. What protects it is the key of the hash, a secret of the node
that is not in this file (node.py): HMAC-SHA256 under it, with a salt, costs a microsecond and cannot be tried
out without it. What protects against guessing online is `guesses_left`.
Not here: how many guesses, how long it lasts, how often one may ask (relay).
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from storage.environment import Reader
from storage.records import cbor_codec
from storage.tables import CODES, Delete, Op

SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class CodeRecord:
    """A code on its way to a phone; times are unix seconds."""

    salt: bytes
    digest: bytes
    created_at: int
    expires_at: int
    guesses_left: int
    # Before this another code is refused, so that nobody can make us ring a stranger's phone all night.
    next_request_at: int
    # Codes sent in the present run of requests: each makes the next wait longer.
    requests: int = 1


CODE_CODEC = cbor_codec(
    CODES,
    1,
    lambda code: [
        code.salt,
        code.digest,
        code.created_at,
        code.expires_at,
        code.guesses_left,
        code.next_request_at,
        code.requests,
    ],
    CodeRecord,
)


def hash_code(secret: bytes, salt: bytes, phone: str, code: str) -> bytes:
    """What is stored of a code.

    The number is part of what is hashed: a digest that is copied to another row proves nothing.
    """
    # Every part but the last has a fixed length or ends in a byte that it cannot contain.
    return hmac.digest(secret, salt + phone.encode() + b"\0" + code.encode(), hashlib.sha256)


def code_matches(secret: bytes, record: CodeRecord, phone: str, code: str) -> bool:
    """Whether `code` is the one that was sent. Takes the same time for every wrong code."""
    return hmac.compare_digest(record.digest, hash_code(secret, record.salt, phone, code))


def load_code(reader: Reader, phone: str) -> CodeRecord | None:
    """The code that `phone` was sent last, used up or not, or None.

    Raises:
        CorruptRecordError: the row is damaged.
    """
    key = phone.encode()
    data = reader.get(CODES, key)
    return None if data is None else CODE_CODEC.unpack(key, data)


def put_code(phone: str, record: CodeRecord) -> list[Op]:
    """Store a new code, or one with a guess less."""
    return [CODE_CODEC.put(phone.encode(), record)]


def remove_code(phone: str) -> list[Op]:
    """Forget a code: it was used."""
    return [Delete(CODES, phone.encode())]


def codes_expired(reader: Reader, now: float, limit: int) -> list[str]:
    """Up to `limit` numbers whose code and waiting time have both passed: their rows say nothing any more.

    Raises:
        CorruptRecordError: a row is damaged.
    """
    phones: list[str] = []
    for key, data in reader.scan(CODES, b"\0", b"\xff"):
        record = CODE_CODEC.unpack(key, data)
        if len(phones) >= limit:
            break
        if record.expires_at <= now and record.next_request_at <= now:
            phones.append(key.decode())
    return phones
