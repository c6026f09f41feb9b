"""The address of a relay, with the key that proves it: ``roost://host:port#<base64url of 32 bytes>``.

The key is the relay's Noise static key. It stands in the URL so that the first contact is already
authenticated: whoever hands out the URL vouches for the relay, and nobody in between can take its place.
"""

import base64
import binascii
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from client.errors import RelayUrlError

KEY_BYTES = 32
DEFAULT_PORT = 5252
_EXAMPLE = "roost://127.0.0.1:5252#<key>, as `roost serve` prints it"


@dataclass(frozen=True, slots=True)
class RelayUrl:
    """Where a relay is, and the key it must hold."""

    host: str
    port: int
    key: bytes

    @property
    def place(self) -> str:
        """``host:port``, for people and logs."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"roost://{self.place}#{base64.urlsafe_b64encode(self.key).decode().rstrip('=')}"


def parse_relay_url(text: str) -> RelayUrl:
    """Take ``text`` apart; without a port it means the usual one, 5252.

    Raises:
        RelayUrlError: something is missing or wrong; the message says what.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise RelayUrlError("its host or port cannot be read; it looks like " + _EXAMPLE) from None
    _check_shape(parts)
    if port == 0:
        raise RelayUrlError("port 0 is no port to connect to")
    return RelayUrl(parts.hostname or "", port or DEFAULT_PORT, _key(parts.fragment))


def _check_shape(parts: SplitResult) -> None:
    if parts.scheme != "roost":
        raise RelayUrlError("it must start with roost://; it looks like " + _EXAMPLE)
    if not parts.hostname:
        raise RelayUrlError("the host is missing; it looks like " + _EXAMPLE)
    if parts.username is not None or parts.path not in ("", "/") or parts.query:
        raise RelayUrlError("nothing but host, port and key belongs into it; it looks like " + _EXAMPLE)


def _key(fragment: str) -> bytes:
    """The key behind the ``#``; padding may be there or not."""
    if not fragment:
        # A shell drops an unquoted "#key" only after a space, but people copy URLs up to the "#".
        raise RelayUrlError("the relay's key is missing: it follows the host and port, after a #")
    bare = fragment.rstrip("=")
    if not all(character.isascii() and (character.isalnum() or character in "-_") for character in bare):
        raise RelayUrlError("the relay's key has characters that are not base64url (A-Z a-z 0-9 - _)")
    try:
        key = base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except (binascii.Error, ValueError):
        raise RelayUrlError("the relay's key is cut off: it is 43 characters long") from None
    if len(key) != KEY_BYTES:
        raise RelayUrlError(
            f"the relay's key has {len(key)} bytes and should have {KEY_BYTES} (43 characters)"
        )
    return key
