"""Asks the relay who of the address book uses the service, a page at a time, within what it allows.

Owns: nothing; whom to ask about and until when to wait is in the store, where any command may change it.
Talks to: the store, the connection.
Guarantees: each number that is due is asked about once, if not on this connection then on a later one; who is
killed in between asks at most one page twice.
Restarts as: permanent.
"""

import logging
from dataclasses import dataclass

from actors import Actor, ActorSystem
from actors.registry import Via
from client.connection_handle import ConnectionHandle
from client.errors import RequestTimeoutError
from client.requests import BuildRequest
from client.store import Store
from protocol.codes import ErrorCode, code_name
from protocol.limits import MAX_LOOKUP_PHONES
from protocol.stanzas import Failed, Found, Lookup
from supervisors import ChildSpec

log = logging.getLogger("roost.client")

NAME = "contact-finder"
LOOK_SECONDS = 0.5  # how soon numbers that another process has stored are noticed
RETRY_SECONDS = 30.0  # after a refusal that names no time
SMALLEST_PAGE = 8  # where the relay allows less than a page, half of one is tried, down to this


@dataclass(frozen=True, slots=True)
class _Look:
    """See whether there is anything to ask."""


@dataclass(frozen=True, slots=True)
class _WentOnline:
    """There is a connection."""


class FinderHandle:
    """What others may tell it. Dropped if it is dead: what is due is in the store."""

    __slots__ = ("_ref",)

    def __init__(self, system: ActorSystem) -> None:
        self._ref: Via = system.registry.via(NAME)

    def went_online(self) -> None:
        """There is a connection."""
        self._ref.tell_nowait(_WentOnline())


def child_spec(store: Store) -> ChildSpec:
    """The finder as a child of the phone's tree."""
    return ChildSpec(id=NAME, start=lambda: Finder(store), shutdown=1.0)


class Finder(Actor):
    """An actor of its own because it waits for answers, perhaps for days."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._is_offline = True

    async def on_start(self) -> None:
        """Take the name, and begin to watch the store."""
        self.system.registry.register(NAME, self.ref)
        self._connection = ConnectionHandle(self.system)
        # Begun anew by its supervisor, it does not know: one question in vain finds it out.
        self._is_offline = False
        self.send_every(LOOK_SECONDS, _Look())

    async def handle(self, message: object) -> None:
        """Ask for as long as there is something to ask, and the relay answers."""
        match message:
            case _WentOnline():
                self._is_offline = False
                await self._find()
            case _Look():
                if not self._is_offline:
                    await self._find()
            case _:
                self.unexpected(message)

    async def _find(self) -> None:
        """Ask page by page; where a page is refused, for half of it, so that what is allowed is used up."""
        book, page, wait = self._store.contacts, MAX_LOOKUP_PHONES, 0.0
        while phones := () if book.pause_left else tuple(book.due(page)):
            try:
                answer = await self._connection.request(_page_of(phones))
            except RequestTimeoutError:
                self._is_offline = True  # the next connection wakes us
                return
            if isinstance(answer, Found) and answer.users:
                book.answered(phones, answer.users)
                continue
            wait = wait or _wait_of(answer)  # until there is a whole page again
            if _is_about_amount(answer) and len(phones) > SMALLEST_PAGE:
                page = len(phones) // 2
            else:
                book.pause(wait)


def _page_of(phones: tuple[str, ...]) -> BuildRequest:
    return lambda request: Lookup(request, phones, in_bulk=1)


def _is_about_amount(answer: object) -> bool:
    return isinstance(answer, Failed) and answer.code == ErrorCode.WAIT


def _wait_of(answer: object) -> float:
    """How long the relay wants to be left alone."""
    if not isinstance(answer, Failed):
        return RETRY_SECONDS
    log.info("contacts_refused", extra={"code": code_name(answer.code)})
    return float(answer.detail) if isinstance(answer.detail, int) and answer.detail else RETRY_SECONDS
