"""What can be thrown at a connection that is no sentence of the protocol, by the state it is thrown in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from typing import Final

import trio

from faults.real.intruder import PING, WELCOME, Intruder, first_words, new_keys
from protocol import KeyPair
from protocol.frames import encode_frame
from protocol.limits import MAX_CBOR_DEPTH, MAX_FRAME_BYTES, MAX_PLAINTEXT_BYTES, MAX_STANZAS_PER_FRAME
from protocol.preamble import HandshakePattern, encode_preamble

PATIENCE_SECONDS: Final = 0.5
"""Some garbage is the beginning of something that may still come: then the relay waits, and rightly."""

UNANSWERED: Final = "the relay waits for more"

_XX: Final = encode_preamble(HandshakePattern.XX)
_IK: Final = encode_preamble(HandshakePattern.IK)
_TOO_LONG: Final = (MAX_FRAME_BYTES + 1).to_bytes(3)
_KEY_BYTES: Final = 32

BeforeHandshake = Callable[[Random], bytes]
AfterHandshake = Callable[[Intruder, Random], Awaitable[None]]

# ---- instead of a handshake ----

OPENINGS: Final[dict[str, BeforeHandshake]] = {
    "random bytes": lambda random: random.randbytes(random.randint(4, 4_096)),
    "an HTTP request": lambda _: b"GET / HTTP/1.1\r\nHost: relay\r\n\r\n",
    "a TLS hello": lambda random: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + random.randbytes(500),
    "another version": lambda random: b"RO" + bytes((random.randint(2, 255), 0)),
    "another pattern": lambda random: b"RO\x01" + bytes((random.randint(2, 255),)),
    "an oversize frame": lambda random: random.choice((_XX, _IK)) + _TOO_LONG,
    "an empty frame": lambda random: random.choice((_XX, _IK)) + encode_frame(b""),
    "a random message for XX": lambda random: _XX + encode_frame(random.randbytes(random.randint(1, 500))),
    "a random message for IK": lambda random: _IK + encode_frame(random.randbytes(random.randint(1, 500))),
    "a key of zeros for XX": lambda _: _XX + encode_frame(bytes(_KEY_BYTES)),
    "a key of zeros for IK": lambda random: _IK + encode_frame(bytes(_KEY_BYTES) + random.randbytes(80)),
    "a huge message for IK": lambda random: _IK + encode_frame(random.randbytes(MAX_FRAME_BYTES)),
    "a random third message for XX": lambda random: (
        first_words(new_keys(), None, b"")[0] + encode_frame(random.randbytes(random.randint(1, 2_000)))
    ),
}


# ---- after it ----


async def _random_frame(intruder: Intruder, random: Random) -> None:
    await intruder.throw_frame(random.randbytes(random.randint(0, 2_000)))


async def _huge_random_frame(intruder: Intruder, random: Random) -> None:
    await intruder.throw_frame(random.randbytes(MAX_FRAME_BYTES))


async def _oversize_frame(intruder: Intruder, _random: Random) -> None:
    await intruder.throw(_TOO_LONG)


async def _random_inside(intruder: Intruder, random: Random) -> None:
    await intruder.throw(intruder.sealed(b"\x82" + random.randbytes(random.randint(1, 2_000))))


async def _huge_inside(intruder: Intruder, random: Random) -> None:
    await intruder.throw(intruder.sealed(b"\xc2" + random.randbytes(MAX_PLAINTEXT_BYTES - 1)))


async def _too_deep(intruder: Intruder, _random: Random) -> None:
    await intruder.throw(intruder.sealed(b"\x81" * (MAX_CBOR_DEPTH + 1) + b"\x00"))


async def _far_too_deep(intruder: Intruder, _random: Random) -> None:
    await intruder.throw(intruder.sealed(b"\x81" * (MAX_PLAINTEXT_BYTES - 1) + b"\x00"))


async def _too_many_stanzas(intruder: Intruder, _random: Random) -> None:
    await intruder.say(*[PING] * (MAX_STANZAS_PER_FRAME + 1))


async def _announced_array(intruder: Intruder, _random: Random) -> None:
    """An array that says it has 2^62 items: nobody may make room for them."""
    await intruder.throw(intruder.sealed(b"\x9b\x40" + bytes(7) + b"\x00"))


async def _announced_bytes(intruder: Intruder, _random: Random) -> None:
    await intruder.throw(intruder.sealed(b"\x82\x08\x5b\x40" + bytes(7)))


async def _tag(intruder: Intruder, random: Random) -> None:
    """A bignum with a thousand digits; shared references; a date."""
    bodies = (b"\xc2\x59\x03\xe8" + b"\xff" * 1_000, b"\xd8\x1c\x81\xd8\x1d\x00", b"\xc0\x61\x78")
    await intruder.throw(intruder.sealed(b"\x82\x00" + random.choice(bodies)))


async def _same_frame_twice(intruder: Intruder, _random: Random) -> None:
    frame = intruder.sealed(bytes((PING,)))
    await intruder.throw(frame + frame)


async def _frames_in_another_order(intruder: Intruder, _random: Random) -> None:
    first, second = intruder.sealed(bytes((PING,))), intruder.sealed(bytes((PING,)))
    await intruder.throw(second + first)


async def _frame_left_out(intruder: Intruder, _random: Random) -> None:
    intruder.sealed(bytes((PING,)))
    await intruder.throw(intruder.sealed(bytes((PING,))))


async def _changed_frame(intruder: Intruder, random: Random) -> None:
    frame = bytearray(intruder.sealed(bytes((PING,))))
    frame[random.randrange(3, len(frame))] ^= 1 << random.randrange(8)
    await intruder.throw(bytes(frame))


async def _handshake_again(intruder: Intruder, _random: Random) -> None:
    await intruder.throw(first_words(new_keys(), None, b"")[0])


INSIDES: Final[dict[str, AfterHandshake]] = {
    "a random frame": _random_frame,
    "a huge random frame": _huge_random_frame,
    "an oversize frame": _oversize_frame,
    "a sealed frame with random inside": _random_inside,
    "a huge sealed frame with random inside": _huge_inside,
    "arrays nested too deep": _too_deep,
    "arrays nested to the end of the frame": _far_too_deep,
    "too many stanzas": _too_many_stanzas,
    "an array that announces 2^62 items": _announced_array,
    "a byte string that announces 2^62 bytes": _announced_bytes,
    "a tag": _tag,
    "the same frame twice": _same_frame_twice,
    "frames in another order": _frames_in_another_order,
    "a frame left out": _frame_left_out,
    "a changed frame": _changed_frame,
    "another handshake": _handshake_again,
}


async def throw_garbage(intruder: Intruder, keys: KeyPair, relay_key: bytes, random: Random) -> str:
    """Throw one thing, before the handshake or after it, and say how the relay ended it.

    Raises:
        Ended: likewise, while it was thrown.
    """
    if random.random() < 0.5:
        await intruder.throw(OPENINGS[random.choice(list(OPENINGS))](random))
    else:
        await intruder.shake_hands(random.choice((keys, new_keys())), random.choice((relay_key, None)))
        await intruder.say(PING)
        await intruder.hear_first(WELCOME)
        await INSIDES[random.choice(list(INSIDES))](intruder, random)
    return await how_it_ended(intruder)


async def how_it_ended(intruder: Intruder) -> str:
    """What the relay made of it: the code of its alert or Error, mostly."""
    with trio.move_on_after(PATIENCE_SECONDS):
        return str(await intruder.end())
    return UNANSWERED
