"""What members tell a newcomer of a group: the key to its name, and how far they have checked its log.

A welcome is worth as much as its sender, and who that is the log tells, which usually comes later. So it is
kept until the log has come so far: from a member it is believed, from anybody else it is dropped.
"""

from collections.abc import Sequence

from actors.ports import Clock, Entropy
from client.database import Database
from client.groups.info import GroupInfos
from client.groups.logs import TWO_HISTORIES, GroupLogs
from client.records import Account
from client.send_queue import SendQueue
from protocol.e2e.content import CONTENT_ID_BYTES, sent_at_from_unix
from protocol.e2e.group_content import GroupWelcome, encode_group_service
from protocol.e2e.membership import Vouched
from protocol.ids import GroupId, UserId

MOST_KEPT = 16
"""Welcomes of one group that wait. One is enough; more than a few come from people who make them up."""

MOST_UNKNOWN = 64
"""Welcomes of one person to groups of which the relay has said nothing."""


class GroupWelcomes:
    """The table ``group_welcomes``. Its methods are to be called inside a transaction."""

    def __init__(
        self,
        database: Database,
        queue: SendQueue,
        logs: GroupLogs,
        infos: GroupInfos,
        entropy: Entropy,
        clock: Clock,
    ) -> None:
        self._database = database
        self._queue = queue
        self._entropy = entropy
        self._clock = clock
        self._logs = logs
        self._infos = infos

    def send(self, group: GroupId, users: Sequence[UserId]) -> None:
        """Tell these members what they need beside the log, as far as we know it."""
        state, key = self._logs.state(group), self._infos.key(group)
        if state is None or key is None:
            return
        vouched = Vouched(state.epoch, state.head)
        for user in users:
            if user in state.members:
                now = sent_at_from_unix(self._clock.now())
                content_id = self._entropy(CONTENT_ID_BYTES)
                service = GroupWelcome(content_id, now, group, key, vouched)
                self._queue.queue_encoded(user, content_id, encode_group_service(service))

    def take(self, account: Account, sender: UserId, welcome: GroupWelcome) -> None:
        """Somebody says that we are in a group, and what they know of it."""
        if sender == account.user:
            # One's own device is believed at once: there is a log to fetch, whatever is delivered.
            self._logs.remember(welcome.group)
            self._logs.told(welcome.group, welcome.vouched.epoch + 1)
        of_group, of_sender = "group_id = ?", "user = ? AND group_id NOT IN (SELECT id FROM groups)"
        if self._waiting(of_group, welcome.group) >= MOST_KEPT:
            return
        if self._waiting(of_sender, sender) >= MOST_UNKNOWN:
            return
        # Not a group yet: anybody can say that there is one, and the id may be that of a person.
        self._database.execute(
            "INSERT OR REPLACE INTO group_welcomes (group_id, user, info_key, place, hash)"
            " VALUES (?, ?, ?, ?, ?)",
            welcome.group,
            sender,
            welcome.info_key,
            *welcome.vouched,
        )
        self.weigh(account, welcome.group)

    def _waiting(self, which: str, value: int) -> int:
        waiting: int = self._database.value(f"SELECT count(*) FROM group_welcomes WHERE {which}", value)
        return waiting

    def weigh(self, account: Account, group: GroupId) -> None:
        """Look at the welcomes that wait, now that the log has come further."""
        state = self._logs.state(group)
        if state is None:
            return
        rows = self._database.rows(
            "SELECT * FROM group_welcomes WHERE group_id = ? AND place < ? ORDER BY place, user",
            group,
            state.next_index,
        )
        for row in rows:
            self._database.execute(
                "DELETE FROM group_welcomes WHERE group_id = ? AND user = ?", group, row["user"]
            )
            if row["user"] in state.members or row["user"] == account.user:
                self._believe(account, group, Vouched(row["place"], row["hash"]), row["info_key"])

    def _believe(self, account: Account, group: GroupId, vouched: Vouched, info_key: bytes) -> None:
        if self._logs.hash_at(group, vouched.epoch) != vouched.head:
            self._logs.distrust(group, TWO_HISTORIES)
            return
        state = self._logs.state(group)
        assert state is not None  # the caller has looked
        if self._infos.key(group) is None and self._infos.opens(info_key, group, state.described_at):
            self._infos.set_key(group, info_key)
            self._infos.refresh_name(group, state.described_at)
        self._logs.vouch(account, group, vouched)
