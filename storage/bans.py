"""Numbers that the operator of the node has banned.

    bans    E.164 text    -> BanRecord

A ban is of a number and not of an account: whoever deletes the account and registers the number anew is still
banned, and the number's next owner asks the operator.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from storage.environment import Reader
from storage.records import cbor_codec
from storage.tables import BANS, Delete, Op


@dataclass(frozen=True, slots=True)
class BanRecord:
    """One ban."""

    # Unix seconds.
    since: int
    # For the operator's own eyes.
    reason: str = ""


BAN_CODEC = cbor_codec(BANS, 1, lambda ban: [ban.since, ban.reason], BanRecord)


def is_banned(reader: Reader, phone: str) -> bool:
    """Whether a number (E.164) is banned."""
    return reader.get(BANS, phone.encode()) is not None


def list_bans(reader: Reader) -> Iterator[tuple[str, BanRecord]]:
    """All bans, by number.

    Raises:
        CorruptRecordError: a row is damaged.
    """
    for key, data in reader.scan(BANS, b"\0", b"\xff"):
        yield key.decode(), BAN_CODEC.unpack(key, data)


def put_ban(phone: str, record: BanRecord) -> Op:
    """Ban a number; a ban that there is already is replaced."""
    return BAN_CODEC.put(phone.encode(), record)


def remove_ban(phone: str) -> Op:
    """Ban it no more; harmless if it is not."""
    return Delete(BANS, phone.encode())
