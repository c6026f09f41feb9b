from dataclasses import replace

import pytest

from protocol.ids import DeviceAddress, DeviceId, GroupId, UserId
from protocol.limits import MAX_GROUP_MEMBERS
from protocol.membership import (
    Action,
    Add,
    ChangeSettings,
    Create,
    Demote,
    Describe,
    GroupState,
    Invite,
    Join,
    Leave,
    Promote,
    Refusal,
    RefusedEntryError,
    Rekey,
    Remove,
    Revoke,
    Role,
    Settings,
    apply,
    judge,
    skip,
)
from protocol.membership.actions import ACTION_BY_CLASS
from protocol.membership.rules import _CHECKS, _STEPS, MAX_INVITES, WHO
from tests.protocol.membership.histories import (
    ANNA,
    BEN,
    CARA,
    DAN,
    EVE,
    INFO,
    OPEN,
    after,
    group_of,
    judged,
    key_of,
    member,
    next_entry,
)

LINK, OTHER_LINK = bytes(32), b"\1" * 32
PROOF = bytes(64)
JOIN = Join(LINK, PROOF, key_of(EVE))


def why(state: GroupState | None, author: UserId, action: Action) -> Refusal | None:
    refused = judged(state, author, action)
    return refused.why if refused else None


def with_link(state: GroupState) -> GroupState:
    return after(state, ANNA, Invite(LINK))


# --- Who may do what: every action x every kind of author x every setting ---

CLOSED = Settings.ADMINS_DESCRIBE | Settings.ADMINS_SEND
ALLOWED: dict[type[Action], tuple[Action, set[str]]] = {
    Add: (Add((member(DAN),)), {"admin"}),
    Remove: (Remove((CARA,)), {"admin"}),
    Promote: (Promote((CARA,)), {"admin"}),
    Demote: (Demote((ANNA,)), {"admin"}),
    Leave: (Leave(), {"admin", "member"}),
    ChangeSettings: (ChangeSettings(Settings.ADMINS_APPROVE), {"admin"}),
    Describe: (Describe(b"new"), {"admin", "member"}),
    Invite: (Invite(OTHER_LINK), {"admin"}),
    Revoke: (Revoke(LINK), {"admin"}),
    Join: (JOIN, {"outsider"}),
    Rekey: (Rekey(b"\7" * 32), {"admin", "member"}),
}
AUTHORS = {"admin": ANNA, "member": BEN, "outsider": EVE}


@pytest.mark.parametrize("settings", [OPEN, CLOSED])
@pytest.mark.parametrize("role", AUTHORS)
@pytest.mark.parametrize("kind", ALLOWED)
def test_an_action_is_for_those_whose_it_is(kind: type[Action], role: str, settings: Settings) -> None:
    group = after(group_of(ANNA, BEN, CARA, settings=settings), ANNA, Promote((CARA,)))
    group = after(group, ANNA, Demote((CARA,))) if kind is Promote else group
    group = with_link(group)
    action, who = ALLOWED[kind]
    if kind is Describe and settings is CLOSED:
        who = {"admin"}
    expected = {"admin": None, "member": Refusal.NOT_ALLOWED, "outsider": Refusal.NOT_A_MEMBER}
    if role not in who:
        refusal = Refusal.ALREADY_THERE if kind is Join else expected[role]
        assert why(group, AUTHORS[role], action) is refusal
    else:
        assert why(group, AUTHORS[role], action) is None


def test_every_action_has_its_row_in_every_table() -> None:
    without_create = [kind for kind in ACTION_BY_CLASS if kind is not Create]
    assert list(WHO) == list(_CHECKS) == list(_STEPS) == list(ALLOWED) == without_create


# --- The chain ---


def test_an_entry_must_be_the_next_one() -> None:
    group = group_of(ANNA, BEN)
    entry = next_entry(group, ANNA, Leave())
    for wrong in (replace(entry, index=2), replace(entry, index=0), replace(entry, previous=bytes(32))):
        refused = judge(group, wrong)
        assert refused is not None
        assert refused.why is Refusal.LOG_MOVED


def test_an_entry_of_another_group_is_bad() -> None:
    group = group_of(ANNA)
    refused = judge(group, replace(next_entry(group, ANNA, Leave()), group=GroupId(9)))
    assert refused is not None
    assert refused.why is Refusal.BAD_ENTRY


def test_what_is_refused_cannot_be_applied() -> None:
    with pytest.raises(RefusedEntryError, match="NOT_A_MEMBER"):
        after(group_of(ANNA), BEN, Leave())


def test_what_is_skipped_moves_the_log_and_nothing_else() -> None:
    group = group_of(ANNA, BEN)
    skipped = skip(group, b"\5" * 32)
    assert (skipped.epoch, skipped.head) == (1, b"\5" * 32)
    assert replace(skipped, next_index=group.next_index, head=group.head) == group


# --- Beginning and end ---


def test_a_group_begins_with_its_creator_as_admin() -> None:
    group = group_of(ANNA, BEN, settings=CLOSED)
    assert group.admins == (ANNA,)
    assert group.members[BEN] == (key_of(BEN), Role.MEMBER, 0)
    assert (group.settings, group.epoch) == (CLOSED, 0)


