from trio.testing import MockClock

from protocol.ids import UserId
from tests.client.groups.conftest import Club, store


async def test_a_person_is_known_by_number_by_id_or_as_oneself(club: Club, autojump_clock: MockClock) -> None:
    people = store(club.ann).groups.people
    ann, ben, nobody = people.persons([club.ann.account.user, club.ben.account.user, UserId(12345)])
    assert (ann.is_self, ann.phone) == (True, club.ann.account.phone)
    assert (ben.is_self, ben.phone) == (False, club.ben.account.phone)
    assert (nobody.phone, nobody.name, nobody.book_name) == (None, None, None)
