"""Another number for this account, or for somebody else: what is told, and what comes of being told.

Whoever changes the number tells everybody with whom there is a chat, end to end; their phones show it in the
chat. Which number somebody has is still what the relay says: the word of the sender only makes the phone ask,
or anybody could take the name of a number that is in the address book.
"""

from actors.ports import Clock, Entropy
from client.contacts.book import ContactBook
from client.database import Database
from client.device_keys import DeviceKeys
from client.records import EntryKind
from client.send_queue import SendQueue
from protocol.e2e import NumberChanged
from protocol.e2e import content as contents
from protocol.ids import UserId


class NumberChanges:
    """What a change of number means for the phone's store."""

    def __init__(
        self,
        database: Database,
        keys: DeviceKeys,
        queue: SendQueue,
        entropy: Entropy,
        clock: Clock,
    ) -> None:
        self._database = database
        self._keys = keys
        self._queue = queue
        self._entropy = entropy
        self._clock = clock

    def made(self, number: str) -> int:
        """The relay has given this account another number: everybody is to be told. One transaction.

        Returns:
            How many people that are; 0 if it was done before.
        """
        with self._database.transaction():
            account = self._keys.require_account()
            if account.phone == number:
                return 0
            self._keys.set_phone(number)
            people = self._people()
            if self._has_other_devices(account.user):
                people.append(account.user)
            for user in people:
                id_ = self._entropy(contents.CONTENT_ID_BYTES)
                sent_at = contents.sent_at_from_unix(self._clock.now())
                content = NumberChanged(id_, sent_at, account.phone, number)
                self._queue.queue_encoded(user, id_, contents.encode(content))
            return len(people)

    def _people(self) -> list[UserId]:
        """Everybody with whom there is a chat, but for those who are blocked."""
        rows = self._database.rows(
            "SELECT DISTINCT user FROM messages WHERE user IS NOT NULL AND kind NOT IN (?, ?) AND user <> ?"
            " AND user NOT IN (SELECT id FROM groups)"
            " AND user NOT IN (SELECT user FROM blocks WHERE is_blocked = 1) ORDER BY user",
            EntryKind.SERVICE.value,
            EntryKind.SECURITY_CODE_CHANGED.value,
            self._keys.user(),
        )
        return [UserId(row["user"]) for row in rows]

    def _has_other_devices(self, user: UserId) -> bool:
        return bool(self._database.value("SELECT 1 FROM peer_devices WHERE user = ? AND active = 1", user))


def hear_number(keys: DeviceKeys, contacts: ContactBook, user: UserId, change: NumberChanged) -> bool:
    """Somebody says that they have another number. Only inside the transaction that stores it.

    Returns:
        Whether that is this account itself, from another of its devices: then nobody need read it.
    """
    if user != keys.user():
        contacts.look_into(user, change.new)
        return False
    keys.set_phone(change.new)
    return True
