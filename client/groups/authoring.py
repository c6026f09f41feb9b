"""Makes entries of what a person wants: the next step of a wish, given the group as it is known here.

A wish may need something first (the keys of people who are added); what is so already is done. Entries are
drafted behind the newest entry that is known: if the relay has newer ones it says so (``log-moved``), and the
step is asked for again with them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, TypeAlias

from actors.ports import Clock, Entropy
from client.database import Database
from client.device_keys import DeviceKeys
from client.groups.info import GroupInfos
from client.groups.logs import GroupLogs
from client.groups.records import Standing, WishState
from client.groups.welcomes import GroupWelcomes
from client.groups.wishes import (
    DueWish,
    Wish,
    WishAdd,
    WishCreate,
    WishDemote,
    WishDescribe,
    WishDismiss,
    Wishes,
    WishInvite,
    WishJoin,
    WishLeave,
    WishPromote,
    WishRekey,
    WishRemove,
    WishRevoke,
    WishSettings,
    decode_wish,
)
from client.peers import Peers
from client.records import Account
from protocol.e2e import IdentityKeyPair
from protocol.e2e.group_info import GroupInfo, new_info_key, seal_info
from protocol.e2e.group_link import write_plea
from protocol.e2e.membership import Author, draft, prove_invite, sign_entry
from protocol.ids import GroupId, UserId
from protocol.membership import (
    Action,
    Add,
    ChangeSettings,
    Create,
    Demote,
    Describe,
    GroupState,
    Invite,
    Join,
    Leave,
    NewMember,
    Promote,
    Refusal,
    Rekey,
    Remove,
    Revoke,
    Settings,
    apply,
    decode_signed_entry,
    entry_hash,
    judge,
)
from protocol.membership.actions import MAX_MEMBERS_PER_ENTRY


@dataclass(frozen=True, slots=True)
class Append:
    """Have the relay append these entries."""

    entries: tuple[bytes, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class AskToJoin:
    """Ask the admins."""

    invite: bytes
    """SHA-256 of the invitation's public key."""
    plea: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NeedDevices:
    """Ask for the devices of these people first."""

    users: tuple[UserId, ...]


@dataclass(frozen=True, slots=True)
class Dismiss:
    """Tell the relay that these are not let in."""

    users: tuple[UserId, ...]


@dataclass(frozen=True, slots=True)
class AlreadySo:
    """Nothing is to be done."""


@dataclass(frozen=True, slots=True)
class CannotBe:
    """The group's rules do not allow it; named as the relay's error would be."""

    error_name: str


Step: TypeAlias = Append | AskToJoin | NeedDevices | Dismiss | AlreadySo | CannotBe

_ALREADY_SO: Final = AlreadySo()


