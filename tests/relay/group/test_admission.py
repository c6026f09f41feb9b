"""Who may say what, and which entries are taken: the log's rules, held against who has proved to be there."""

from hashlib import sha256

from protocol import DeviceAddress, DeviceId, ErrorCode, UserId
from protocol.membership import GroupState, Invite, Join, Leave, Settings
from relay.group.admission import (
    Refused,
    holds_invite,
    judge_entries,
    judge_join_request,
    judge_message,
    may_read_log,
    newcomers,
    why_no_join,
)
from tests.helpers.club import KEY, Club

ANNA, BEN, CARLA = (DeviceAddress(UserId(user), DeviceId(1)) for user in (1, 2, 3))


def founded(settings: int = 0) -> tuple[Club, GroupState]:
    club = Club()
    steps = judge_entries(None, club.group, ANNA, [club.create(ANNA, [ANNA.user, BEN.user], settings)])
    assert not isinstance(steps, Refused)
    assert newcomers(steps[0]) == [ANNA.user, BEN.user]
    return club, steps[-1].state


def test_members_may_speak_and_nobody_else() -> None:
    _, state = founded()
    assert judge_message(state, BEN.user, 0) is None
    assert judge_message(state, CARLA.user, 0) == Refused(ErrorCode.NOT_A_MEMBER)
    assert judge_message(None, BEN.user, 0) == Refused(ErrorCode.NO_SUCH_GROUP)
    _, state = founded(Settings.ADMINS_SEND)
    assert judge_message(state, BEN.user, 0) == Refused(ErrorCode.NOT_ALLOWED)
    assert judge_message(state, ANNA.user, 0) is None


def test_a_message_must_know_of_everybody_who_left() -> None:
    club, state = founded()
    steps = judge_entries(state, club.group, BEN, [club.leave(BEN)])
    assert not isinstance(steps, Refused)
    assert judge_message(steps[-1].state, ANNA.user, 0) == Refused(ErrorCode.STALE_MEMBERS, 1)
    assert judge_message(steps[-1].state, ANNA.user, 1) is None


def test_several_entries_are_taken_together_or_not_at_all() -> None:
    club, state = founded()
    added, left = club.add(ANNA, CARLA.user), club.leave(ANNA)
    steps = judge_entries(state, club.group, ANNA, [added, left])
    assert not isinstance(steps, Refused)
    assert [step.state.next_index for step in steps] == [2, 3]
    assert newcomers(steps[0]) == [CARLA.user]
    assert judge_entries(state, club.group, ANNA, [added, b"junk"]) == Refused(ErrorCode.BAD_ENTRY)
    assert judge_entries(state, club.group, ANNA, []) == Refused(ErrorCode.BAD_ENTRY)


def test_an_entry_is_its_authors_own() -> None:
    club, state = founded()
    entry = club.leave(BEN)
    assert judge_entries(state, club.group, ANNA, [entry]) == Refused(ErrorCode.BAD_ENTRY)
    assert judge_entries(state, Club(5).group, BEN, [entry]) == Refused(ErrorCode.BAD_ENTRY)


def test_whoever_does_not_know_the_newest_entry_is_told_the_next() -> None:
    club, state = founded()
    entry = club.sign(ANNA, Leave(), index=5)
    assert judge_entries(state, club.group, ANNA, [entry]) == Refused(ErrorCode.LOG_MOVED, 1)


def test_invitations_let_people_read_and_ask_and_join() -> None:
    club, state = founded()
    steps = judge_entries(state, club.group, ANNA, [club.sign(ANNA, Invite(KEY))])
    assert not isinstance(steps, Refused)
    state = steps[-1].state
    digest = sha256(KEY).digest()
    assert holds_invite(state, digest)
    assert may_read_log(state, CARLA.user, digest)
    assert not may_read_log(state, CARLA.user, None)
    assert may_read_log(state, BEN.user, None)
    assert judge_join_request(state, CARLA.user, digest, 0, 1) is None
    assert judge_join_request(state, CARLA.user, digest, 1, 1) == Refused(ErrorCode.GROUP_FULL)
    assert judge_join_request(state, BEN.user, digest, 0, 1) == Refused(ErrorCode.ALREADY_THERE)
    assert judge_join_request(state, CARLA.user, b"x", 0, 1) == Refused(ErrorCode.NO_SUCH_INVITE)
    assert judge_join_request(None, CARLA.user, digest, 0, 1) == Refused(ErrorCode.NO_SUCH_GROUP)
    joined = judge_entries(state, club.group, CARLA, [club.sign(CARLA, Join(KEY, b"p" * 64, KEY))])
    assert not isinstance(joined, Refused)
    assert newcomers(joined[0]) == [CARLA.user]


def test_why_an_invitation_does_not_let_somebody_in_has_a_name() -> None:
    club, state = founded(Settings.ADMINS_APPROVE)
    assert why_no_join(state, CARLA.user, KEY) == ErrorCode.NO_SUCH_INVITE
    steps = judge_entries(state, club.group, ANNA, [club.sign(ANNA, Invite(KEY))])
    assert not isinstance(steps, Refused)
    assert why_no_join(steps[-1].state, CARLA.user, KEY) == ErrorCode.APPROVAL_NEEDED
