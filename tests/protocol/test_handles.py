"""Handles: parity, limits, least recently used, and no ambiguity while a handle changes its meaning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import MalformedError
from protocol.handles import HandleTable, HandleTableFullError
from protocol.ids import Handle, UserId
from protocol.limits import MAX_BINDINGS_PER_SIDE, MAX_HANDLE


def full_table() -> HandleTable:
    """A client's table whose handles are all bound, to users 1, 2, 3, ..."""
    table = HandleTable(odd=False)
    for user in range(1, MAX_BINDINGS_PER_SIDE + 1):
        table.bind(UserId(user))
    return table


def test_the_client_binds_even_handles_and_the_relay_odd_ones() -> None:
    client, relay = HandleTable(odd=False), HandleTable(odd=True)
    assert [client.bind(UserId(user)) for user in (1, 2)] == [(0, False), (2, False)]
    assert [relay.bind(UserId(user)) for user in (1, 2)] == [(1, False), (3, False)]


def test_either_side_uses_what_the_other_has_bound() -> None:
    client, relay = HandleTable(odd=False), HandleTable(odd=True)
    handle, _ = client.bind(UserId(5))
    relay.accept(handle, UserId(5))
    assert relay.find(UserId(5)) == handle
    assert relay.resolve(handle) == client.resolve(handle) == 5


def test_an_unbound_handle_is_malformed() -> None:
    with pytest.raises(MalformedError, match="unbound"):
        HandleTable(odd=False).resolve(Handle(0))


@pytest.mark.parametrize("handle", [0, 2, MAX_HANDLE + 2])
def test_the_peer_may_bind_its_own_handles_only(handle: int) -> None:
    with pytest.raises(MalformedError):
        HandleTable(odd=False).accept(Handle(handle), UserId(1))


def test_the_peer_may_give_its_handle_another_meaning() -> None:
    table = HandleTable(odd=False)
    table.accept(Handle(1), UserId(1))
    table.accept(Handle(1), UserId(2))
    assert table.resolve(Handle(1)) == 2
    assert table.find(UserId(1)) is None
    assert table.find(UserId(2)) == 1


def test_an_address_that_both_bound_keeps_our_handle_when_the_peer_moves_its_own() -> None:
    table = HandleTable(odd=False)
    ours, _ = table.bind(UserId(1))
    table.accept(Handle(1), UserId(1))
    table.accept(Handle(1), UserId(2))
    assert table.find(UserId(1)) == ours


def test_when_all_are_used_the_least_recently_used_is_bound_again() -> None:
    table = full_table()
    table.find(UserId(1))  # used just now, so user 2 is the one that goes
    assert table.bind(UserId(9999)) == (2, True)
    assert table.find(UserId(2)) is None
    assert table.find(UserId(1)) == 0


def test_a_rebound_handle_keeps_its_old_meaning_until_the_pong() -> None:
    table = full_table()
    handle, _ = table.bind(UserId(9999))
    table.ping_sent()
    assert table.resolve(handle) == 1  # the peer does not know better yet
    assert table.find(UserId(9999)) == handle  # but hears us with the new meaning
    table.pong_heard()
    assert table.resolve(handle) == 9999


def test_an_earlier_pings_pong_does_not_end_the_old_meaning() -> None:
    table = full_table()
    table.ping_sent()
    handle, _ = table.bind(UserId(9999))
    table.ping_sent()
    assert table.pong_heard() is False  # somebody else's
    assert table.resolve(handle) == 1
    assert table.pong_heard() is True
    assert table.resolve(handle) == 9999


def test_a_retiring_handle_is_not_bound_again_and_running_out_is_a_named_error() -> None:
    table = full_table()
    seen: dict[Handle, None] = {}
    for user in range(10_000, 10_000 + MAX_BINDINGS_PER_SIDE):
        handle, rebound = table.bind(UserId(user))
        assert rebound
        seen[handle] = None
        table.ping_sent()
    assert len(seen) == MAX_BINDINGS_PER_SIDE
    with pytest.raises(HandleTableFullError):
        table.bind(UserId(20_000))
    table.pong_heard()
    assert table.bind(UserId(20_000)) == (0, True)


def test_a_pong_without_a_ping_is_malformed() -> None:
    with pytest.raises(MalformedError, match="pong"):
        HandleTable(odd=False).pong_heard()


@given(
    uses=st.lists(st.tuples(st.booleans(), st.integers(1, 12)), max_size=60),
)
def test_both_ends_always_agree_on_every_handle(uses: list[tuple[bool, int]]) -> None:
    client, relay = HandleTable(odd=False), HandleTable(odd=True)
    for from_client, user in uses:
        speaker, listener = (client, relay) if from_client else (relay, client)
        handle = speaker.find(UserId(user))
        if handle is None:
            handle, _ = speaker.bind(UserId(user))
            listener.accept(handle, UserId(user))
        assert listener.resolve(handle) == user
