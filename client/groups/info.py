"""What a group calls itself: name, description and picture, sealed for its members."""

from client.database import Database
from protocol.ids import GroupId


class GroupInfos:
    """Opens what the log says of a group."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def name_in(self, group: GroupId, sealed: bytes) -> str | None:
        """The name in a sealed description; None if it cannot be opened here."""
        return None
