from __future__ import annotations

from storage import Environment, InlineJournal, JournalError, Op, bans
from storage.bans import BanRecord

PHONE, OTHER = "+491713920001", "+12025550123"


def store(environment: Environment, *ops: Op) -> None:
    def settled(error: JournalError | None) -> None:
        assert error is None

    InlineJournal(environment).submit(list(ops), settled)


def test_a_number_is_banned_until_it_is_not(environment: Environment) -> None:
    store(environment, bans.put_ban(PHONE, BanRecord(100, "spam")))
    with environment.read() as reader:
        assert bans.is_banned(reader, PHONE)
        assert not bans.is_banned(reader, OTHER)
    store(environment, bans.remove_ban(PHONE), bans.remove_ban(OTHER))
    with environment.read() as reader:
        assert not bans.is_banned(reader, PHONE)


def test_bans_are_listed_by_number_with_what_the_operator_noted(environment: Environment) -> None:
    store(environment, bans.put_ban(PHONE, BanRecord(100, "spam")), bans.put_ban(OTHER, BanRecord(101)))
    with environment.read() as reader:
        assert list(bans.list_bans(reader)) == [(OTHER, BanRecord(101)), (PHONE, BanRecord(100, "spam"))]
