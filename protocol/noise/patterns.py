"""The handshake patterns of Noise (revision 34, sections 7.4 and 7.5), as data, and protocol names.

Roost speaks XX and IK; the others are here so that every vector of the kind can test the engine. Modifiers
(psk, fallback) are not: nothing of ours needs them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import Final

from protocol.errors import UnsupportedNoiseError
from protocol.noise.primitives import Suite, find_suite


class Token(Enum):
    """One step of a handshake message."""

    E = auto()
    S = auto()
    EE = auto()
    ES = auto()
    SE = auto()
    SS = auto()


@dataclass(frozen=True, slots=True)
class Pattern:
    """A handshake pattern.

    Attributes:
        name: as in a protocol name, e.g. "XX".
        initiator_pre: whether the initiator's static key is known beforehand (`-> s` before `...`).
        responder_pre: whether the responder's is (`<- s` before `...`).
        messages: the tokens of each message; the initiator sends the first, then by turns.
    """

    name: str
    initiator_pre: bool
    responder_pre: bool
    messages: tuple[tuple[Token, ...], ...]

    @property
    def is_one_way(self) -> bool:
        """Whether only the initiator speaks, afterwards too."""
        return len(self.messages) == 1

    def sends_static(self, *, initiator: bool) -> bool:
        """Whether this side needs a static key of its own."""
        own = self.messages[0::2] if initiator else self.messages[1::2]
        return (self.initiator_pre if initiator else self.responder_pre) or any(Token.S in m for m in own)


def _pattern(name: str, messages: Sequence[str], pre: str = "") -> Pattern:
    tokens = tuple(tuple(Token[word.upper()] for word in message.split()) for message in messages)
    return Pattern(name, "i" in pre, "r" in pre, tokens)


# pre: i = the initiator's static key is known beforehand, r = the responder's.
PATTERNS: Final[dict[str, Pattern]] = {
    pattern.name: pattern
    for pattern in (
        _pattern("N", ["e es"], pre="r"),
        _pattern("K", ["e es ss"], pre="ir"),
        _pattern("X", ["e es s ss"], pre="r"),
        _pattern("NN", ["e", "e ee"]),
        _pattern("KN", ["e", "e ee se"], pre="i"),
        _pattern("NK", ["e es", "e ee"], pre="r"),
        _pattern("KK", ["e es ss", "e ee se"], pre="ir"),
        _pattern("NX", ["e", "e ee s es"]),
        _pattern("KX", ["e", "e ee se s es"], pre="i"),
        _pattern("XN", ["e", "e ee", "s se"]),
        _pattern("IN", ["e s", "e ee se"]),
        _pattern("XK", ["e es", "e ee", "s se"], pre="r"),
        _pattern("IK", ["e es s ss", "e ee se"], pre="r"),
        _pattern("XX", ["e", "e ee s es", "s se"]),
        _pattern("IX", ["e s", "e ee se s es"]),
    )
}


@lru_cache(maxsize=16)
def parse_protocol_name(name: str) -> tuple[Pattern, Suite]:
    """Take `Noise_XX_25519_AESGCM_SHA256` apart.

    Raises:
        UnsupportedNoiseError: not such a name, or a pattern or primitive that is not in the tables.
    """
    parts = name.split("_")
    if len(parts) != 5 or parts[0] != "Noise":
        raise UnsupportedNoiseError(f"{name!r} is no Noise protocol name")
    pattern = PATTERNS.get(parts[1])
    if pattern is None:
        raise UnsupportedNoiseError(f"no pattern named {parts[1]!r}")
    return pattern, find_suite(*parts[2:])
