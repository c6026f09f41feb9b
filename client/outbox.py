"""The outbox: brings what is queued in the store to the relay, and the ticks back.

Owns: what is in the air on the present connection (flight.py); all that lasts is in the store.
Talks to: the store, the connection, the event stream.
Guarantees: D3 (a chat goes out in order), D4 (what is sent again is the stored ciphertext under its number).
Restarts as: permanent; the connection is restarted with it (rest_for_one), and going online begins anew.
Not here: encryption and numbers (store), the order of answers (flight.py), bytes (connection.py).
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from actors import Actor, ActorSystem
from actors.ports import Entropy
from actors.registry import Via
from client.backoff import Backoff
from client.connection_handle import ConnectionHandle
from client.events import EventStream, HistoryProgress, TickChanged
from client.flight import Flight
from client.groups.sync_handle import GroupSyncHandle
from client.records import MessageState, OutgoingSend
from client.requests import Answer
from client.store import Store
from client.wire_keys import bundle_from_wire
from protocol.codes import ErrorCode, code_name
from protocol.e2e import (
    BadBundleError,
    DowngradedBundleError,
    UntrustedDevicesError,
    UntrustedIdentityError,
)
from protocol.ids import DeviceId, GroupId, MessageNumber, UserId
from protocol.limits import MAX_PROGRESS_USERS
from protocol.stanzas import (
    Bundles,
    ChatProgress,
    Detail,
    Failed,
    FetchBundles,
    FetchProgress,
    Found,
    GroupTicks,
    Lookup,
    Progresses,
    Run,
)
from supervisors import ChildSpec

log = logging.getLogger("roost.client")

NAME = "outbox"
LOOK_SECONDS = 0.2  # how soon a message that another process has queued is noticed
RETRY_SECONDS = 5.0  # the first time after a refusal that time may heal and that names no time itself
LAST_RETRY_SECONDS = 120.0  # a disk that is full for an hour is not asked about each second
MOST_ASKED_USERS = 32  # whose bundles are asked for at a time: half of the questions that may be open
WORTH_A_RETRY = (
    ErrorCode.WAIT,
    ErrorCode.RESTARTING,
    ErrorCode.OVERLOADED,
    ErrorCode.INTERNAL,
    ErrorCode.STORAGE_FULL,
    ErrorCode.MAILBOX_FULL,
)

_NOTHING = MessageNumber(0)


@dataclass(frozen=True, slots=True)
class _WentOnline:
    session: int


@dataclass(frozen=True, slots=True)
class _WentOffline:
    pass


@dataclass(frozen=True, slots=True)
class _Progress:
    """The relay's word on how far a chat is: numbers count for all below, 0 says nothing."""

    chat: UserId
    accepted: MessageNumber = _NOTHING
    delivered: MessageNumber = _NOTHING
    read: MessageNumber = _NOTHING
    expired: tuple[Run, ...] = ()


@dataclass(frozen=True, slots=True)
class _Refused:
    chat: UserId
    number: MessageNumber
    code: int
    detail: Detail

    @property
    def expected(self) -> int | None:
        """The number that the relay expects instead, if that is why."""
        is_gap = self.code == ErrorCode.OUT_OF_ORDER
        return self.detail if is_gap and isinstance(self.detail, int) else None


@dataclass(frozen=True, slots=True)
class _PhonesFound:
    phones: tuple[str, ...]
    answer: Answer


@dataclass(frozen=True, slots=True)
class _BundlesFetched:
    user: UserId
    asked: tuple[DeviceId, ...] | None
    answer: Answer


@dataclass(frozen=True, slots=True)
class _ProgressFetched:
    answer: Answer


@dataclass(frozen=True, slots=True)
class _TryAgain:
    """The pause after a refusal is over."""

    session: int
    chat: UserId


@dataclass(frozen=True, slots=True)
class _AskAgain:
    """The pause after an unanswered question is over."""

    session: int


@dataclass(frozen=True, slots=True)
class _Look:
    """Look whether there is something to send."""


@dataclass(frozen=True, slots=True)
class _LookIfChanged:
    """Look whether another process has written to the store."""


_Answered: TypeAlias = _PhonesFound | _BundlesFetched | _ProgressFetched