class Authoring:
    """Drafts and signs. Its methods are to be called inside a transaction."""

    def __init__(
        self,
        database: Database,
        own: DeviceKeys,
        peers: Peers,
        logs: GroupLogs,
        infos: GroupInfos,
        wishes: Wishes,
        welcomes: GroupWelcomes,
        entropy: Entropy,
        clock: Clock,
    ) -> None:
        self._database = database
        self._own = own
        self._peers = peers
        self._logs = logs
        self._infos = infos
        self._wishes = wishes
        self._welcomes = welcomes
        self._entropy = entropy
        self._clock = clock

    # ------------------------------------------------------------- the next step

    def next_step(self, due: DueWish) -> Step:
        """What to do for a wish now."""
        account, state = self._own.require_account(), self._logs.state(due.group)
        match due.wish:
            case WishDismiss(users):
                return Dismiss(users)
            case WishJoin():
                return self._join(account, state, due)
            case WishCreate():
                return self._create(account, state, due.group, due.wish)
            case WishLeave() if state is None or account.user not in state.members:
                return _ALREADY_SO
        if state is None:
            return CannotBe("no-such-group")
        actions = self._actions(account, state, due.wish)
        return actions if not isinstance(actions, list) else self._append(account, state, due.group, actions)

    def _actions(self, account: Account, state: GroupState, wish: Wish) -> list[Action] | Step:
        """The actions by which a wish about a group that is there comes true; none if it is so."""
        match wish:
            case WishAdd(users):
                return self._add(account, [user for user in users if user not in state.members])
            case WishRemove(users):
                there = tuple(user for user in users if user in state.members)
                return [Remove(there)] if there else []
            case WishPromote(users):
                plain = tuple(user for user in users if not state.is_admin(user))
                return [Promote(plain)] if plain else []
            case WishDemote(users):
                admins = tuple(user for user in users if state.is_admin(user))
                return [Demote(admins)] if admins else []
            case WishLeave():
                return [Leave()]
            case WishSettings(on, off):
                wanted = (state.settings | on) & ~off
                return [ChangeSettings(wanted)] if wanted != state.settings else []
            case WishDescribe():
                return self._describe(state, wish)
            case WishInvite(seed):
                key = IdentityKeyPair.from_seed(seed).public
                return [Invite(key)] if key not in state.invites else []
            case WishRevoke():
                return [Revoke(key) for key in state.invites]
            case WishRekey():
                key, member = account.identity_key, state.members.get(account.user)
                return [Rekey(key)] if member is not None and member.key != key else []
        raise AssertionError(wish)  # the others have been dealt with

    def _append(
        self, account: Account, state: GroupState | None, group: GroupId, actions: Sequence[Action]
    ) -> Step:
        author = self._author(account)
        signed: list[bytes] = []
        for action in actions:
            entry = draft(state, group, author, int(self._clock.now()), action)
            refused = judge(state, entry)
            if refused is not None:
                if refused.why is Refusal.ALREADY_THERE:
                    return _ALREADY_SO
                return CannotBe(refused.why.name.lower().replace("_", "-"))
            signed.append(sign_entry(author, entry))
            state = apply(state, entry, entry_hash(signed[-1]))
        return Append(tuple(signed)) if signed else _ALREADY_SO

    def _author(self, account: Account) -> Author:
        primary = self._peers.primary_key(account, account.user)
        is_companion = primary is not None and primary != account.identity_key
        device_list = self._peers.signed_list(account.user) if is_companion else None
        return Author(account.address, self._own.identity(), device_list)

    def _create(self, account: Account, state: GroupState | None, group: GroupId, wish: WishCreate) -> Step:
        if state is not None:
            return _ALREADY_SO
        unknown = self._unknown(account, wish.users)
        if unknown:
            return NeedDevices(unknown)
        info_key = self._infos.key(group) or new_info_key(self._entropy)
        self._logs.remember(group)
        self._infos.set_key(group, info_key)
        info = GroupInfo(wish.name, wish.description, wish.picture)
        own = NewMember(account.user, self._primary_key(account, account.user))
        members = [own, *self._new_members(account, wish.users)]
        first, rest = members[:MAX_MEMBERS_PER_ENTRY], members[MAX_MEMBERS_PER_ENTRY:]
        sealed = seal_info(info_key, group, info, self._entropy)
        actions: list[Action] = [Create(tuple(first), wish.settings, sealed)]
        if rest:
            actions.append(Add(tuple(rest)))
        return self._append(account, None, group, actions)

    def _add(self, account: Account, users: Sequence[UserId]) -> list[Action] | Step:
        unknown = self._unknown(account, users)
        if unknown:
            return NeedDevices(unknown)
        members = self._new_members(account, users)
        step = MAX_MEMBERS_PER_ENTRY
        return [Add(tuple(members[at : at + step])) for at in range(0, len(members), step)]

    def _describe(self, state: GroupState, wish: WishDescribe) -> list[Action] | Step:
        key = self._infos.key(state.group)
        if key is None:
            return CannotBe("no-info-key")
        now = self._infos.info(state.group, state.described_at)
        picture = now.picture if wish.picture is None else wish.picture or None
        info = GroupInfo(
            now.name if wish.name is None else wish.name,
            now.description if wish.description is None else wish.description,
            picture,
        )
        return [Describe(seal_info(key, state.group, info, self._entropy))] if info != now else []

    def _join(self, account: Account, state: GroupState | None, due: DueWish) -> Step:
        wish = due.wish
        assert isinstance(wish, WishJoin)
        invite = IdentityKeyPair.from_seed(wish.seed)
        if state is None:
            return CannotBe("no-such-group")
        if self._infos.key(due.group) is None and self._infos.opens(
            wish.info_key, due.group, state.described_at
        ):
            self._infos.set_key(due.group, wish.info_key)
            self._infos.refresh_name(due.group, state.described_at)
        if account.user in state.members:
            return _ALREADY_SO
        if invite.public not in state.invites:
            return CannotBe("no-such-invite")
        key = self._primary_key(account, account.user)
        if Settings.ADMINS_APPROVE in state.settings or account.user in state.barred:
            plea = write_plea(invite, due.group, account.user, key)
            return AskToJoin(sha256(invite.public).digest(), plea)
        proof = prove_invite(invite, due.group, account.user, key)
        return self._append(account, state, due.group, [Join(invite.public, proof, key)])

    def _unknown(self, account: Account, users: Sequence[UserId]) -> tuple[UserId, ...]:
        return tuple(user for user in users if self._peers.primary_key(account, user) is None)

    def _new_members(self, account: Account, users: Sequence[UserId]) -> list[NewMember]:
        return [NewMember(user, self._primary_key(account, user)) for user in users]

    def _primary_key(self, account: Account, user: UserId) -> bytes:
        key = self._peers.primary_key(account, user)
        if key is None and user == account.user:
            return account.identity_key
        assert key is not None  # the caller has asked for those that are missing
        return key

    # ------------------------------------------------------------- it is done

    def done(self, due: DueWish, entries: Sequence[bytes]) -> None:
        """The relay has these entries of ours: they count here from now on, and newcomers are welcomed."""
        account = self._own.require_account()
        self._logs.remember(due.group)
        for signed in entries:
            self._logs.take(account, due.group, decode_signed_entry(signed).entry.index, signed)
        self._welcomes.weigh(account, due.group)
        if isinstance(due.wish, WishCreate | WishAdd):
            self._welcomes.send(due.group, due.wish.users)
        if isinstance(due.wish, WishCreate | WishJoin):
            self.welcome_own_devices(due.group)
        if isinstance(due.wish, WishInvite):
            self._wishes.keep(due.row)
            return
        if isinstance(due.wish, WishRevoke):
            self._wishes.forget_invites(due.group)
        self._wishes.settle(due.row, WishState.DONE)

    def welcome_own_devices(self, group: GroupId) -> None:
        """Tell the other devices of this account the same, if there are any."""
        user = self._own.user()
        if self._peers.active_devices(user):
            self._welcomes.send(group, [user])

    def invite_seed(self, group: GroupId) -> bytes | None:
        """The newest invitation of ours that holds; other admins' are known to them alone."""
        state = self._logs.state(group)
        for stored in self._wishes.kept(group):
            wish = decode_wish(stored)
            if not isinstance(wish, WishInvite) or state is None:
                continue
            if IdentityKeyPair.from_seed(wish.seed).public in state.invites:
                return wish.seed
        return None

    def wish_rekeys(self) -> None:
        """Want the log of each group to have our present key, if this is our primary device."""
        account = self._own.require_account()
        if self._primary_key(account, account.user) != account.identity_key:
            return
        for group in self._logs.all():
            state = self._logs.state(group)
            member = None if state is None else state.members.get(account.user)
            is_stale = member is not None and member.key != account.identity_key
            if is_stale and self._logs.problem(group) is None and not self._wishes.wants(group, WishRekey):
                self._wishes.add(group, WishRekey())

    def ask_to_join(self, due: DueWish) -> None:
        """The admins have been asked."""
        self._logs.set_standing(due.group, Standing.ASKING)
        self._wishes.settle(due.row, WishState.ASKED)
