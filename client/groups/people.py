"""Who somebody is, as far as this phone knows: for the lines and lists of a group."""

from collections.abc import Iterable

from client.database import Database
from client.device_keys import DeviceKeys
from client.groups.records import Person
from protocol.ids import UserId


class People:
    """Looks people up."""

    def __init__(self, database: Database, keys: DeviceKeys) -> None:
        self._database = database
        self._keys = keys

    def person(self, user: UserId) -> Person:
        """Number and name of somebody, as far as they are known."""
        account = self._keys.require_account()
        if user == account.user:
            return Person(user, account.phone, is_self=True)
        row = self._database.row(
            "SELECT p.phone, f.name, b.name AS book_name FROM (SELECT ? AS user) u"
            " LEFT JOIN peers p ON p.user = u.user LEFT JOIN peer_profiles f ON f.user = u.user"
            " LEFT JOIN contacts b ON b.phone = p.phone",
            user,
        )
        assert row is not None  # one row, whatever is known
        return Person(user, row["phone"], row["name"] or None, row["book_name"] or None)

    def persons(self, users: Iterable[UserId]) -> tuple[Person, ...]:
        """The same of several."""
        return tuple(self.person(user) for user in users)