class OutboxHandle:
    """What others may tell the outbox. Dropped if it is dead: what counts is in the store."""

    __slots__ = ("_ref",)

    def __init__(self, system: ActorSystem) -> None:
        self._ref: Via = system.registry.via(NAME)

    def look(self) -> None:
        """Something was queued in the store."""
        self._ref.tell_nowait(_Look())

    def went_online(self, session: int) -> None:
        """A connection is there; what is unresolved goes out on it."""
        self._ref.tell_nowait(_WentOnline(session))

    def went_offline(self) -> None:
        """The connection is gone, and with it all that was in the air."""
        self._ref.tell_nowait(_WentOffline())

    def accepted(self, chat: UserId, number: MessageNumber) -> None:
        """✓ up to ``number``."""
        self._ref.tell_nowait(_Progress(chat, accepted=number))

    def delivered(self, chat: UserId, number: MessageNumber) -> None:
        """✓✓ up to ``number``."""
        self._ref.tell_nowait(_Progress(chat, delivered=number))

    def read(self, chat: UserId, number: MessageNumber) -> None:
        """Read up to ``number``."""
        self._ref.tell_nowait(_Progress(chat, read=number))

    def expired(self, chat: UserId, first: MessageNumber, last: MessageNumber) -> None:
        """✗ from ``first`` to ``last``."""
        self._ref.tell_nowait(_Progress(chat, expired=(Run(first, last),)))

    def refused(self, chat: UserId, number: MessageNumber, code: int, detail: Detail) -> None:
        """The relay did not accept this message."""
        self._ref.tell_nowait(_Refused(chat, number, code, detail))


def child_spec(store: Store, events: EventStream, entropy: Entropy) -> ChildSpec:
    """The outbox as a child of the phone's tree."""
    return ChildSpec(id=NAME, start=lambda: Outbox(store, events, entropy))