@pytest.mark.parametrize(
    "members",
    [(), (member(BEN),), (member(BEN), member(ANNA)), (member(ANNA), member(BEN), member(BEN))],
)
def test_a_group_begins_with_its_creator_and_nobody_twice(members: tuple[object, ...]) -> None:
    assert why(None, ANNA, Create(members, OPEN, INFO)) is Refusal.BAD_ENTRY  # type: ignore[arg-type]  # rows


@pytest.mark.parametrize("changes", [{"index": 1}, {"previous": b"\1" * 32}])
def test_a_group_begins_with_entry_zero(changes: dict[str, object]) -> None:
    first = next_entry(None, ANNA, Create((member(ANNA),), OPEN, INFO))
    refused = judge(None, replace(first, **changes))  # type: ignore[arg-type]  # one field at a time
    assert refused is not None
    assert refused.why is Refusal.BAD_ENTRY


def test_without_a_group_nothing_else_is_possible() -> None:
    for kind, (action, _) in ALLOWED.items():
        assert why(None, ANNA, action) is Refusal.NO_SUCH_GROUP, kind


def test_a_group_is_created_once() -> None:
    group = group_of(ANNA)
    assert why(group, ANNA, Create((member(ANNA),), OPEN, INFO)) is Refusal.ALREADY_THERE


def test_a_group_that_all_have_left_is_over() -> None:
    group = after(with_link(group_of(ANNA)), ANNA, Leave())
    assert not group.members
    assert why(group, EVE, JOIN) is Refusal.NO_SUCH_GROUP
    assert why(group, ANNA, Add((member(BEN),))) is Refusal.NO_SUCH_GROUP


# --- Members ---


def test_members_are_added_with_their_keys() -> None:
    group = after(group_of(ANNA), ANNA, Add((member(BEN), member(CARA))))
    assert list(group.members) == [ANNA, BEN, CARA]
    assert group.members[CARA] == (key_of(CARA), Role.MEMBER, 1)


@pytest.mark.parametrize(
    ("action", "refusal"),
    [
        (Add(()), Refusal.BAD_ENTRY),
        (Add((member(DAN), member(DAN))), Refusal.BAD_ENTRY),
        (Add((member(DAN), member(BEN))), Refusal.ALREADY_THERE),
        (Remove(()), Refusal.BAD_ENTRY),
        (Remove((BEN, BEN)), Refusal.BAD_ENTRY),
        (Remove((ANNA,)), Refusal.BAD_ENTRY),
        (Remove((BEN, EVE)), Refusal.NOT_A_MEMBER),
        (Promote(()), Refusal.BAD_ENTRY),
        (Promote((EVE,)), Refusal.NOT_A_MEMBER),
        (Promote((ANNA,)), Refusal.ALREADY_THERE),
        (Promote((BEN, BEN)), Refusal.BAD_ENTRY),
        (Demote(()), Refusal.BAD_ENTRY),
        (Demote((EVE,)), Refusal.NOT_A_MEMBER),
        (Demote((BEN,)), Refusal.ALREADY_THERE),
        (Demote((ANNA,)), Refusal.NOT_ALLOWED),
        (ChangeSettings(OPEN), Refusal.ALREADY_THERE),
        (Revoke(OTHER_LINK), Refusal.ALREADY_THERE),
        (Invite(LINK), Refusal.ALREADY_THERE),
        (Rekey(key_of(ANNA)), Refusal.ALREADY_THERE),
    ],
)
def test_an_admin_cannot_do_everything(action: Action, refusal: Refusal) -> None:
    assert why(with_link(group_of(ANNA, BEN)), ANNA, action) is refusal


def test_a_group_has_a_limit() -> None:
    users = [UserId(number) for number in range(100, 100 + MAX_GROUP_MEMBERS)]
    group = after(group_of(ANNA, *users[:500]), ANNA, Add(tuple(map(member, users[500:1_000]))))
    group = with_link(after(group, ANNA, Add(tuple(map(member, users[1_000:-2])))))
    assert len(group.members) == MAX_GROUP_MEMBERS - 1
    assert why(group, ANNA, Add(tuple(map(member, users[-2:])))) is Refusal.GROUP_FULL
    full = after(group, ANNA, Add((member(users[-1]),)))
    assert why(full, ANNA, Add((member(EVE),))) is Refusal.GROUP_FULL
    assert why(full, EVE, JOIN) is Refusal.GROUP_FULL
    assert why(after(full, users[0], Leave()), EVE, JOIN) is None


def test_who_is_removed_is_out_and_barred_until_an_admin_adds_them() -> None:
    group = after(with_link(group_of(ANNA, BEN, EVE)), ANNA, Remove((EVE,)))
    assert EVE not in group.members
    assert group.barred == {EVE: 2}
    assert why(group, EVE, JOIN) is Refusal.NOT_ALLOWED
    again = after(group, ANNA, Add((member(EVE),)))
    assert not again.barred
    assert list(again.members) == [ANNA, BEN, EVE]


