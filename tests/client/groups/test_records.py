from client.groups.records import Group, GroupMember, Person, Standing
from protocol.e2e.group_info import GroupInfo
from protocol.ids import GroupId, UserId
from protocol.membership import Settings


def group(*members: GroupMember) -> Group:
    return Group(
        GroupId(7), "Secret", Standing.MEMBER, GroupInfo("Secret"), members, Settings(0), False, 1, None
    )


def test_an_account_is_admin_only_if_its_own_row_says_so() -> None:
    own = Person(UserId(1), is_self=True)
    other = GroupMember(Person(UserId(2)), is_admin=True, is_key_known=True)
    assert not group(GroupMember(own, is_admin=False, is_key_known=True), other).is_admin
    assert group(GroupMember(own, is_admin=True, is_key_known=True), other).is_admin
    assert group(other).own is None


def test_no_name_shows_in_a_repr() -> None:
    assert "Secret" not in repr(group())
    assert "Ann" not in repr(Person(UserId(1), name="Ann", book_name="Ann"))
