"""The phone's groups: what the rest of the phone asks of them and tells them.

``Store.groups``. Each public method is one transaction, as in the store; the parts behind it have their own
modules: the logs, the sender keys, what is queued, what comes in, what a person wants.
"""

from collections.abc import Sequence

from actors.ports import Clock, Entropy
from client.database import Database
from client.device_keys import DeviceKeys
from client.errors import GroupError
from client.groups.authoring import Authoring, Step
from client.groups.healing import GroupHealing
from client.groups.info import GroupInfos
from client.groups.keys import SenderKeys
from client.groups.logs import GroupLogs
from client.groups.people import People
from client.groups.receiving import GroupReceiving
from client.groups.records import Group, GroupMember, Standing, WishState
from client.groups.sending import GroupSending
from client.groups.welcomes import GroupWelcomes
from client.groups.wishes import DueWish, Wish, WishCreate, WishDescribe, Wishes
from client.peers import Peers
from client.records import OutgoingSend, QueuedMessage
from client.send_queue import SendQueue
from client.sent_messages import SentMessages
from protocol.e2e import IdentityKeyPair, MisuseError
from protocol.e2e.group_info import GroupInfo, check_info
from protocol.e2e.group_link import GroupLink
from protocol.ids import GroupId, MessageNumber, UserId, new_user_id
from protocol.membership import GroupState, Settings


