"""The PINs that users have set as the second step of a registration, and how far guessing has come.

    pins    user    -> PinRecord

A PIN is one of a million, so it is hashed with a function that is slow and needs memory, under a key of the
node that is not in this file (as codes.py says of codes): whoever has the database alone cannot try at all,
and whoever has the key as well needs about a day for each PIN. Against guessing online stands `guesses_left`.
Not here: the hash (relay/pin_hash.py), how many guesses (relay/pins.py).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from protocol.ids import UserId
from storage.environment import Reader
from storage.records import cbor_codec
from storage.tables import PINS, Delete, Op

_KEY = struct.Struct(">Q")

NOBODY_WAITS = 0


@dataclass(frozen=True, slots=True)
class PinRecord:
    """A PIN; times are unix seconds."""

    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)
    set_at: int
    guesses_left: int
    # The guesses are for one day from here on.
    day_began_at: int
    # Since when somebody who has proved the number does not know the PIN; 0: there is nobody.
    waiting_since: int = NOBODY_WAITS


PIN_CODEC = cbor_codec(
    PINS,
    1,
    lambda pin: [pin.salt, pin.digest, pin.set_at, pin.guesses_left, pin.day_began_at, pin.waiting_since],
    PinRecord,
)


def load_pin(reader: Reader, user: UserId) -> PinRecord | None:
    """The PIN of `user`, or None. Raises CorruptRecordError if the row is damaged."""
    key = _KEY.pack(user)
    data = reader.get(PINS, key)
    return None if data is None else PIN_CODEC.unpack(key, data)


def put_pin(user: UserId, record: PinRecord) -> Op:
    """Set a PIN, or one with a guess less."""
    return PIN_CODEC.put(_KEY.pack(user), record)


def remove_pin(user: UserId) -> Op:
    """Let `user` have no PIN."""
    return Delete(PINS, _KEY.pack(user))
