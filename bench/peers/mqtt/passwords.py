"""Password files that mosquitto reads, made in bulk.

`mosquitto_passwd` takes one password at a time. What it writes is known, though: PBKDF2 with HMAC-SHA512 and,
in mosquitto 2.0, 101 iterations. We write the same, so that a login costs the broker what it costs everybody.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterable
from typing import Final

ITERATIONS: Final = 101
"""What mosquitto_passwd 2.0 takes if nobody says otherwise."""

_SALT_BYTES: Final = 12
_KIND: Final = 7  # PBKDF2 with HMAC-SHA512, in mosquitto's counting


def password_file(credentials: Iterable[tuple[str, str]]) -> str:
    """The file's text for (user, password) pairs; 20,000 of them take some two seconds."""
    return "".join(f"{user}:{hashed(password, os.urandom(_SALT_BYTES))}\n" for user, password in credentials)


def hashed(password: str, salt: bytes) -> str:
    """A password as the file has it: `$7$iterations$salt$hash`."""
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return f"${_KIND}${ITERATIONS}${_base64(salt)}${_base64(digest)}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