class Outbox(Actor):
    """An actor of its own because it owns the flight, and waits for answers while messages come in."""

    mailbox_limit = 4096  # a window of sends has a few facts each; look-ups and ticks come on top

    def __init__(self, store: Store, events: EventStream, entropy: Entropy) -> None:
        self._store = store
        self._events = events
        self._entropy = entropy  # for jitter
        self._session: int | None = None  # the connection in use; None: offline
        self._flight = Flight()
        self._paused: dict[UserId, None] = {}  # chats that wait for _TryAgain
        self._backoffs: dict[UserId, Backoff] = {}  # of chats in which something was refused
        self._asked_phones: dict[
            str, None
        ] = {}  # look-ups under way, or answered by nobody on this connection
        self._asked_users: dict[UserId, None] = {}  # the same for bundles

    async def on_start(self) -> None:
        """Take the name, and begin to watch the store."""
        self.system.registry.register(NAME, self.ref)
        self._connection = ConnectionHandle(self.system)
        self.send_every(LOOK_SECONDS, _LookIfChanged())

    def handle(self, message: object) -> None:
        """Take in what happened, then send what can be sent."""
        match message:
            case _Look():
                self._pump()
            case _LookIfChanged():
                if self._store.changed_elsewhere():
                    self._pump()
            case _WentOnline(session):
                self._begin(session)
            case _WentOffline():
                self._end()
            case _Progress():
                self._progress(message)
            case _Refused():
                self._refused(message)
            case _PhonesFound() | _BundlesFetched() | _ProgressFetched():
                self._answered(message)
            case _TryAgain(session, chat) if session == self._session:
                self._paused.pop(chat, None)
                self._go_on(chat)
            case _AskAgain(session) if session == self._session:
                self._forget_questions()
                self._pump()
            case _TryAgain() | _AskAgain():
                pass  # of a connection that is gone
            case _:
                self.unexpected(message)

    # ---- a connection comes and goes ----

    def _begin(self, session: int) -> None:
        self._end()
        self._session = session
        self._flight = Flight(self._store.unresolved_sends())
        self._store.ask_again()
        self._ask_progress()
        self._pump()

    def _end(self) -> None:
        self._session = None
        self._flight = Flight()
        self._paused.clear()
        self._forget_questions()

    def _forget_questions(self) -> None:
        self._asked_phones.clear()
        self._asked_users.clear()

    # ---- sending ----

    def _pump(self) -> None:
        """Ask for what is missing, encrypt what can be encrypted, send what has room."""
        if self._session is None:
            return
        self._fill_transfers()
        self._tell_ticks(self._store.fail_too_large())
        self._tell_ticks(self._store.groups.give_up_hopeless())
        for _ in range(self._flight.room):
            send = self._next_send()
            if send is None:
                break
            self._flight.add(send)
        # After the loop: a message to a group has put keys for its members into the queue.
        self._ask_phones()
        self._ask_bundles()
        for send in self._flight.take_off():
            self._connection.send_message(self._session, send)

    def _next_send(self) -> OutgoingSend | None:
        """Encrypt the oldest message that can go out; groups first, since they give out keys by it."""
        groups = self._store.groups
        queued = groups.next_to_encrypt()
        if queued is not None:
            return groups.encrypt(queued.message_id)
        queued = self._store.next_to_encrypt()
        return None if queued is None else self._store.encrypt(queued.message_id)

    def _fill_transfers(self) -> None:
        """The next portions of history for new devices of this account, as far as there is room."""
        for progress in self._store.transfer.fill():
            self._events.publish(
                HistoryProgress(progress.device, progress.done, progress.total, progress.is_done)
            )

    # ---- what the relay says about messages ----

    def _progress(self, progress: _Progress | ChatProgress) -> None:
        chat = progress.chat if isinstance(progress, _Progress) else progress.user
        changed: list[str] = []
        # First what has expired: the ticks count for all below them, but not for those.
        for run in progress.expired:
            changed += self._store.mark_expired(chat, *run)
        # Each implies the one before it, so the furthest that is known makes the others cheap.
        if progress.accepted:
            changed += self._store.mark_accepted(chat, progress.accepted)
        if progress.delivered:
            changed += self._store.mark_delivered(chat, progress.delivered)
        if progress.read:
            changed += self._store.mark_read(chat, progress.read)
        self._tell_ticks(changed)
        if progress.accepted:
            self._backoffs.pop(chat, None)
            self._flight.accepted(chat, progress.accepted)
            self._go_on(chat)

    def _refused(self, refused: _Refused) -> None:
        if self._flight.refused(refused.chat, refused.number, refused.expected):
            log.info("message_refused", extra={"code": code_name(refused.code), "number": refused.number})
            self._settle(refused)
        self._go_on(refused.chat)

    def _settle(self, refused: _Refused) -> None:
        """Bring the store in order after the first refusal in a chat."""
        chat, number = refused.chat, refused.number
        match refused.code, refused.detail:
            case ErrorCode.OUT_OF_ORDER, int(expected):
                before = self._store.unresolved_sends(chat)
                self._store.settle_out_of_order(chat, MessageNumber(expected))
                self._tell_ticks([send.message_id for send in before])
            case ErrorCode.STALE_DEVICES, _:
                self._asked_users.pop(chat, None)
                self._store.encrypt_again_from(chat, number)
            case ErrorCode.STALE_MEMBERS, int(epoch):
                self._store.groups.go_stale(GroupId(chat), number, epoch)
                GroupSyncHandle(self.system).look()
            case code, _ if code in WORTH_A_RETRY:
                self._pause(refused)
            case code, _:
                self._fail(chat, number, code_name(code))

    def _pause(self, refused: _Refused) -> None:
        """Try this chat again after as long as the relay says, or longer each time; the person sees why."""
        chat, detail = refused.chat, refused.detail
        backoff = self._backoffs.get(chat)
        if backoff is None:
            backoff = Backoff(self._entropy, RETRY_SECONDS, 2 * RETRY_SECONDS, LAST_RETRY_SECONDS)
            self._backoffs[chat] = backoff
        wait = backoff.next_wait(float(detail) if isinstance(detail, int) else None)
        self._paused[chat] = None
        self._tell_ticks(self._store.note_waiting(chat, refused.number, code_name(refused.code)))
        assert self._session is not None  # a flight has something in it only while online
        self.send_after(wait, _TryAgain(self._session, chat))

    def _fail(self, chat: UserId, number: MessageNumber, error_name: str) -> None:
        """Refused for good."""
        failed = [send.message_id for send in self._store.unresolved_sends(chat) if send.number == number]
        self._store.refuse(chat, number, error_name)
        self._tell_ticks(failed)

    def _go_on(self, chat: UserId) -> None:
        """Send what may be sent; a chat in which something was refused goes on when its last answer is in."""
        if self._flight.has_landed(chat) and chat not in self._paused:
            self._flight.release(chat, self._store.unresolved_sends(chat))
        self._pump()

    def _tell_ticks(self, message_ids: Sequence[str]) -> None:
        for message_id in dict.fromkeys(message_ids):
            entry = self._store.entry(message_id)
            if entry is not None:
                self._events.publish(
                    TickChanged(message_id, entry.state, entry.user, entry.phone, entry.error_name)
                )

    # ---- questions to the relay ----

    def _ask_phones(self) -> None:
        phones = tuple(phone for phone in self._store.phones_to_look_up() if phone not in self._asked_phones)
        if phones:
            self._asked_phones.update(dict.fromkeys(phones))
            self._connection.ask_relay(
                lambda request: Lookup(request, phones),
                lambda answer: self.ref.tell_nowait(_PhonesFound(phones, answer)),
            )

    def _ask_bundles(self) -> None:
        for user in self._store.users_needing_bundles():
            if len(self._asked_users) >= MOST_ASKED_USERS:
                break  # a large group; each answer brings the next question
            if user not in self._asked_users:
                self._asked_users[user] = None
                self._ask_bundle(user)

    def _ask_bundle(self, user: UserId) -> None:
        devices = self._store.devices_needing_bundles(user)
        asked = None if devices is None else tuple(devices)
        self._connection.ask_relay(
            lambda request: FetchBundles(request, user, asked),
            lambda answer: self.ref.tell_nowait(_BundlesFetched(user, asked, answer)),
        )

    def _ask_progress(self) -> None:
        chats = self._store.pending_progress()
        for start in range(0, len(chats), MAX_PROGRESS_USERS):
            some = chats[start : start + MAX_PROGRESS_USERS]
            users = tuple(chat for chat in some if not self._store.groups.is_group(chat))
            # Of a group that we have left the relay knows nothing more of ours: it has lost nothing.
            groups = tuple(GroupId(chat) for chat in some if self._store.groups.is_member(chat))
            self._connection.ask_relay(
                lambda request, users=users, groups=groups: FetchProgress(request, users, groups or None),  # type: ignore[misc] # mypy cannot type a default in a lambda
                lambda answer: self.ref.tell_nowait(_ProgressFetched(answer)),
            )

    def _answered(self, answered: _Answered) -> None:
        match answered:
            case _PhonesFound(phones, Found(users=users)):
                self._learn_phones(phones, users)
            case _BundlesFetched(user, asked, Bundles() as bundles):
                self._learn_bundles(user, asked, bundles)
            case _BundlesFetched(user, _, Failed(code=ErrorCode.UNKNOWN_USER)):
                self._asked_users.pop(user, None)
                self._fail_queued(user, ErrorCode.UNKNOWN_USER.wire_name)
            case _ProgressFetched(Progresses(chats=chats, groups=groups)):
                of_groups = [_as_chat(ticks) for ticks in groups or ()]
                for chat in [*chats, *of_groups]:
                    self._progress(chat)
                    self._send_lost(chat)
            case _:
                self._unanswered(answered)
        self._pump()

    def _send_lost(self, progress: ChatProgress) -> None:
        """Send again what the relay had accepted and has not any more: it was restored from a backup.

        A chat with something in the air finds out by itself, from the relay's answer.
        """
        if not self._flight.is_busy_with(progress.user):
            lost = self._store.settle_progress(progress.user, progress.accepted)
            for send in lost:
                self._flight.add(send)
            self._tell_ticks([send.message_id for send in lost])

    def _unanswered(self, answered: _Answered) -> None:
        """Not now: asked again after a while, or on the next connection. The messages wait meanwhile."""
        log.info("question_unanswered", extra={"question": type(answered).__name__})
        detail = answered.answer.detail if isinstance(answered.answer, Failed) else None
        if isinstance(answered, _PhonesFound) and isinstance(answered.answer, Failed):
            name = code_name(answered.answer.code)
            self._tell_ticks(self._store.contacts.note_waiting(answered.phones, name))
        if self._session is not None:
            wait = float(detail) if isinstance(detail, int) else RETRY_SECONDS
            self.send_after(wait, _AskAgain(self._session))

    def _learn_phones(self, phones: Sequence[str], users: Sequence[UserId]) -> None:
        for phone, user in zip(phones, users, strict=False):
            waiting = [] if user else self._pending_to(phone)
            self._store.learn_phone(phone, user or None)
            self._asked_phones.pop(phone, None)
            self._tell_ticks(waiting)

    def _pending_to(self, phone: str) -> list[str]:
        entries = self._store.history(phone)
        return [entry.message_id for entry in entries if entry.state is MessageState.PENDING]

    def _learn_bundles(self, user: UserId, asked: tuple[DeviceId, ...] | None, answer: Bundles) -> None:
        self._asked_users.pop(user, None)
        if asked is None and not answer.devices:
            self._fail_queued(user, ErrorCode.UNKNOWN_USER.wire_name)
            return
        bundles = [(device.device, bundle_from_wire(device)) for device in answer.devices]
        try:
            self._store.learn_bundles(user, bundles, answer.device_list, asked)
        except DowngradedBundleError as error:
            self._fail_queued(user, error.name)
        except BadBundleError:
            self._fail_queued(user, "bad-keys")
        except (UntrustedIdentityError, UntrustedDevicesError) as error:
            self._fail_queued(user, error.name)

    def _fail_queued(self, user: UserId, error_name: str) -> None:
        self._tell_ticks(self._store.fail_queued(user, error_name))


def _as_chat(ticks: GroupTicks) -> ChatProgress:
    """The ticks of a group as those of any chat: numbers count the same, and ids are of one space."""
    return ChatProgress(UserId(ticks.group), ticks.accepted, ticks.delivered, ticks.read)
