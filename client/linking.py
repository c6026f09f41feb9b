"""Makes a folder a companion: shows a link, waits until the primary takes it, and becomes its device.

Safe to interrupt at any moment, as a registration is: keys are on disk before the relay hears of them, and
what the primary has given is on disk before the relay makes this its device. A next try with the same folder
finds in its first round trip whether it had worked.
Not here: what the two sides say to each other (protocol/e2e/linking.py), the primary (link_primary.py).
"""

from collections.abc import AsyncIterator, Callable
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
from client.devices_sync import ask
from client.errors import (
    AccountExistsError,
    ClientError,
    LinkingError,
    RelayRefusedError,
    RequestTimeoutError,
)
from client.records import Account, RegistrationKeys
from client.registration import FirstContact, acquire_home
from client.relay_url import RelayUrl
from client.store import Store
from client.wire_keys import kem_prekey_to_wire, prekeys_to_wire
from protocol.codes import ErrorCode
from protocol.e2e.errors import BadLinkingError
from protocol.e2e.linking import Companion, CompanionLinking, Grant
from protocol.noise.primitives import KeyPair
from protocol.stanzas import (
    AnswerLink,
    CancelLink,
    CompleteLink,
    LinkOpened,
    LinkState,
    LinkStep,
    OpenLink,
    PollLink,
    Registered,
)
from supervisors import Supervisor

POLL_SECONDS = 1.0
"""How often either side looks whether the other has said something."""

RENEW_SECONDS = 2.0
"""A code is replaced so long before it expires: whoever reads it then still has time to claim it."""

STOP_SECONDS = 2.0

NO_PHONE = ""
"""What stands in the place of the number, which the primary will tell."""

MOST_SPOILT = 3
"""Links that somebody may spoil (a code mistyped, or guessed) before a person should look who that is."""

_MISMATCH = ErrorCode.LINK_MISMATCH.wire_name
_SPOILT = tuple(
    code.wire_name for code in (ErrorCode.LINK_TAKEN, ErrorCode.LINK_CANCELLED, ErrorCode.LINK_MISMATCH)
)


@dataclass(frozen=True, slots=True)
class Invitation:
    """What the new device shows."""

    text: str
    code: str
    expires_in: float


