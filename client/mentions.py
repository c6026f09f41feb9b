"""Who is named in a text: which of those whom it mentions stand in it by number, and how they are called.

A mention is a user and a number behind an ``@``. The user is what the sender's phone found behind the number;
whoever reads it trusts their own directory instead, so a number is only shown as somebody's name here if this
phone knows them by that number.
"""

import re
from collections.abc import Sequence
from typing import Final

from client.database import Database
from client.device_keys import DeviceKeys
from client.records import Mentioned
from protocol.ids import UserId

MENTION: Final = re.compile(r"@(\+[0-9]{7,15})")


class Mentions:
    """Looks people up in ``peers``, ``peer_profiles`` and the address book."""

    def __init__(self, database: Database, keys: DeviceKeys) -> None:
        self._database = database
        self._keys = keys

    def named(self, users: Sequence[UserId], text: str) -> tuple[Mentioned, ...]:
        """Those of ``users`` whose number is in the text, each once, in the order in which they are named."""
        if not users:
            return ()
        meant = dict.fromkeys(users)
        found = (self._look_up(phone) for phone in dict.fromkeys(MENTION.findall(text)))
        return tuple(each for each in found if each is not None and each.user in meant)

    def _look_up(self, phone: str) -> Mentioned | None:
        account = self._keys.account()
        if account is not None and account.phone == phone:
            return Mentioned(account.user, phone, None, is_own=True)
        row = self._database.row(
            "SELECT p.user, f.name, b.name AS book_name FROM peers p LEFT JOIN peer_profiles f USING (user)"
            " LEFT JOIN contacts b ON b.phone = p.phone WHERE p.phone = ?",
            phone,
        )
        if row is None:
            return None
        names = (row["name"] or None, row["book_name"] or None)
        return Mentioned(UserId(row["user"]), phone, names[0], is_own=False, book_name=names[1])
