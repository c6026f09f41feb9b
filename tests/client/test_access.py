from dataclasses import replace

from trio.testing import MockClock

from client.access import account_access, stranger_access
from client.relay_url import RelayUrl
from client.store import Store
from tests.client.conftest import ANN, Town

KEY = b"k" * 32


async def test_the_pinned_key_counts_and_not_the_one_in_the_url(
    autojump_clock: MockClock, town: Town
) -> None:
    with Store.open(town.home(ANN), town.entropy, town.clock) as store:
        account = store.account()
        assert account is not None
        access = account_access(store, replace(account, relay_key=KEY))
        assert access.relay.key == KEY
        assert access.relay.place == town.relay.url.place
        assert access.resume_seq() == 0
        assert not access.is_stranger


def test_a_stranger_has_nothing_to_resume_and_its_key_stays_out_of_sight() -> None:
    access = stranger_access(RelayUrl("h", 1, KEY), b"p" * 32)
    assert access.is_stranger
    assert access.resume_seq() == 0
    assert "pppp" not in repr(access)
