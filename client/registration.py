"""Makes a folder a phone: creates keys, proves the number with a code, and writes the account down.

Safe to interrupt at any moment: the keys are on disk before the relay hears of them, and if the relay had
registered them without our hearing it, the next try finds out in its first round trip and takes the account.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from actors import open_actor_system
from actors.network import Network
from actors.ports import Clock, Entropy
from client import connection
from client.access import stranger_access
from client.connection_handle import ConnectionHandle
from client.errors import (
    AccountExistsError,
    ClientError,
    HomeUnusableError,
    NotConnectedError,
    RelayRefusedError,
)
from client.home_lock import HomeLock
from client.records import Account, IncomingDelivery, RegistrationKeys
from client.relay_url import RelayUrl
from client.requests import RelayAnswer
from client.store import Store
from client.wire_keys import kem_prekey_to_wire, prekeys_to_wire
from protocol.codes import code_name, refusal_sentence
from protocol.ids import GroupId, MessageNumber, UserId
from protocol.stanzas import CodeRoute, CodeSent, Detail, Failed, Register, Registered, RequestCode, Welcome
from supervisors import Supervisor

CONNECT_SECONDS = 20.0  # a person is waiting; by then a relay that is there has answered
STOP_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Applicant:
    """Who wants to be registered, and where."""

    relay: RelayUrl
    phone: str
    """In E.164."""
    via: CodeRoute = CodeRoute.SMS
    takes_over: bool = False
    """Whether a device on which the number is active may be logged out by this."""


class Application:
    """A registration under way, connected to the relay as a stranger. Made by ``open_application``."""

    def __init__(
        self,
        applicant: Applicant,
        keys: RegistrationKeys,
        store: Store,
        line: ConnectionHandle,
        welcome: Welcome,
    ) -> None:
        self.applicant = applicant
        self._keys = keys
        self._store = store
        self._line = line
        self._welcome = welcome

    def resumed(self) -> Account | None:
        """The account, if an earlier try had been successful without our hearing it; no code is needed."""
        if not self._welcome.user:
            return None
        return self._complete(self._welcome.user, self._welcome)

    async def request_code(self) -> CodeSent:
        """Have a code sent to the phone.

        Raises:
            RelayRefusedError: ``wait`` (detail: seconds), ``invalid-number``, ``gateway-failed``, ...
            RequestTimeoutError: no answer.
        """
        phone, via = self.applicant.phone, self.applicant.via
        answer = _not_refused(await self._line.request(lambda request: RequestCode(request, phone, via)))
        assert isinstance(answer, CodeSent)
        return answer

    async def register(self, code: str, pin: str | None = None) -> Account:
        """Prove the number with the code, and the PIN if it has one; the account is then in the home.

        Raises:
            RelayRefusedError: ``invalid-code``, ``code-expired``, ``too-many-guesses``; ``account-exists``:
                the number is active elsewhere and the applicant takes nothing over; ``pin-required``,
                ``pin-wrong``, ``pin-locked``. With the latter four the code stays good.
            RequestTimeoutError: no answer; it may have worked all the same (``resumed`` will tell).
        """
        answer = _not_refused(
            await self._line.request(lambda request: self._registration(request, code, pin))
        )
        assert isinstance(answer, Registered)
        return self._complete(answer.user, answer)

    def _registration(self, request: int, code: str, pin: str | None) -> Register:
        signed = self._keys.signed_prekey
        return Register(
            request,
            self.applicant.phone,
            code,
            self._keys.identity_key,
            signed.id,
            signed.key,
            signed.signature,
            prekeys_to_wire(self._keys.prekeys),
            int(self.applicant.takes_over),
            pin,
            kem_prekey_to_wire(self._keys.last_resort),
        )

    def _complete(self, user: UserId, answer: Registered | Welcome) -> Account:
        return self._store.complete_registration(user, answer.device, self.applicant.relay.key)


@asynccontextmanager
async def open_application(
    home: Path, applicant: Applicant, *, network: Network, entropy: Entropy, clock: Clock
) -> AsyncIterator[Application]:
    """Create the keys in ``home`` (made if missing, 0700) and connect to the relay.

    Raises:
        AccountExistsError: the home has an account; nothing was changed.
        HomeInUseError: another process is the phone of this home.
        HomeUnusableError: the folder cannot be made or written.
        NotConnectedError: the relay cannot be reached.
        RelayKeyError: the relay does not hold the key in its URL.
    """
    with acquire_home(home), Store.open(home, entropy, clock) as store:
        account = store.account()
        if account is not None and not account.logged_out:
            raise AccountExistsError(home, account.phone)
        keys = store.begin_registration(applicant.phone, str(applicant.relay))
        access = stranger_access(applicant.relay, keys.noise_private)
        listener = FirstContact(applicant.relay.place)
        async with open_actor_system() as system:
            spec = connection.child_spec(access, network, entropy, listener)
            tree = await system.start(lambda: Supervisor([spec], name="registration"))
            try:
                welcome = await listener.wait_welcome()
                yield Application(applicant, keys, store, ConnectionHandle(system), welcome)
            finally:
                with trio.CancelScope(shield=True):
                    await tree.stop(timeout=STOP_SECONDS)


def acquire_home(home: Path) -> HomeLock:
    """Make the folder if it is missing, and take its lock. Raises HomeInUseError, HomeUnusableError."""
    try:
        return HomeLock.acquire(home)
    except OSError as error:
        raise HomeUnusableError(home, (error.strerror or str(error)).lower()) from None


class FirstContact:
    """The ``ConnectionListener`` of a phone that has no account: waits for the welcome, or for the reason."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._settled = trio.Event()
        self._welcome: Welcome | None = None
        self._error: ClientError | None = None
        self._reason = "no answer"

    async def wait_welcome(self) -> Welcome:
        """Wait for the relay's welcome, through as many tries as fit into the time."""
        with trio.move_on_after(CONNECT_SECONDS):
            await self._settled.wait()
        if self._welcome is None:
            raise self._error or NotConnectedError(self._place, self._reason)
        return self._welcome

    def went_online(self, session: int, welcome: Welcome) -> None:
        """The relay has said whom it takes us for."""
        self._welcome = welcome
        self._settled.set()

    def went_offline(self, reason: str, retry_in: float | None, error: ClientError | None) -> None:
        """It was not to be; without an error the connection tries again."""
        self._reason = reason
        if error is not None:
            self._error = error
            self._settled.set()

    # ---- what cannot happen to a stranger ----

    def connecting(self) -> None:
        """Not to a stranger."""

    def delivered_here(self, session: int, deliveries: Sequence[IncomingDelivery]) -> None:
        """Not to a stranger."""

    def accepted(self, chat: UserId, number: MessageNumber) -> None:
        """Not to a stranger."""

    def delivered(self, chat: UserId, number: MessageNumber) -> None:
        """Not to a stranger."""

    def read(self, chat: UserId, number: MessageNumber) -> None:
        """Not to a stranger."""

    def expired(self, chat: UserId, first: MessageNumber, last: MessageNumber) -> None:
        """Not to a stranger."""

    def refused(self, chat: UserId, number: MessageNumber, code: int, detail: Detail) -> None:
        """Not to a stranger."""

    def presence(self, user: UserId, is_online: bool, last_seen: float | None) -> None:
        """A stranger watches nobody."""

    def typing(self, user: UserId, is_typing: bool, group: GroupId | None = None) -> None:
        """Not to a stranger."""

    def join_asked(self, group: GroupId, user: UserId) -> None:
        """Not to a stranger."""


def _not_refused(answer: RelayAnswer) -> RelayAnswer:
    if not isinstance(answer, Failed):
        return answer
    raise RelayRefusedError(
        code_name(answer.code), refusal_sentence(answer.code, answer.detail), answer.detail
    )