class Newcomer:
    """A new device, connected to the relay as a stranger. Made by ``open_newcomer``."""

    def __init__(
        self,
        relay: RelayUrl,
        name: str,
        keys: RegistrationKeys,
        store: Store,
        line: ConnectionHandle,
        contact: "_Contact",
        entropy: Entropy,
    ) -> None:
        self._relay = relay
        self._name = name
        self._keys = keys
        self._store = store
        self._line = line
        self._contact = contact
        self._entropy = entropy
        self._spoilt = 0

    async def resumed(self) -> Account | None:
        """The account, if an earlier link had been completed without our hearing it.

        Raises:
            LinkingError: the relay knows this device, and not by a link.
            NotConnectedError: there is no connection.
        """
        welcome = await self._contact.wait_welcome()
        if not welcome.user:
            return None
        grant = self._store.devices.kept_grant()
        if grant is None or (grant.user, grant.device) != (welcome.user, welcome.device):
            raise LinkingError(
                _MISMATCH, "The relay takes this folder for another device; take an empty one."
            )
        return self._store.devices.adopt(grant)

    async def link(self, show: Callable[[Invitation], None], complain: Callable[[str], None]) -> Account:
        """Show one invitation after the other until the primary has taken one; then be its device.

        Args:
            show: called with each new invitation.
            complain: called with a sentence when a link was spoilt, and the next one follows.

        Raises:
            LinkingError: too many links were spoilt, or what came was not from the primary.
            NotConnectedError: there is no connection any more.
            RelayRefusedError: the relay said no.
        """
        while True:
            try:
                account = await self._try(show)
            except RequestTimeoutError:
                # The connection broke, and perhaps an answer with it: what does the next one take us for?
                account = await self.resumed()
            except RelayRefusedError as refusal:
                self._note_spoilt(refusal)
                complain(str(refusal))
                account = None
            if account is not None:
                return account

    def _note_spoilt(self, refusal: RelayRefusedError) -> None:
        if refusal.name not in _SPOILT:
            raise refusal
        self._spoilt += 1
        if self._spoilt >= MOST_SPOILT:
            raise LinkingError(
                ErrorCode.LINK_TAKEN.wire_name,
                "Somebody uses the codes shown here, and wrongly; begin again later.",
            )

    async def _try(self, show: Callable[[Invitation], None]) -> Account | None:
        """One link; None if nobody has come for it, and the next is to be shown."""
        static = KeyPair.from_private_bytes(self._keys.noise_private).public
        companion = Companion(self._keys.identity_key, static, self._name)
        linking = CompanionLinking(companion, str(self._relay), self._entropy)
        opened = await ask(self._line, OpenLink)
        assert isinstance(opened, LinkOpened)
        linking.invite(opened.link, opened.nameplate)
        shown_for = max(opened.expires_in_s - RENEW_SECONDS, POLL_SECONDS)
        show(Invitation(linking.text, linking.code, shown_for))
        claim = await self._wait_claim(opened.link, shown_for)
        if claim is None:
            return None
        try:
            await self._answer(opened.link, linking.answer(claim))
            message = await wait_step(self._line, opened.link, LinkStep.CONFIRMED)
            grant = linking.open_grant(message, self._relay.key)
        except BadLinkingError as error:
            await cancel_link(self._line, opened.link)
            raise LinkingError(error.name, f"The link was not completed: {error}.") from None
        return await self._complete(opened.link, grant)

    async def _wait_claim(self, link: bytes, seconds: float) -> bytes | None:
        """The claim of a primary; None if nobody claims the link while it is shown."""
        with trio.move_on_after(seconds):
            try:
                return await wait_step(self._line, link, LinkStep.CLAIMED)
            except RelayRefusedError as refusal:
                if refusal.name != ErrorCode.LINK_GONE.wire_name:
                    raise
        return None

    async def _answer(self, link: bytes, answer: bytes) -> None:
        await ask(self._line, lambda request: AnswerLink(request, link, answer))

    async def _complete(self, link: bytes, grant: Grant) -> Account:
        """What was given is on disk first: from then on it does not matter when this process ends."""
        self._store.devices.keep_grant(grant)
        keys, signed = self._keys, self._keys.signed_prekey
        registered = await ask(
            self._line,
            lambda request: CompleteLink(
                request,
                link,
                keys.identity_key,
                signed.id,
                signed.key,
                signed.signature,
                prekeys_to_wire(keys.prekeys),
                kem_prekey_to_wire(keys.last_resort),
            ),
        )
        assert isinstance(registered, Registered)
        if (registered.user, registered.device) != (grant.user, grant.device):
            raise LinkingError(_MISMATCH, "The relay has made this another device than the primary said.")
        return self._store.devices.adopt(grant)


async def wait_step(line: ConnectionHandle, link: bytes, step: LinkStep) -> bytes:
    """Look about once a second until a link has come so far; returns what the other side has left then.

    Raises:
        RelayRefusedError: the link is over; the name says how it ended.
        RequestTimeoutError: there is no connection any more.
    """
    while True:
        state = await ask(line, lambda request: PollLink(request, link))
        assert isinstance(state, LinkState)
        if state.step >= step:
            return state.message
        await trio.sleep(POLL_SECONDS)


async def cancel_link(line: ConnectionHandle, link: bytes) -> None:
    """Tell the other side that it is over, if that can still be told."""
    with trio.CancelScope(shield=True), trio.move_on_after(STOP_SECONDS):
        try:
            await ask(line, lambda request: CancelLink(request, link))
        except (RelayRefusedError, RequestTimeoutError):
            pass


@asynccontextmanager
async def open_newcomer(
    home: Path, relay: RelayUrl, name: str, *, network: Network, entropy: Entropy, clock: Clock
) -> AsyncIterator[Newcomer]:
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
        keys = store.begin_registration(NO_PHONE, str(relay))
        contact = _Contact(relay.place)
        async with open_actor_system() as system:
            access = stranger_access(relay, keys.noise_private)
            spec = connection.child_spec(access, network, entropy, contact)
            tree = await system.start(lambda: Supervisor([spec], name="linking"))
            try:
                await contact.wait_welcome()
                yield Newcomer(relay, name, keys, store, ConnectionHandle(system), contact, entropy)
            finally:
                with trio.CancelScope(shield=True):
                    await tree.stop(timeout=STOP_SECONDS)


class _Contact(FirstContact):
    """Waits for the first welcome, and for the next one after a connection has broken."""

    def went_offline(self, reason: str, retry_in: float | None, error: ClientError | None) -> None:
        """What the relay took us for is not known any more."""
        if self._settled.is_set():
            self._settled = trio.Event()
        self._welcome = None
        super().went_offline(reason, retry_in, error)
