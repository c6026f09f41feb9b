"""Keeps groups in step with the relay: fetches what is missing of their logs, brings what a person wants.

Owns: nothing; what is missing and what is wanted is in the store, where any command may want something.
Talks to: the store, the connection, the inbox (what has waited for a log), the outbox (which waits for it).
Guarantees: what is wanted reaches the relay, if not on this connection then on the next, or is refused with a
reason that stays in the store. An entry is signed behind the newest one that the relay knows.
Restarts as: permanent.
"""

import logging
from hashlib import sha256
from typing import TypeVar

from actors import Actor
from client.connection_handle import ConnectionHandle
from client.errors import RelayRefusedError, RequestTimeoutError
from client.events import EventStream, GroupNews
from client.groups.authoring import (
    AlreadySo,
    Append,
    AskToJoin,
    CannotBe,
    Dismiss,
    NeedDevices,
)
from client.groups.records import WishState
from client.groups.sync_handle import NAME, Sync
from client.groups.wishes import DueWish, WishJoin
from client.inbox import InboxHandle
from client.outbox import OutboxHandle
from client.store import Store
from client.wire_keys import bundle_from_wire
from protocol.codes import ErrorCode, code_name, code_sentence
from protocol.e2e import (
    BadBundleError,
    IdentityKeyPair,
    UntrustedDevicesError,
    UntrustedIdentityError,
)
from protocol.ids import GroupId, UserId
from protocol.stanzas import (
    AppendEntries,
    Bundles,
    DismissJoins,
    EntriesAppended,
    Failed,
    FetchBundles,
    FetchLog,
    JoinRequested,
    JoinsDismissed,
    Log,
    RequestJoin,
)
from supervisors import ChildSpec

log = logging.getLogger("roost.client")

T = TypeVar("T")

LOOK_SECONDS = 0.3  # how soon a wish that another process has stored is noticed
RETRY_SECONDS = 10.0  # after a refusal that may pass and that names no time
MOST_STEPS = 8  # of one wish at a time: a group that changes under our hands more often is tried later
LATER = (
    ErrorCode.WAIT,
    ErrorCode.RESTARTING,
    ErrorCode.OVERLOADED,
    ErrorCode.INTERNAL,
    ErrorCode.STORAGE_FULL,
)


class _LookIfDue:
    """See whether anybody has wanted something meanwhile."""


def child_spec(store: Store, events: EventStream) -> ChildSpec:
    """The bringer as a child of the phone's tree."""
    return ChildSpec(id=NAME, start=lambda: GroupSync(store, events), shutdown=1.0)


