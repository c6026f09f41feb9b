"""What a group calls itself: name, description and picture, which only members can open."""

from client.database import Database
from protocol.e2e.errors import BadGroupInfoError
from protocol.e2e.group_info import GroupInfo, open_info
from protocol.ids import GroupId
from protocol.membership import Create, Describe, decode_signed_entry


class GroupInfos:
    """Opens what the log says of a group, with the key that a member or an invitation has brought."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def key(self, group: GroupId) -> bytes | None:
        """The group's info key, if it is here."""
        key: bytes | None = self._database.value("SELECT info_key FROM groups WHERE id = ?", group)
        return key

    def set_key(self, group: GroupId, key: bytes) -> None:
        """Keep a key that has been found right, or is one's own."""
        self._database.execute("UPDATE groups SET info_key = ? WHERE id = ?", key, group)

    def name_in(self, group: GroupId, sealed: bytes) -> str | None:
        """The name in a sealed description; None if it cannot be opened here."""
        info = self._open(self.key(group), group, sealed)
        return None if info is None else info.name

    def info(self, group: GroupId, described_at: int) -> GroupInfo:
        """What the entry with this index says; nothing if it cannot be opened here."""
        return self._open(self.key(group), group, self._sealed(group, described_at)) or GroupInfo()

    def opens(self, key: bytes, group: GroupId, described_at: int) -> bool:
        """Whether a key is the group's."""
        return self._open(key, group, self._sealed(group, described_at)) is not None

    def refresh_name(self, group: GroupId, described_at: int) -> None:
        """Keep the name where a group can be found by it."""
        name = self.info(group, described_at).name
        self._database.execute("UPDATE groups SET name = ? WHERE id = ?", name, group)

    def _sealed(self, group: GroupId, index: int) -> bytes | None:
        signed: bytes | None = self._database.value(
            "SELECT entry FROM group_entries WHERE group_id = ? AND place = ?", group, index
        )
        action = None if signed is None else decode_signed_entry(signed).entry.action
        return action.info if isinstance(action, Create | Describe) else None

    def _open(self, key: bytes | None, group: GroupId, sealed: bytes | None) -> GroupInfo | None:
        if key is None or sealed is None:
            return None
        try:
            return open_info(key, group, sealed)
        except BadGroupInfoError:
            return None  # sealed by a member who has made something up, or with another key
