"""How an operator's ban reaches the directory: the node that runs, or its store."""

from pathlib import Path

import pytest

from protocol import UserId
from relay import ban_office
from relay.ban_office import Done
from relay.errors import NodeNotAnsweringError, WrongNumberError
from storage import InlineJournal, JournalError, NoStoreError, accounts, open_environment
from storage.accounts import DeviceRecord, UserRecord
from storage.folder import FolderLock

PHONE = "+491713920001"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A store with one account, and no node."""

    def settled(error: JournalError | None) -> None:
        assert error is None

    record = DeviceRecord(b"s" * 32, b"i" * 32, 1, b"p" * 32, b"g" * 64, 1)
    _, _, ops = accounts.add_device(UserId(7), UserRecord(PHONE, 0), record)
    with open_environment(tmp_path) as environment:
        InlineJournal(environment).submit(ops, settled)
    return tmp_path


def test_without_a_node_the_ban_is_written_into_the_store(data: Path) -> None:
    assert ban_office.ban(data, "+49 171 3920001", "spam") == Done(PHONE, 1)
    assert ban_office.ban(data, "+12025550143", "") == Done("+12025550143", 0)
    listed = ban_office.all_bans(data)
    assert [(phone, record.reason) for phone, record in listed] == [("+12025550143", ""), (PHONE, "spam")]
    assert ban_office.unban(data, PHONE) == Done(PHONE, 1)
    assert [phone for phone, _ in ban_office.all_bans(data)] == ["+12025550143"]


def test_a_node_that_does_not_answer_is_named_and_nothing_is_written(data: Path) -> None:
    with FolderLock(data), pytest.raises(NodeNotAnsweringError, match="does not answer"):
        ban_office.ban(data, PHONE, "")
    assert ban_office.all_bans(data) == []


def test_what_is_no_number_and_what_is_no_store_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongNumberError):
        ban_office.ban(tmp_path, "0171 3920001", "")
    with pytest.raises(NoStoreError):
        ban_office.ban(tmp_path, PHONE, "")
    assert list(tmp_path.iterdir()) == []


def test_problems_become_a_sentence_and_a_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ban_office.reported(lambda: None) == 0
    assert ban_office.reported(lambda: _discard(ban_office.ban(tmp_path, "12", ""))) == 2
    assert ban_office.reported(lambda: _discard(ban_office.ban(tmp_path, PHONE, ""))) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first == "error: The number must begin with + and the country code."
    assert second.startswith("error: there is no store")


def _discard(_done: Done) -> None:
    pass