class Groups:
    """The front of ``client/groups/``."""

    def __init__(
        self,
        database: Database,
        own: DeviceKeys,
        peers: Peers,
        queue: SendQueue,
        sent: SentMessages,
        logs: GroupLogs,
        entropy: Entropy,
        clock: Clock,
    ) -> None:
        self._database = database
        self._own = own
        self._peers = peers
        self._sent = sent
        self._entropy = entropy
        self.people = People(database, own)
        self._infos = GroupInfos(database)
        self.logs = logs
        self.keys = SenderKeys(database, entropy, clock)
        self._sending = GroupSending(database, own, peers, queue, logs, self.keys)
        welcomes = GroupWelcomes(database, queue, logs, self._infos, entropy, clock)
        self.healing = GroupHealing(database, peers, queue, logs, self.keys, entropy, clock)
        self.receiving = GroupReceiving(database, logs, self.keys, welcomes, self.healing, clock)
        self.wishes = Wishes(database, clock)
        self.authoring = Authoring(
            database, own, peers, logs, self._infos, self.wishes, welcomes, entropy, clock
        )

    # ------------------------------------------------------------- looking

    def is_group(self, chat: int) -> bool:
        """Whether a chat is one with a group."""
        return self.logs.is_group(chat)

    def is_member(self, chat: int) -> bool:
        """Whether a chat is one with a group of which this account is a member."""
        return self.is_group(chat) and self.logs.standing(GroupId(chat)) is Standing.MEMBER

    def all(self) -> list[Group]:
        """All groups that this phone knows of."""
        return [group for each in self.logs.all() if (group := self.group(each)) is not None]

    def group(self, group: GroupId) -> Group | None:
        """A group as it is known here; None if it is not."""
        row = self._database.row("SELECT * FROM groups WHERE id = ?", group)
        if row is None:
            return None
        state = self.logs.state(group)
        info = self._infos.info(group, 0 if state is None else state.described_at)
        return Group(
            id=group,
            name=row["name"],
            standing=Standing(row["standing"]),
            info=info,
            members=() if state is None else self._members(state),
            settings=Settings(0) if state is None else state.settings,
            has_invite=state is not None and bool(state.invites),
            next_index=self.logs.next_index(group),
            problem=row["problem"],
        )

    def _members(self, state: GroupState) -> tuple[GroupMember, ...]:
        account = self._own.require_account()
        found = []
        for user, member in state.members.items():
            known = account.identity_key if user == account.user else None
            known = self._peers.primary_key(account, user) or known
            person = self.people.person(user)
            found.append(GroupMember(person, member.is_admin, known in (None, member.key)))
        return tuple(found)

    def find(self, text: str) -> Group:
        """The group that a person means: by its id (with or without the ``g``), or by its name.

        Raises:
            GroupError: there is none, or more than one.
        """
        groups = self.all()
        named = [group for group in groups if text in (f"g{group.id:016x}", f"{group.id:016x}")]
        named = named or [group for group in groups if group.name == text]
        named = named or [group for group in groups if group.name.casefold() == text.casefold()]
        if not named:
            raise GroupError("no-such-group", f"there is no group called {text!r} here; see roost group list")
        if len(named) > 1:
            ids = ", ".join(f"g{group.id:016x}" for group in named)
            raise GroupError("ambiguous-group", f"{len(named)} groups are called so; say which one: {ids}")
        return named[0]

    # ------------------------------------------------------------- the outbox

    def give_up_hopeless(self) -> list[str]:
        """Fail what can never be sent, because this account may not; the ids of it."""
        return self._sending.give_up_hopeless()

    def next_to_encrypt(self) -> QueuedMessage | None:
        """The oldest message that can be sealed now. Members without the key are given it by this."""
        return self._sending.next_to_encrypt()

    def encrypt(self, message_id: str) -> OutgoingSend:
        """Seal a message and number it. Raises MessageStateError."""
        return self._sending.encrypt(message_id)

    def go_stale(self, group: GroupId, number: MessageNumber, epoch: int) -> None:
        """Somebody has left since this was sealed: it waits for the log, and is sealed anew."""
        with self._database.transaction():
            self.logs.told(group, epoch + 1)
            self._sent.encrypt_again_from(UserId(group), number)

    # ------------------------------------------------------------- the log

    def behind(self) -> list[tuple[GroupId, int]]:
        """The groups whose logs have to be fetched, and from which entry on."""
        return [(group, self.logs.next_index(group)) for group in self.logs.behind()]

    def learn_log(self, group: GroupId, first: int, entries: Sequence[bytes], end: int) -> None:
        """A part of a log was fetched."""
        with self._database.transaction():
            account = self._own.require_account()
            self.receiving.learn_log(account, group, first, tuple(entries), end)

    def refuse_log(self, group: GroupId) -> None:
        """The relay does not show us the log (any more): what waits for it is given up."""
        with self._database.transaction():
            self.logs.ends(group)

    # ------------------------------------------------------------- what is wanted

    def create(
        self,
        users: Sequence[UserId],
        info: GroupInfo,
        settings: Settings = Settings(0),  # noqa: B008 - a value
    ) -> tuple[GroupId, int]:
        """Want a new group of these people and us; its id, and the number of the wish.

        Raises:
            GroupError: the name, the description or the picture cannot be.
        """
        _check(info)
        with self._database.transaction():
            self._own.require_account()
            group = GroupId(new_user_id(self._entropy))
            wish = WishCreate(tuple(users), settings, info.name, info.description, info.picture)
            self.logs.remember(group)
            return group, self.wishes.add(group, wish)

    def want(self, group: GroupId, wish: Wish) -> int:
        """Want something of a group; the number of the wish, for ``wishes.outcome``.

        Raises:
            GroupError: a name, a description or a picture that cannot be.
        """
        if isinstance(wish, WishDescribe):
            _check(GroupInfo(wish.name or "a name", wish.description or "", wish.picture or None))
        with self._database.transaction():
            self._own.require_account()
            self.logs.remember(group)
            return self.wishes.add(group, wish)

    def link(self, group: GroupId) -> GroupLink | None:
        """The newest invitation that this device has made and that holds; None if there is none."""
        account, seed, key = (
            self._own.require_account(),
            self.authoring.invite_seed(group),
            self._infos.key(group),
        )
        if seed is None or key is None:
            return None
        return GroupLink(account.relay_url, group, IdentityKeyPair.from_seed(seed), key)

    def next_step(self, due: DueWish) -> Step:
        """What to say to the relay for a wish, as things are now."""
        with self._database.transaction():
            return self.authoring.next_step(due)

    def wish_done(self, due: DueWish, entries: Sequence[bytes]) -> None:
        """The relay has these entries, which are the wish."""
        with self._database.transaction():
            self.authoring.done(due, entries)

    def wish_settled(self, due: DueWish, state: WishState, error_name: str | None = None) -> None:
        """A wish is done without an entry, or can not be."""
        self.wishes.settle(due.row, state, error_name)

    def join_asked(self, due: DueWish) -> None:
        """The admins have been asked to let us in."""
        with self._database.transaction():
            self.authoring.ask_to_join(due)

    def welcome_own_devices(self) -> None:
        """A device of this account is new: queue what it needs to be in our groups. Only in a transaction."""
        for group in self.logs.all():
            self.authoring.welcome_own_devices(group)

    def wish_rekeys(self) -> None:
        """Want our present key in each log that has another one."""
        with self._database.transaction():
            self.authoring.wish_rekeys()


def _check(info: GroupInfo) -> None:
    try:
        check_info(info)
    except MisuseError as error:
        raise GroupError("invalid-name", str(error)) from None
