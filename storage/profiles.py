"""The profiles of users, as their owners have encrypted them; nobody here can read one.

    profiles   user, piece   -> Piece

Piece 0 is what a reader begins with (name and about); the others are the picture. All pieces of one profile
have the same version. Piece 0 is stored last and puts a profile in place; what a reader finds under another
version belongs to the profile before or after, and is fetched again later.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from protocol.ids import UserId
from protocol.limits import MAX_PROFILE_PIECES
from storage.environment import Reader
from storage.records import RecordCodec
from storage.tables import PROFILES, Delete, DeleteRange, Op

_KEY = struct.Struct(">QH")
_VERSION = struct.Struct(">Q")
_LAST_PIECE = 0xFFFF


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of an encrypted profile."""

    # Random, chosen by the owner's device: it only says whether two pieces belong together.
    version: int
    data: bytes = field(repr=False)


def _encode_piece(piece: Piece) -> bytes:
    return _VERSION.pack(piece.version) + piece.data


def _decode_piece_v1(payload: bytes) -> Piece:
    return Piece(_VERSION.unpack_from(payload)[0], payload[_VERSION.size :])


PIECE_CODEC: RecordCodec[Piece] = RecordCodec(PROFILES, 1, _encode_piece, {1: _decode_piece_v1})


def load_piece(reader: Reader, user: UserId, number: int) -> Piece | None:
    """A piece of the profile of `user`, or None. Raises CorruptRecordError if the row is damaged."""
    key = _KEY.pack(user, number)
    data = reader.get(PROFILES, key)
    return None if data is None else PIECE_CODEC.unpack(key, data)


def put_piece(reader: Reader, user: UserId, number: int, piece: Piece) -> list[Op]:
    """Store a piece; with piece 0 go the others of the profile that it replaces."""
    ops: list[Op] = [PIECE_CODEC.put(_KEY.pack(user, number), piece)]
    if number == 0:
        for other in range(1, MAX_PROFILE_PIECES):
            stored = load_piece(reader, user, other)
            if stored is not None and stored.version != piece.version:
                ops.append(Delete(PROFILES, _KEY.pack(user, other)))
    return ops


def remove_profile(user: UserId) -> Op:
    """Take the profile of `user` away."""
    return DeleteRange(PROFILES, _KEY.pack(user, 0), _KEY.pack(user, _LAST_PIECE))
