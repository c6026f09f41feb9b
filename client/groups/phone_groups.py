"""What a phone asks the relay of a group for its person: how far a message is, who asks to be let in."""

from client.connection_handle import ConnectionHandle
from client.errors import GroupError, RelayRefusedError
from client.groups.records import Asking, MemberTick, WishState
from client.groups.sync_handle import GroupSyncHandle
from client.groups.wishes import Wish, WishLeave
from client.store import Store
from protocol.codes import code_name, refusal_sentence
from protocol.e2e.errors import BadLinkError
from protocol.e2e.group_link import read_plea
from protocol.ids import GroupAddress, GroupId, MessageNumber, UserId
from protocol.stanzas import (
    Failed,
    FetchGroupProgress,
    FetchJoinRequests,
    GroupProgress,
    JoinRequests,
)


class PhoneGroups:
    """The groups of an open phone.

    Raises, all that waits:
        RelayRefusedError: the relay said no.
        RequestTimeoutError: there is no connection, or no answer.
    """

    __slots__ = ("_connection", "_store", "_sync")

    def __init__(self, store: Store, connection: ConnectionHandle, sync: GroupSyncHandle) -> None:
        self._store = store
        self._connection = connection
        self._sync = sync

    def want(self, group: GroupId, wish: Wish) -> int:
        """Want something of a group; it is brought to the relay at once. Raises GroupError."""
        row = self._store.groups.want(group, wish)
        self._sync.look()
        return row

    def leave_all(self) -> list[int]:
        """Leave every group; returns what to ask ``is_settled`` about."""
        return [self.want(group.id, WishLeave()) for group in self._store.groups.all() if group.is_member]

    def is_settled(self, row: int) -> bool:
        """Whether the relay has taken, or refused, what was wanted."""
        return self._store.groups.wishes.outcome(row).state is not WishState.DUE

    def set_typing(self, group: GroupId, is_typing: bool) -> None:
        """Let the members see that we are typing, or have stopped. Only if there is a connection."""
        self._connection.tell_typing(GroupAddress(group), is_typing)

    async def ticks(self, message_id: str) -> list[MemberTick]:
        """Who has a message of ours, and who has read it.

        Raises:
            GroupError: there is no such message of ours in a group, or it has not been sent.
        """
        entry = self._store.entry(message_id)
        if entry is None or entry.group is None or not entry.outgoing or entry.number is None:
            raise GroupError("no-such-message", f"{message_id} is no message that this phone sent to a group")
        group, number = entry.group, MessageNumber(entry.number)
        answer = await self._connection.request(lambda request: FetchGroupProgress(request, group, number))
        if isinstance(answer, Failed):
            raise _refusal(answer)
        assert isinstance(answer, GroupProgress)  # nothing else answers it
        person = self._store.groups.people.person
        return [
            MemberTick(person(row.user), row.delivered >= answer.gseq, row.read >= answer.gseq)
            for row in answer.members
        ]

    async def asking(self, group: GroupId) -> list[Asking]:
        """Who asks to be let in; for admins."""
        answer = await self._connection.request(lambda request: FetchJoinRequests(request, group))
        if isinstance(answer, Failed):
            raise _refusal(answer)
        assert isinstance(answer, JoinRequests)  # nothing else answers it
        return [
            Asking(self._store.groups.people.person(each.user), self._has_link(group, each.user, each.proof))
            for each in answer.requests
        ]

    def _has_link(self, group: GroupId, user: UserId, proof: bytes) -> bool:
        state = self._store.groups.logs.state(group)
        try:
            plea = read_plea(proof, group, user)
        except BadLinkError:
            return False
        return state is not None and plea.invite in state.invites


def _refusal(failed: Failed) -> RelayRefusedError:
    return RelayRefusedError(
        code_name(failed.code), refusal_sentence(failed.code, failed.detail), failed.detail
    )
