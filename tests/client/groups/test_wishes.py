from pathlib import Path

import pytest

from client.database import Database
from client.groups.records import WishState
from client.groups.wishes import (
    Wish,
    WishAdd,
    WishCreate,
    WishDemote,
    WishDescribe,
    WishDismiss,
    Wishes,
    WishInvite,
    WishJoin,
    WishLeave,
    WishPromote,
    WishRekey,
    WishRemove,
    WishRevoke,
    WishSettings,
    decode_wish,
    encode_wish,
)
from protocol.ids import GroupId, UserId
from protocol.membership import Settings
from tests.client.phones import SettableClock

TWO = (UserId(1), UserId(2))
ALL: list[Wish] = [
    WishCreate(TWO, Settings.ADMINS_SEND, "name", "about", b"picture"),
    WishAdd(TWO),
    WishRemove(TWO),
    WishPromote(TWO),
    WishDemote(TWO),
    WishLeave(),
    WishSettings(Settings.ADMINS_SEND, Settings(0)),
    WishDescribe(None, "about", None),
    WishInvite(b"s" * 32),
    WishRevoke(),
    WishJoin(b"s" * 32, b"k" * 32),
    WishRekey(),
    WishDismiss(TWO),
]


@pytest.mark.parametrize("wish", ALL, ids=lambda wish: type(wish).__name__)
def test_what_is_stored_is_read_as_it_was(wish: Wish) -> None:
    assert decode_wish(encode_wish(wish)) == wish


def test_a_wish_is_due_until_it_is_settled_and_what_it_held_is_gone_then(tmp_path: Path) -> None:
    database = Database.open(tmp_path, "phone.sqlite")
    wishes = Wishes(database, SettableClock())
    row = wishes.add(GroupId(7), WishInvite(b"secret".ljust(32)))
    assert wishes.is_any_due()
    assert [due.row for due in wishes.due()] == [row]
    wishes.settle(row, WishState.REFUSED, "not-allowed")
    assert not wishes.is_any_due()
    assert (wishes.outcome(row).state, wishes.outcome(row).error_name) == (WishState.REFUSED, "not-allowed")
    assert database.value("SELECT wish FROM group_wishes") == b""
    database.close()


def test_an_invitation_is_kept_until_it_is_forgotten(tmp_path: Path) -> None:
    database = Database.open(tmp_path, "phone.sqlite")
    wishes = Wishes(database, SettableClock())
    row = wishes.add(GroupId(7), WishInvite(b"s" * 32))
    wishes.keep(row)
    assert [decode_wish(kept) for kept in wishes.kept(GroupId(7))] == [WishInvite(b"s" * 32)]
    wishes.forget_invites(GroupId(7))
    assert wishes.kept(GroupId(7)) == []
    database.close()
