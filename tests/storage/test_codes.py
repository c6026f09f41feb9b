from __future__ import annotations

from storage import Environment
from storage.codes import (
    CodeRecord,
    code_matches,
    codes_expired,
    hash_code,
    load_code,
    put_code,
    remove_code,
)
from tests.storage.test_accounts import store

SECRET = b"s" * 32
SALT = b"n" * 16
PHONE = "+4915112345678"


def record(phone: str = PHONE, code: str = "123456", expires_at: int = 600, next_at: int = 60) -> CodeRecord:
    return CodeRecord(SALT, hash_code(SECRET, SALT, phone, code), 0, expires_at, 5, next_at)


def test_the_code_that_was_sent_matches_and_no_other() -> None:
    assert code_matches(SECRET, record(), PHONE, "123456")
    for wrong in ("123457", "12345", "", "1234560", "１２３４５６"):
        assert not code_matches(SECRET, record(), PHONE, wrong)


def test_a_code_is_good_for_its_own_number_salt_and_node_only() -> None:
    assert not code_matches(SECRET, record(), "+4915112345679", "123456")
    assert not code_matches(b"t" * 32, record(), PHONE, "123456")
    assert hash_code(SECRET, b"m" * 16, PHONE, "123456") != record().digest


def test_number_and_code_cannot_run_into_each_other() -> None:
    assert hash_code(SECRET, SALT, "+491", "23456") != hash_code(SECRET, SALT, "+4912", "3456")


def test_a_code_is_never_stored_in_clear(environment: Environment) -> None:
    store(environment, put_code(PHONE, record(code="987654")))
    assert b"987654" not in (environment.folder / "data.mdb").read_bytes()


def test_a_code_is_kept_changed_and_forgotten(environment: Environment) -> None:
    with environment.read() as reader:
        assert load_code(reader, PHONE) is None
    store(environment, put_code(PHONE, record()))
    with environment.read() as reader:
        assert load_code(reader, PHONE) == record()
    store(environment, remove_code(PHONE))
    with environment.read() as reader:
        assert load_code(reader, PHONE) is None


def test_rows_that_say_nothing_any_more_are_found(environment: Environment) -> None:
    store(environment, put_code("+491", record(expires_at=10, next_at=10)))
    store(environment, put_code("+492", record(expires_at=10, next_at=500)))
    store(environment, put_code("+493", record(expires_at=500, next_at=10)))
    store(environment, put_code("+494", record(expires_at=20, next_at=20)))
    with environment.read() as reader:
        assert codes_expired(reader, now=20, limit=10) == ["+491", "+494"]
        assert codes_expired(reader, now=20, limit=1) == ["+491"]
