"""Brings what the person has chosen to the relay: privacy, blocks, contacts, the profile.

Owns: nothing; what is wanted and what of it is due is in the store, where any command may change it.
Talks to: the store, the connection.
Guarantees: what was chosen reaches the relay, if not on this connection then on the next. Until then the
relay does as before, and ``Settings.is_due`` and its like say so.
Restarts as: permanent.
"""

import logging
from dataclasses import dataclass
from typing import TypeVar

from actors import Actor, ActorSystem
from actors.ports import Entropy
from actors.registry import Via
from client.connection_handle import ConnectionHandle
from client.errors import RelayRefusedError, RequestTimeoutError
from client.profile_fetching import refresh_own_profile
from client.store import Store
from protocol.codes import ErrorCode, code_name, code_sentence
from protocol.e2e.profile import seal_profile
from protocol.limits import MAX_SETTINGS_USERS
from protocol.stanzas import ChangeSettings, Failed, ProfileStored, Settings, StoreProfile
from supervisors import ChildSpec

log = logging.getLogger("roost.client")

T = TypeVar("T")

NAME = "account-sync"
LOOK_SECONDS = 0.5  # how soon a choice that another process has stored is noticed
RETRY_SECONDS = 30.0  # after a refusal that may pass and that names no time


@dataclass(frozen=True, slots=True)
class _Sync:
    """See what is due, and bring it."""


@dataclass(frozen=True, slots=True)
class _LookIfDue:
    """See whether anybody has chosen something meanwhile."""


class AccountSyncHandle:
    """What others may tell it. Dropped if it is dead: what is due is in the store."""

    __slots__ = ("_ref",)

    def __init__(self, system: ActorSystem) -> None:
        self._ref: Via = system.registry.via(NAME)

    def look(self) -> None:
        """Something was chosen, or there is a connection."""
        self._ref.tell_nowait(_Sync())


def child_spec(store: Store, entropy: Entropy) -> ChildSpec:
    """The sync as a child of the phone's tree."""
    return ChildSpec(id=NAME, start=lambda: AccountSync(store, entropy), shutdown=1.0)


class AccountSync(Actor):
    """An actor of its own because it waits for answers; one question after the other is enough for it."""

    def __init__(self, store: Store, entropy: Entropy) -> None:
        self._store = store
        self._entropy = entropy
        self._is_profile_seen = False  # what of it is at the relay, on this connection
        self._rests = False  # the relay asked to wait, or nobody can be asked

    async def on_start(self) -> None:
        """Take the name, and begin to watch the store."""
        self.system.registry.register(NAME, self.ref)
        self._connection = ConnectionHandle(self.system)
        self.send_every(LOOK_SECONDS, _LookIfDue())

    async def handle(self, message: object) -> None:
        """Bring what is due, step by step."""
        match message:
            case _Sync():
                self._rests = self._is_profile_seen = False
                await self._sync()
            case _LookIfDue():
                if not self._rests and self._is_anything_due():
                    await self._sync()
            case _:
                self.unexpected(message)

    def _is_anything_due(self) -> bool:
        return self._settings_are_due() or self._store.profiles.is_due

    def _settings_are_due(self) -> bool:
        store = self._store
        contacts = store.settings.contacts_due(1) or store.settings.contacts_gone(1)
        return store.settings.is_due or any(store.blocks.due()) or bool(contacts)

    async def _sync(self) -> None:
        try:
            while self._settings_are_due() or not self._store.settings.is_known:
                await self._bring_settings()
            await self._see_profile()
            while self._store.profiles.is_due:
                await self._bring_profile()
        except RequestTimeoutError:
            self._rests = True  # the next connection wakes us
        except RelayRefusedError as refusal:
            self._rest(refusal)

    def _rest(self, refusal: RelayRefusedError) -> None:
        """Ask again later. A list that is full stays full: what was too much is given up, and noted so."""
        log.info("account_sync_refused", extra={"code": refusal.name})
        if refusal.name == ErrorCode.LIST_FULL.wire_name:
            self._store.blocks.give_up_due()
            self._store.settings.refused(refusal.name)
        wait = float(refusal.detail) if isinstance(refusal.detail, int) else RETRY_SECONDS
        self._rests = True
        self.send_after(wait, _Sync())

    async def _bring_settings(self) -> None:
        store = self._store
        privacy = store.settings.privacy() if store.settings.is_due else None
        blocked, unblocked = (tuple(some[:MAX_SETTINGS_USERS]) for some in store.blocks.due())
        contacts = tuple(store.settings.contacts_due(MAX_SETTINGS_USERS))
        gone = tuple(store.settings.contacts_gone(MAX_SETTINGS_USERS))
        answer = await self._connection.request(
            lambda request: ChangeSettings(request, privacy, blocked, unblocked, contacts, gone)
        )
        settings = _expected(answer, Settings)
        store.settings.heard(settings.privacy, privacy)
        store.blocks.heard(settings.blocked, blocked, unblocked)
        store.settings.contacts_named(contacts)
        store.settings.contacts_forgotten(gone)

    async def _see_profile(self) -> None:
        """Once with each connection: another device of the account may have changed the profile."""
        account = self._store.account()
        if not self._is_profile_seen and account is not None and self._store.siblings.others():
            await refresh_own_profile(self._store.profiles, self._connection, account.user)
        self._is_profile_seen = True

    async def _bring_profile(self) -> None:
        """The picture first and piece 0 last: that puts all of it in place."""
        own, account = self._store.profiles.own(), self._store.account()
        assert own is not None  # it is due
        assert account is not None  # or there would be no phone
        pieces = [b""]
        if own.version:
            pieces = seal_profile(own.key, account.user, own.version, own.profile, self._entropy)
        for number, data in [*enumerate(pieces[1:], start=1), (0, pieces[0])]:
            answer = await self._connection.request(
                lambda request, number=number, data=data: StoreProfile(request, own.version, number, data)  # type: ignore[misc] # mypy cannot type a default in a lambda
            )
            _expected(answer, ProfileStored)
        self._store.profiles.stored(own.version)


def _expected(answer: object, kind: type[T]) -> T:
    if isinstance(answer, Failed):
        raise RelayRefusedError(code_name(answer.code), code_sentence(answer.code), answer.detail)
    if not isinstance(answer, kind):
        raise RequestTimeoutError
    return answer
