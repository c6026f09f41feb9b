import json
from pathlib import Path

import pytest

from actors.ports import system_clock
from client.cli.group_info import show_group, show_groups
from client.groups.records import Asking, Group, GroupMember, MemberTick, Person, Standing
from client.store import Store
from protocol.e2e.group_info import GroupInfo
from protocol.ids import GroupId, UserId
from protocol.membership import Settings
from tests.client.phones import seeded_entropy

ME = Person(UserId(1), "+4915112345601", is_self=True)
BEN = Person(UserId(2), "+4915112345602")
GROUP = Group(
    GroupId(7),
    "Friends",
    Standing.MEMBER,
    GroupInfo("Friends", "since 2020"),
    (GroupMember(ME, is_admin=True, is_key_known=True), GroupMember(BEN, is_admin=False, is_key_known=False)),
    Settings(0),
    True,
    3,
    "two-histories",
)


def show(tmp_path: Path, capsys: pytest.CaptureFixture[str], *, as_json: bool) -> str:
    with Store.open(tmp_path, seeded_entropy(1), system_clock) as store:
        ticks = [MemberTick(BEN, has_it=True, has_read=False)]
        show_group(store, GROUP, [Asking(BEN, has_link=False)], ticks=ticks, as_json=as_json)
    return capsys.readouterr().out


def test_people_see_who_is_in_it_what_is_wrong_and_how_far_a_message_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = show(tmp_path, capsys, as_json=False)
    assert "Friends  (g0000000000000007)" in shown
    assert "since 2020" in shown
    assert "WARNING" in shown
    assert "not confirmed: gets no keys" in shown
    assert "without a link that holds" in shown
    assert "delivered: +49 1511 2345602" in shown


def test_machines_get_one_object(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(show(tmp_path, capsys, as_json=True))
    assert (told["group"], told["problem"], told["size"]) == ("g0000000000000007", "two-histories", 2)
    assert told["members"][1]["key_known"] is False
    assert told["ticks"][0]["delivered"]


def test_no_groups_are_said_to_be_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store.open(tmp_path, seeded_entropy(1), system_clock) as store:
        show_groups(store, as_json=False)
    assert "roost group create" in capsys.readouterr().out
