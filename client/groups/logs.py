"""The logs of groups, as far as this phone has and believes them: tables ``groups`` and ``group_entries``.

Entries come one by one, from the timeline or fetched; each is checked (protocol/e2e/membership.py) and stored
with what the log comes to behind it, in one transaction. What does not count is stored as well, since the
chain goes on behind it, and makes a line that people see.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from actors.ports import Clock
from client.database import Database
from client.errors import GroupError
from client.groups.info import GroupInfos
from client.groups.lines import FORGED, INTRUDER
from client.groups.records import Standing
from client.peers import Peers
from client.records import Account, EntryKind, MessageState
from protocol.e2e import Entropy
from protocol.e2e.content import CONTENT_ID_BYTES
from protocol.e2e.errors import BadLogError
from protocol.e2e.membership import (
    Extended,
    Finding,
    Flaw,
    GroupLog,
    KeyView,
    Vouched,
    decode_log,
    extend,
    replay,
)
from protocol.ids import GroupId, UserId
from protocol.membership import BadEntryError, GroupState, Leave, entry_hash

TWO_HISTORIES: Final = "two-histories"
"""The relay tells others another history of the group than us."""
BROKEN_LOG: Final = "broken-log"
"""What the relay shows is no log, or not one that this version can read."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an entry."""

    is_new: bool
    """Whether it was the next one, and is in the log now."""
    is_early: bool = False
    """Whether entries before it are missing here."""


