from client.renewals import RENEWAL_SECONDS, Renewals
from protocol.ids import DeviceAddress, DeviceId
from tests.client.phones import TestPhone

Phones = tuple[TestPhone, TestPhone]


def renewals_of(phone: TestPhone) -> Renewals:
    return Renewals(phone.store._database, phone.clock)


def renew(alice: TestPhone, bob: TestPhone) -> bytes | None:
    """Have Alice fetch Bob's bundle; the session that sends from now on."""
    alice.store.learn_bundles(bob.user, [(bob.device, bob.bundle())])
    return alice.store._sessions.load(alice.account.address, bob.account.address).sending_session


def test_a_wanted_session_is_made_with_the_next_bundle_and_the_old_one_stays_readable(
    friends: Phones,
) -> None:
    alice, bob = friends
    before = renew(alice, bob)
    assert renew(alice, bob) == before
    under_way = bob.send(alice, "in the old session")
    renewals_of(alice).want(bob.account.address)
    assert alice.store.users_needing_bundles() == []
    message_id = alice.store.queue_text(bob.user, "hello")
    assert alice.store.next_to_encrypt() is None
    assert alice.store.users_needing_bundles() == [bob.user]
    assert renew(alice, bob) != before
    assert alice.read(bob, under_way) == "in the old session"
    assert alice.store.encrypt(message_id)


def test_a_session_is_made_anew_once_an_hour_at_most(friends: Phones) -> None:
    alice, bob = friends
    renewals, peer = renewals_of(alice), bob.account.address
    renewals.want(peer)
    renew(alice, bob)
    alice.clock.time += RENEWAL_SECONDS - 1
    renewals.want(peer)
    assert not renewals.is_due(peer)
    alice.clock.time += 2
    renewals.want(peer)
    assert renewals.is_due(peer)


def test_a_clock_that_was_set_back_keeps_no_session_from_healing(friends: Phones) -> None:
    alice, bob = friends
    renewals, peer = renewals_of(alice), bob.account.address
    renewals.want(peer)
    renew(alice, bob)
    alice.clock.time -= 86_400
    renewals.want(peer)
    assert renewals.is_due(peer)


def test_a_session_that_the_other_side_made_is_enough(friends: Phones) -> None:
    alice, bob = friends
    renewals_of(alice).want(bob.account.address)
    alice.read(bob, bob.send(alice, "my new session"))
    assert not renewals_of(alice).is_due(bob.account.address)


def test_all_present_devices_of_a_user_can_be_wanted_at_once(friends: Phones) -> None:
    alice, bob = friends
    renewals = renewals_of(alice)
    renewals.want_all_of(bob.user)
    assert renewals.is_due(bob.account.address)
    assert not renewals.is_due(DeviceAddress(bob.user, DeviceId(2)))