def test_who_left_may_come_back_by_an_invitation() -> None:
    group = after(with_link(group_of(ANNA, EVE)), EVE, Leave())
    assert why(group, EVE, JOIN) is None


def test_admins_may_remove_and_demote_each_other() -> None:
    group = after(group_of(ANNA, BEN, CARA), ANNA, Promote((BEN, CARA)))
    group = after(group, BEN, Demote((ANNA,)))
    assert group.admins == (BEN, CARA)
    assert after(group, CARA, Remove((BEN,))).admins == (CARA,)


def test_not_all_admins_can_be_demoted_at_once() -> None:
    group = after(group_of(ANNA, BEN), ANNA, Promote((BEN,)))
    assert why(group, ANNA, Demote((BEN, ANNA))) is Refusal.NOT_ALLOWED
    assert why(group, ANNA, Demote((ANNA,))) is None


def test_when_the_last_admin_leaves_the_oldest_member_is_admin() -> None:
    group = after(group_of(ANNA, BEN, CARA), ANNA, Leave())
    assert group.admins == (BEN,)


def test_an_admin_who_leaves_others_behind_makes_nobody_admin() -> None:
    group = after(group_of(ANNA, BEN, CARA), ANNA, Promote((CARA,)))
    assert after(group, ANNA, Leave()).admins == (CARA,)


def test_who_comes_back_is_the_youngest() -> None:
    group = after(with_link(group_of(ANNA, EVE, BEN)), EVE, Leave())
    group = after(after(group, EVE, JOIN), ANNA, Leave())
    assert group.admins == (BEN,)


# --- Invitations ---


def test_an_invitation_lets_in_until_it_is_revoked() -> None:
    group = with_link(group_of(ANNA))
    assert after(group, EVE, JOIN).members[EVE] == (key_of(EVE), Role.MEMBER, 2)
    assert why(after(group, ANNA, Revoke(LINK)), EVE, JOIN) is Refusal.NOT_ALLOWED


def test_an_invitation_does_not_let_in_where_admins_approve() -> None:
    group = after(with_link(group_of(ANNA)), ANNA, ChangeSettings(Settings.ADMINS_APPROVE))
    assert why(group, EVE, JOIN) is Refusal.NOT_ALLOWED


def test_invitations_have_a_limit() -> None:
    group = group_of(ANNA)
    for number in range(MAX_INVITES):
        group = after(group, ANNA, Invite(bytes([number]) * 32))
    assert why(group, ANNA, Invite(b"\xff" * 32)) is Refusal.NOT_ALLOWED


# --- New phones, and what ends a sender key ---


def test_a_new_phone_keeps_place_and_role() -> None:
    group = after(group_of(ANNA, BEN), ANNA, Rekey(key_of(ANNA, phone=2)))
    assert group.members[ANNA] == (key_of(ANNA, phone=2), Role.ADMIN, 0)
    assert list(group.members) == [ANNA, BEN]


def test_a_new_phone_speaks_for_itself() -> None:
    group = group_of(ANNA)
    entry = replace(next_entry(group, ANNA, Rekey(b"\7" * 32)), author_key=key_of(ANNA))
    refused = judge(group, entry)
    assert refused is not None
    assert refused.why is Refusal.BAD_ENTRY


@pytest.mark.parametrize(
    ("author", "action", "is_departure"),
    [
        (ANNA, Remove((BEN,)), True),
        (BEN, Leave(), True),
        (BEN, Rekey(b"\7" * 32), True),
        (ANNA, Add((member(DAN),)), False),
        (ANNA, Promote((BEN,)), False),
        (ANNA, Describe(b"new"), False),
        (ANNA, Invite(OTHER_LINK), False),
    ],
)
def test_keys_end_when_somebody_goes(author: UserId, action: Action, is_departure: bool) -> None:
    group = after(group_of(ANNA, BEN), author, action)
    assert group.departed_at == (group.epoch if is_departure else 0)


# --- What the state tells ---


def test_who_may_send() -> None:
    group = group_of(ANNA, BEN)
    assert [group.may_send(user) for user in (ANNA, BEN, EVE)] == [True, True, False]
    closed = after(group, ANNA, ChangeSettings(Settings.ADMINS_SEND))
    assert [closed.may_send(user) for user in (ANNA, BEN, EVE)] == [True, False, False]


def test_who_may_say_what_holds_in_the_group() -> None:
    group = group_of(ANNA, BEN)
    assert [group.may_describe(user) for user in (ANNA, BEN, EVE)] == [True, True, False]
    closed = after(group, ANNA, ChangeSettings(Settings.ADMINS_DESCRIBE))
    assert [closed.may_describe(user) for user in (ANNA, BEN, EVE)] == [True, False, False]


def test_the_newest_description_is_named() -> None:
    group = after(with_link(group_of(ANNA, BEN)), BEN, Describe(b"new"))
    assert group.described_at == 2


def test_a_companion_speaks_for_its_account() -> None:
    group = group_of(ANNA, BEN)
    entry = replace(next_entry(group, ANNA, Leave()), author=DeviceAddress(ANNA, DeviceId(4)))
    assert list(apply(group, entry, bytes(32)).members) == [BEN]