class GroupLogs:
    """Keeps the logs. Its methods are to be called inside a transaction, but for those that only read."""

    def __init__(
        self, database: Database, peers: Peers, infos: GroupInfos, entropy: Entropy, clock: Clock
    ) -> None:
        self._database = database
        self._peers = peers
        self._infos = infos
        self._entropy = entropy
        self._clock = clock

    # ------------------------------------------------------------- reading

    def is_group(self, chat: int) -> bool:
        """Whether a chat is one with a group."""
        return self._database.value("SELECT 1 FROM groups WHERE id = ?", chat) is not None

    def all(self) -> list[GroupId]:
        """All groups that this phone knows of, in the order in which they became known."""
        return [GroupId(row["id"]) for row in self._database.rows("SELECT id FROM groups ORDER BY rowid")]

    def log(self, group: GroupId) -> GroupLog | None:
        """What the entries that are here come to; None if none is."""
        stored: bytes | None = self._database.value("SELECT log FROM groups WHERE id = ?", group)
        return None if stored is None else _decoded(stored)

    def state(self, group: GroupId) -> GroupState | None:
        """Who is in the group, and what holds in it; None while its log is not here."""
        log = self.log(group)
        return None if log is None else log.state

    def next_index(self, group: GroupId) -> int:
        """The index of the first entry that is not here."""
        state = self.state(group)
        return 0 if state is None else state.next_index

    def hash_at(self, group: GroupId, index: int) -> bytes | None:
        """The hash of an entry that is here."""
        signed = self.entry_at(group, index)
        return None if signed is None else entry_hash(signed)

    def entry_at(self, group: GroupId, index: int) -> bytes | None:
        """An entry that is here, as it came."""
        signed: bytes | None = self._database.value(
            "SELECT entry FROM group_entries WHERE group_id = ? AND place = ?", group, index
        )
        return signed

    def is_behind(self, group: GroupId) -> bool:
        """Whether the relay has spoken of entries that are not here."""
        told: int | None = self._database.value("SELECT told FROM groups WHERE id = ?", group)
        return told is not None and told > self.next_index(group)

    def behind(self) -> list[GroupId]:
        """The groups whose logs have to be fetched. Not those whose logs cannot be believed any more."""
        rows = self._database.rows("SELECT id FROM groups WHERE told > 0 AND problem IS NULL ORDER BY rowid")
        return [GroupId(row["id"]) for row in rows if self.is_behind(GroupId(row["id"]))]

    def problem(self, group: GroupId) -> str | None:
        """Why the relay's log of this group is not believed any more."""
        problem: str | None = self._database.value("SELECT problem FROM groups WHERE id = ?", group)
        return problem

    def standing(self, group: GroupId) -> Standing:
        """How this account stands to the group."""
        return Standing(self._database.value("SELECT standing FROM groups WHERE id = ?", group) or 0)

    def key_view(self, account: Account) -> KeyView:
        """Which keys this phone knows as those of somebody's primary device, now or once."""

        def is_known(user: UserId, key: bytes) -> bool:
            if key == self._peers.primary_key(account, user):
                return True
            return self._peers.was_primary_key(user, key)

        return is_known

    def check_may_write(self, account: Account, group: GroupId) -> None:
        """Make sure that this account may write to a group, as far as is known.

        Raises:
            GroupError: it may not, or the group's log cannot be believed.
        """
        state = self.state(group)
        if self.problem(group) is not None:
            sentence = "what the relay says of this group contradicts itself: nothing is sent to it"
            raise GroupError("broken-group", sentence)
        if self.standing(group) in (Standing.LEFT, Standing.REMOVED):
            raise GroupError("not-a-member", "you are not in this group any more")
        if state is not None and account.user in state.members and not state.may_send(account.user):
            raise GroupError("not-allowed", "only admins may write to this group")

    # ------------------------------------------------------------- writing

    def is_person(self, chat: int) -> bool:
        """Whether this id is somebody's whom this phone knows: ids of people and of groups are alike."""
        known = self._database.value(
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM own_devices WHERE user = ?1)"
            " OR EXISTS (SELECT 1 FROM peers WHERE user = ?1 AND phone NOTNULL)"
            " OR EXISTS (SELECT 1 FROM peer_devices WHERE user = ?1)",
            chat,
        )
        return known is not None

    def remember(self, group: GroupId) -> None:
        """Note that a group exists, with a place for its counter.

        Raises:
            GroupError: it is a person: what is meant for them would go to whoever is in the group.
        """
        if self.is_person(group):
            raise GroupError("no-such-group", "this is the id of a person, and not of a group")
        self._database.execute("INSERT OR IGNORE INTO groups (id) VALUES (?)", group)
        self._database.execute("INSERT OR IGNORE INTO peers (user) VALUES (?)", group)

    def told(self, group: GroupId, count: int) -> None:
        """The relay has spoken of so many entries."""
        self._database.execute("UPDATE groups SET told = max(told, ?) WHERE id = ?", count, group)

    def ends(self, group: GroupId) -> None:
        """The relay says that there is no more than what is here, whatever a member has claimed."""
        self._database.execute("UPDATE groups SET told = ? WHERE id = ?", self.next_index(group), group)

    def set_standing(self, group: GroupId, standing: Standing) -> None:
        """Note how this account stands to the group."""
        self._database.execute("UPDATE groups SET standing = ? WHERE id = ?", standing, group)

    def distrust(self, group: GroupId, problem: str) -> None:
        """The relay's log cannot be believed any more; nothing is sent to the group from now on."""
        self._database.execute(
            "UPDATE groups SET problem = ? WHERE id = ? AND problem IS NULL", problem, group
        )

    def take(self, account: Account, group: GroupId, index: int, signed: bytes) -> Taken:
        """An entry has come. It counts if it is the next one, and right."""
        expected = self.next_index(group)
        if index > expected:
            self.told(group, index + 1)
            return Taken(is_new=False, is_early=True)
        if index < expected:
            if self.entry_at(group, index) != signed:
                self.distrust(group, TWO_HISTORIES)
            return Taken(is_new=False)
        return Taken(is_new=self._extend(account, group, signed))

    def _extend(self, account: Account, group: GroupId, signed: bytes) -> bool:
        before = self.log(group)
        try:
            extended = extend(before, group, signed, self.key_view(account), self._vouched(group))
        except BadLogError:
            self.distrust(group, BROKEN_LOG if before is None else TWO_HISTORIES)
            return False
        except BadEntryError:
            self.distrust(group, BROKEN_LOG)
            return False
        self._database.execute(
            "INSERT INTO group_entries (group_id, place, entry) VALUES (?, ?, ?)",
            group,
            extended.entry.index,
            signed,
        )
        self._keep(group, extended.log)
        self._tell(account, group, extended)
        self._stand(account, group, extended)
        return True

    def _keep(self, group: GroupId, log: GroupLog) -> None:
        self._database.execute("UPDATE groups SET log = ? WHERE id = ?", log.encode(), group)
        self.told(group, log.state.next_index)
        self._infos.refresh_name(group, log.state.described_at)

    def _stand(self, account: Account, group: GroupId, extended: Extended) -> None:
        if account.user in extended.log.state.members:
            self.set_standing(group, Standing.MEMBER)
        elif self.standing(group) is Standing.MEMBER:
            has_left = extended.finding is None and isinstance(extended.entry.action, Leave)
            self.set_standing(group, Standing.LEFT if has_left else Standing.REMOVED)

    # ------------------------------------------------------------- what people see of it

    def _tell(self, account: Account, group: GroupId, extended: Extended) -> None:
        """A line for the entry; and for whom it would have brought in, if it does not count."""
        entry, finding = extended.entry, extended.finding
        author = entry.author.user
        if not (account.user in extended.log.state.members or self.standing(group) is Standing.MEMBER):
            return  # it was before this account came, or after it went: history is from joining on
        if entry.time < int(self._linked_at(account)):
            return  # before this device came, which is given the history by another (history_transfer.py)
        if finding is None or finding.flaw is Flaw.KEY:
            self._line(group, author, entry.index + 1, None, is_own=author == account.user)
            return
        self._line(group, author, None, FORGED)
        self._tell_intruders(group, finding)

    def _linked_at(self, account: Account) -> float:
        """When this companion met its primary; 0 on the primary."""
        met: float | None = self._database.value(
            "SELECT min(first_seen_at) FROM peer_devices WHERE user = ? AND device < ?", *account.address
        )
        return met or 0.0

    def _tell_intruders(self, group: GroupId, finding: Finding) -> None:
        for user in finding.intruders:
            self.show_intruder(group, user)

    def show_intruder(self, group: GroupId, user: UserId) -> None:
        """Somebody speaks, or is said to be there, whom nobody has let in. Said once between two changes."""
        last_change = "SELECT max(row) FROM messages WHERE user = ? AND kind = ? AND number NOTNULL"
        shown = self._database.value(
            "SELECT 1 FROM messages WHERE user = ? AND author = ? AND kind = ? AND error_name = ?"
            f" AND row > coalesce(({last_change}), 0)",
            *(group, user, EntryKind.GROUP.value, INTRUDER),
            *(group, EntryKind.GROUP.value),
        )
        if shown is None:
            self._line(group, user, None, INTRUDER)

    def _line(
        self,
        group: GroupId,
        author: UserId,
        number: int | None,
        error_name: str | None,
        *,
        is_own: bool = False,
    ) -> None:
        self._database.execute(
            "INSERT INTO messages (id, kind, outgoing, user, author, number, stored_at, state, error_name)"
            " VALUES (?, ?, 0, ?, ?, ?, ?, ?, ?)",
            self._entropy(CONTENT_ID_BYTES),
            EntryKind.GROUP.value,
            group,
            author,
            number,
            self._clock.now(),
            MessageState.SEEN if is_own else MessageState.RECEIVED,
            error_name,
        )

    # ------------------------------------------------------------- vouching, reading again

    def _vouched(self, group: GroupId) -> Vouched | None:
        row = self._database.row("SELECT vouched_index, vouched_hash FROM groups WHERE id = ?", group)
        if row is None or row["vouched_index"] is None:
            return None
        return Vouched(row["vouched_index"], row["vouched_hash"])

    def vouch(self, account: Account, group: GroupId, vouched: Vouched) -> None:
        """A member has checked the log up to here: their word for members' new keys is as good as ours."""
        known = self._vouched(group)
        if known is not None and vouched.epoch <= known.epoch:
            return
        self._database.execute(
            "UPDATE groups SET vouched_index = ?, vouched_hash = ? WHERE id = ?",
            vouched.epoch,
            vouched.head,
            group,
        )
        self.read_again(account, group)

    def read_again(self, account: Account, group: GroupId) -> None:
        """Read the whole log once more: a key is known that was not, or somebody vouches for a part of it."""
        rows = self._database.rows("SELECT entry FROM group_entries WHERE group_id = ? ORDER BY place", group)
        if not rows:
            return
        vouched = self._vouched(group)
        is_met = vouched is not None and vouched.epoch < len(rows)
        entries = [each["entry"] for each in rows]
        try:
            replayed = replay(group, entries, self.key_view(account), vouched if is_met else None)
        except BadLogError:
            self.distrust(group, TWO_HISTORIES)
            return
        self._keep(group, replayed.log)
        is_member = account.user in replayed.log.state.members
        if is_member:
            self.set_standing(group, Standing.MEMBER)


@lru_cache(maxsize=64)
def _decoded(stored: bytes) -> GroupLog:
    """A stored log as a value. Remembered: nothing in it changes, and a large group takes milliseconds."""
    return decode_log(stored)
