"""Accounts go into a store, and their keys into a file from which another run reads them."""

import stat
from pathlib import Path

import pytest

from bench.accounts import MAX_ACCOUNTS, load_accounts, make_accounts, save_accounts
from bench.errors import BenchError
from storage import accounts, open_store, read_layout


@pytest.mark.parametrize("workers", [None, 3])
def test_a_store_knows_the_devices_that_were_made_for_it(tmp_path: Path, workers: int | None) -> None:
    made = make_accounts(tmp_path, 9, workers)
    with open_store(tmp_path, 0) as store:
        for account in made:
            with store.read_directory() as reader:
                assert accounts.find_device_by_static_key(reader, account.keys.public) == account.address
            with store.read_of(account.address.user) as reader:
                found = accounts.load_device(reader, account.address)
            assert found is not None
            assert found.static_key == account.keys.public


def test_accounts_can_be_added_to_a_store_that_has_workers_already(tmp_path: Path) -> None:
    make_accounts(tmp_path, 0, 2)
    make_accounts(tmp_path, 1)
    assert read_layout(tmp_path).environments == 2


def test_keys_come_back_from_the_file_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    file = tmp_path / "accounts"
    made = make_accounts(tmp_path / "data", 2)
    save_accounts(file, made)
    found = load_accounts(file)
    assert [each.address for each in found] == [each.address for each in made]
    assert [each.keys.public for each in found] == [each.keys.public for each in made]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["x\n", "[1]\n", '["a", "b"]\n', "é\n"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "accounts"
    file.write_text(text)
    with pytest.raises(BenchError, match="no file of accounts"):
        load_accounts(file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="No such file"):
        load_accounts(tmp_path / "accounts")


def test_there_are_no_more_accounts_than_telephone_numbers(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="more than"):
        make_accounts(tmp_path, MAX_ACCOUNTS + 1)
