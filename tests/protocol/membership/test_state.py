import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.ids import UserId
from protocol.membership import (
    Add,
    BadGroupStateError,
    ChangeSettings,
    Describe,
    GroupState,
    Invite,
    Leave,
    Promote,
    Remove,
    Settings,
    decode_state,
)
from tests.protocol.membership.histories import ANNA, BEN, CARA, DAN, after, group_of, member


def lively_group() -> GroupState:
    group = group_of(ANNA, BEN, CARA)
    for action in (
        Promote((CARA,)),
        Invite(bytes(32)),
        Remove((BEN,)),
        Add((member(DAN),)),
        ChangeSettings(Settings.ADMINS_SEND),
        Describe(b"new"),
    ):
        group = after(group, ANNA, action)
    return group


def test_a_state_comes_out_of_the_store_as_it_went_in() -> None:
    for group in (group_of(ANNA), lively_group(), after(group_of(ANNA), ANNA, Leave())):
        stored = decode_state(group.encode())
        assert stored == group
        assert list(stored.members) == list(group.members)


def test_a_state_of_an_earlier_version_can_be_read() -> None:
    members = [[1, b"a" * 32, 1, 0], [3, b"c" * 32, 0, 4]]
    stored = cbor2.dumps([1, 7, 9, b"h" * 32, members, 5, [b"i" * 32], [[2, 6]], 3, 6])
    group = decode_state(stored)
    assert group.admins == (ANNA,)
    assert (group.epoch, group.described_at, group.departed_at) == (8, 3, 6)
    assert group.barred == {BEN: 6}
    assert group.encode() == stored


def test_a_state_of_a_later_version_is_refused() -> None:
    fields = cbor2.loads(lively_group().encode())
    wrong: object
    for wrong in ([2, *fields[1:]], fields[:-1], [*fields, 0], {}, 7):
        with pytest.raises(BadGroupStateError):
            decode_state(cbor2.dumps(wrong))


def test_a_state_that_is_cut_short_is_refused() -> None:
    stored = lively_group().encode()
    for length in range(len(stored)):
        with pytest.raises(BadGroupStateError):
            decode_state(stored[:length])


@given(st.binary(max_size=100))
def test_of_any_bytes_only_the_named_error_comes_out(noise: bytes) -> None:
    with pytest.raises(BadGroupStateError):
        decode_state(noise)


def test_no_key_shows_in_a_state() -> None:
    assert "key" not in repr(lively_group())


def test_who_is_admin() -> None:
    group = lively_group()
    assert group.admins == (ANNA, CARA)
    assert [group.is_admin(user) for user in (ANNA, DAN, UserId(99))] == [True, False, False]
