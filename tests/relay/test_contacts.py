"""Contact discovery: the users of these numbers, in their order."""

from pathlib import Path

from protocol import UserId
from relay.contacts import find_users
from storage import InlineJournal, accounts, open_environment
from storage.accounts import UserRecord


def test_numbers_are_found_however_they_are_written(tmp_path: Path) -> None:
    with open_environment(tmp_path) as environment:
        ops = accounts.put_user(UserId(7), UserRecord("+491713920001", 0))
        InlineJournal(environment).submit(ops, lambda error: None)
        with environment.read() as reader:
            found = find_users(reader, ["+49 171 3920001", "+491713920002", "rubbish", ""])
    assert found == (7, 0, 0, 0)