class GroupSync(Actor):
    """An actor of its own because it waits for answers; one question after the other is enough for it."""

    def __init__(self, store: Store, events: EventStream) -> None:
        self._store = store
        self._events = events
        self._rests = False  # the relay asked to wait, or nobody can be asked

    async def on_start(self) -> None:
        """Take the name, and begin to watch the store."""
        self.system.registry.register(NAME, self.ref)
        self._connection = ConnectionHandle(self.system)
        self.send_every(LOOK_SECONDS, _LookIfDue())

    async def handle(self, message: object) -> None:
        """Fetch and bring what is due."""
        match message:
            case Sync():
                self._rests = False
                await self._sync()
            case _LookIfDue():
                if not self._rests and self._store.groups.wishes.is_any_due():
                    await self._sync()
            case _:
                self.unexpected(message)

    async def _sync(self) -> None:
        groups = self._store.groups
        try:
            for group, first in groups.behind():
                await self._fetch(group, first)
            groups.wish_rekeys()
            for due in groups.wishes.due():
                await self._bring(due)
        except RequestTimeoutError:
            self._rests = True  # the next connection wakes us
        except RelayRefusedError as refusal:
            log.info("group_sync_refused", extra={"code": refusal.name})
            wait = float(refusal.detail) if isinstance(refusal.detail, int) else RETRY_SECONDS
            self._rests = True
            self.send_after(wait, Sync())

    # ---- the log ----

    async def _fetch(self, group: GroupId, first: int, invite: bytes | None = None) -> str | None:
        """Fetch a log to its end, and take what has waited for it; the error's name if it is not shown."""
        error_name = None
        while error_name is None:
            answer = await self._connection.request(
                lambda request, first=first: FetchLog(request, group, first, invite)  # type: ignore[misc] # mypy cannot type a default in a lambda
            )
            if isinstance(answer, Failed) and answer.code not in LATER:
                self._store.groups.refuse_log(group)
                error_name = code_name(answer.code)
                continue
            part = _expected(answer, Log)
            self._store.groups.learn_log(group, first, part.entries, part.next)
            reached = self._store.groups.logs.next_index(group)
            if reached >= part.next or reached <= first:
                break  # all is here, or what came is not to be believed
            first = reached
        InboxHandle(self.system).take_waiting(group)
        self._tell(group)
        return error_name

    def _tell(self, group: GroupId) -> None:
        OutboxHandle(self.system).look()
        self._events.publish(GroupNews(group))

    # ---- what is wanted ----

    async def _bring(self, due: DueWish) -> None:
        """Bring one wish, step by step."""
        if isinstance(due.wish, WishJoin) and not await self._may_look(due, due.wish):
            self._tell(due.group)
            return
        for _ in range(MOST_STEPS):
            if await self._take_step(due):
                self._tell(due.group)
                return
        log.warning("group_wish_postponed", extra={"wish": type(due.wish).__name__})

    async def _may_look(self, due: DueWish, wish: WishJoin) -> bool:
        """Fetch the log of a group that is to be joined, which the invitation allows."""
        invite = sha256(IdentityKeyPair.from_seed(wish.seed).public).digest()
        first = self._store.groups.logs.next_index(due.group)
        error_name = await self._fetch(due.group, first, invite)
        if error_name is not None:
            self._store.groups.wish_settled(due, WishState.REFUSED, error_name)
        return error_name is None

    async def _take_step(self, due: DueWish) -> bool:
        """One step; whether the wish is settled by it."""
        groups = self._store.groups
        match groups.next_step(due):
            case Append(entries):
                return await self._append(due, entries)
            case AlreadySo():
                groups.wish_done(due, ())  # its answer was lost, perhaps: newcomers are still to be welcomed
            case CannotBe(error_name):
                groups.wish_settled(due, WishState.REFUSED, error_name)
            case NeedDevices(users):
                return await self._learn_devices(due, users)
            case AskToJoin(invite, plea):
                return await self._ask_to_join(due, invite, plea)
            case Dismiss(users):
                answer = await self._connection.request(
                    lambda request: DismissJoins(request, due.group, users)
                )
                return self._settled(due, answer, JoinsDismissed, WishState.DONE)
        return True

    async def _append(self, due: DueWish, entries: tuple[bytes, ...]) -> bool:
        drafted_at = self._store.groups.logs.next_index(due.group)
        answer = await self._connection.request(lambda request: AppendEntries(request, due.group, entries))
        if isinstance(answer, Failed) and answer.code in (ErrorCode.LOG_MOVED, ErrorCode.ALREADY_THERE):
            # What is new may have been delivered meanwhile: then there is nothing left to fetch.
            await self._fetch(due.group, self._store.groups.logs.next_index(due.group))
            if self._store.groups.logs.next_index(due.group) == drafted_at:
                # Nothing is new: it is not the log's end that the relay objects to.
                self._store.groups.wish_settled(due, WishState.REFUSED, code_name(answer.code))
                return True
            return False
        if isinstance(answer, Failed) and answer.code not in LATER:
            self._store.groups.wish_settled(due, WishState.REFUSED, code_name(answer.code))
            return True
        _expected(answer, EntriesAppended)
        self._store.groups.wish_done(due, entries)
        return True

    async def _ask_to_join(self, due: DueWish, invite: bytes, plea: bytes) -> bool:
        answer = await self._connection.request(lambda request: RequestJoin(request, due.group, invite, plea))
        if isinstance(answer, JoinRequested):
            self._store.groups.join_asked(due)
            return True
        return self._settled(due, answer, JoinRequested, WishState.ASKED)

    def _settled(self, due: DueWish, answer: object, wanted: type[T], state: WishState) -> bool:
        if isinstance(answer, Failed) and answer.code not in LATER:
            self._store.groups.wish_settled(due, WishState.REFUSED, code_name(answer.code))
        else:
            _expected(answer, wanted)
            self._store.groups.wish_settled(due, state)
        return True

    async def _learn_devices(self, due: DueWish, users: tuple[UserId, ...]) -> bool:
        """Ask whose keys they are that the log will name; True if somebody cannot be added."""
        for user in users:
            answer = await self._connection.request(lambda request, user=user: FetchBundles(request, user))  # type: ignore[misc] # as above
            error_name = self._learn_device(user, answer)
            if error_name is not None:
                self._store.groups.wish_settled(due, WishState.REFUSED, error_name)
                return True
        return False

    def _learn_device(self, user: UserId, answer: object) -> str | None:
        """Take in whose devices they are; the name of the error if that is not to be believed."""
        if isinstance(answer, Failed) and answer.code not in LATER:
            return code_name(answer.code)
        bundles = _expected(answer, Bundles)
        if not bundles.devices:
            return ErrorCode.UNKNOWN_USER.wire_name
        found = [(device.device, bundle_from_wire(device)) for device in bundles.devices]
        try:
            self._store.learn_bundles(user, found, bundles.device_list)
        except (BadBundleError, UntrustedDevicesError, UntrustedIdentityError) as error:
            return error.name
        return None


def _expected(answer: object, kind: type[T]) -> T:
    if isinstance(answer, Failed):
        raise RelayRefusedError(code_name(answer.code), code_sentence(answer.code), answer.detail)
    if not isinstance(answer, kind):
        raise RequestTimeoutError
    return answer
