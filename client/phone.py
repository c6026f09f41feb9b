"""A phone: what commands and tests use of the client.

``open_phone`` takes the home's lock, opens its store and starts its actors; the connection comes and goes by
itself. Reading and writing go to the store, which is on this machine's disk: nothing here waits for the
relay, except where it says so.
"""

import math
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import trio

from actors import ActorRef, ActorSystem, open_actor_system
from actors.network import Network
from actors.ports import Clock, Entropy, system_clock, system_entropy
from actors.reactor import open_reactor
from client.access import account_access
from client.attention import Attention
from client.chat_rules import ChatRules
from client.connection_handle import ConnectionHandle
from client.devices import OwnDevice, OwnDevices
from client.devices_sync import ask, remove_device
from client.errors import (
    HomeUnusableError,
    MessageGoneError,
    NoAccountError,
    PhoneFailedError,
    RelayRefusedError,
)
from client.events import ConnectionChanged, Connectivity, EventStream
from client.groups.phone_groups import PhoneGroups
from client.groups.records import Group, Person
from client.groups.sync_handle import GroupSyncHandle
from client.history_transfer import HistoryTransfer
from client.home_lock import HomeLock
from client.link_primary import link_device
from client.outbox import OutboxHandle
from client.own_account import OwnAccount
from client.profile_fetching import refresh_profile
from client.profiles import PeerProfile
from client.receipts import ReceiptsHandle
from client.records import Account, HistoryEntry, MessageState
from client.store import Store
from client.tree import phone_tree
from protocol.codes import ErrorCode, code_name, refusal_sentence
from protocol.e2e.linking import Companion
from protocol.ids import DeviceAddress, DeviceId, GroupAddress, GroupId, UserId
from protocol.stanzas import Audience, Failed, Found, LeaveAccount, Lookup

LOCK_POLL_SECONDS = 0.05
GOODBYE_SECONDS = 2.0  # how long leaving may wait for the relay to have heard the last acknowledgements

_Id = TypeVar("_Id", str, str | None, tuple[str, str | None])


class Phone:
    """An open phone. Made by ``open_phone``."""

    def __init__(self, account: Account, store: Store, system: ActorSystem, read_receipts: bool) -> None:
        self.account = account
        self.events = EventStream()
        self.connection = ConnectionChanged(Connectivity.CONNECTING)
        """How the connection is at the moment."""
        self._store = store
        self._system = system
        self._read_receipts = read_receipts
        self._connection = ConnectionHandle(system)
        self._outbox = OutboxHandle(system)
        self._receipts = ReceiptsHandle(system)
        self.groups = PhoneGroups(store, self._connection, GroupSyncHandle(system))
        """The groups: what is wanted of them, and what the relay knows of their messages."""
        self.attention = Attention(system)
        """Whether anybody is at this phone, and whose chats are open."""
        self.own_account = OwnAccount(self._connection)
        """The account at the relay: its PIN, and its end."""

    def send_text(
        self, to: str | UserId, text: str, reply_to: str | None = None, *, view_once: bool = False
    ) -> str:
        """Put a message into the outbox, where it survives anything; it goes out when there is a connection.

        Args:
            to: a phone number, or a user.
            text: what to say.
            reply_to: the id of the message in the same chat that this answers.
            view_once: it is to be shown once, and gone then.

        Returns:
            The message's id, which its ticks name.

        Raises:
            TextTooLongError: the text is too long, or empty.
            BlockedError: the recipient is somebody whom this account has blocked.
            MessageChangeError: there is no such message to answer.
        """
        return self._queued(self._store.compose.text(to, text, reply_to, view_once=view_once))

    def react(self, message_id: str, emoji: str | None) -> str:
        """React to a message; None takes it back. Returns the reaction's id. Raises MessageChangeError."""
        return self._queued(self._store.compose.reaction(message_id, emoji))

    def edit(self, message_id: str, text: str) -> str:
        """Give a text of ours another wording. Returns the edit's id.

        Raises:
            MessageChangeError: it is not ours, is no text, or was sent too long ago.
            TextTooLongError: the text is too long.
        """
        return self._queued(self._store.compose.edit(message_id, text))

    def delete(self, message_id: str) -> str | None:
        """Delete a message of ours for everyone. Returns the deletion's id, None if none has to go out.

        Raises:
            MessageChangeError: it is not ours, or was sent too long ago.
        """
        return self._queued(self._store.compose.deletion(message_id))

    def forward(self, message_id: str, to: str | UserId) -> str:
        """Send a copy of a message to another chat. Returns the copy's id.

        Raises:
            KeptHereError: somebody has asked that what is said in its chat stays there.
            MessageChangeError: it is nothing that can be forwarded.
        """
        return self._queued(self._store.compose.forwarded(message_id, to))

    def view(self, message_id: str) -> str:
        """What a message to be viewed once says; it is gone then. Raises MessageChangeError."""
        text, _ = self._queued(self._store.compose.opened(message_id))
        return text

    def set_timer(self, chat: UserId, seconds: int) -> str | None:
        """Have new messages of a chat disappear; 0: have them stay.

        Returns the id of the message that says so, None if it is so already. Raises ClientError.
        """
        return self._queued(self._store.compose.timer(chat, seconds))

    def keep_here(self, chat: UserId, *, on: bool) -> str | None:
        """Ask that what is said in a chat stays in it, or ask it no more; returns as ``set_timer``."""
        return self._queued(self._store.compose.keep_here(chat, on=on))

    def rules_of(self, chat: UserId) -> ChatRules:
        """What holds in a chat."""
        return self._store.rules.of(chat)

    def _queued(self, message_id: _Id) -> _Id:
        self._outbox.look()
        return message_id

    def history(self, with_: str | UserId | None = None, limit: int | None = None) -> list[HistoryEntry]:
        """The messages of one chat, or of all; oldest first."""
        return self._store.history(with_, limit)

    def unread(self, with_: str | UserId | None = None, limit: int | None = None) -> list[HistoryEntry]:
        """What has come in and was not yet marked as seen, oldest first; ``limit`` gives the oldest."""
        return self._store.unread(with_, limit)

    def mark_seen(self, with_: str | UserId | None = None, limit: int | None = None) -> None:
        """What ``unread`` gave has been shown; senders are told so if this phone gives read receipts.

        Call it right after showing, without waiting in between, so that nothing new is taken for shown.
        """
        due = self._store.mark_seen(with_, limit)
        withheld = [receipt for receipt in due if not self._tells_read(receipt.sender)]
        # Noted as told, or a later run that does give receipts would tell about these too.
        self._store.read_receipts_sent(withheld)
        self._outbox.look()  # for the word to one's other devices
        if len(withheld) < len(due):
            self._receipts.send_due()

    def _tells_read(self, sender: DeviceAddress | GroupAddress) -> bool:
        """Whether somebody may learn what is read here. The relay would not tell them, but need not know."""
        settings = self._store.settings
        audience = settings.privacy().read_receipts
        if isinstance(sender, GroupAddress):  # all of its members would learn it, contacts and others
            return self._read_receipts and audience is Audience.EVERYONE
        return self._read_receipts and settings.allows(audience, sender.user)

    def entry(self, message_id: str) -> HistoryEntry | None:
        """One message by its id."""
        return self._store.entry(message_id)

    def group(self, group: GroupId) -> Group | None:
        """A group, as far as this phone knows it."""
        return self._store.groups.group(group)

    def find_group(self, text: str) -> Group:
        """The group that a person means, by its name or id. Raises GroupError."""
        return self._store.groups.find(text)

    def person(self, user: UserId) -> Person:
        """Who somebody is, as far as this phone knows."""
        return self._store.groups.people.person(user)

    def user_of(self, phone: str) -> UserId | None:
        """Who has this number, if this phone has met them."""
        return self._store.user_of(phone)

    def number_changed(self, number: str) -> int:
        """The relay has given this account another number: everybody is told. Returns how many people."""
        told = self._store.number_changes.made(number)
        self._outbox.look()
        return told

    async def until_sent(self) -> None:
        """Wait until nothing waits in the outbox any more; for as long as it takes."""
        while self._store.has_unsent():
            self.raise_if_stopped()
            await trio.sleep(LOCK_POLL_SECONDS)

    def contact_name(self, phone: str) -> str | None:
        """What the person calls whoever has this number, by the address book."""
        return self._store.contacts.name_of(phone)

    def set_typing(self, user: UserId, is_typing: bool) -> None:
        """Let somebody see that we are typing, or have stopped. Only if there is a connection."""
        self._connection.tell_typing(user, is_typing)

    def profile_of(self, user: UserId) -> PeerProfile | None:
        """Somebody's profile as far as it is known here; ``refresh_profile`` asks for a newer one."""
        return self._store.profiles.of(user)

    def is_profile_stale(self, user: UserId) -> bool:
        """Whether it is time to ask for somebody's profile."""
        return self._store.profiles.is_stale(user)

    async def refresh_profile(self, user: UserId) -> PeerProfile | None:
        """Ask the relay for somebody's profile; None if they never let us see one.

        Raises:
            RequestTimeoutError: there is no connection, or no answer.
            RelayRefusedError: the relay wants to be asked later.
        """
        return await refresh_profile(self._store.profiles, self._connection, user)

    async def find(self, phone: str) -> UserId | None:
        """Who has this number; asks the relay if this phone has not met them.

        Raises:
            RequestTimeoutError: there is no connection, or no answer.
            RelayRefusedError: the relay wants to be asked later.
        """
        known = self._store.user_of(phone)
        if known is not None:
            return known
        answer = await self._connection.request(lambda request: Lookup(request, (phone,)))
        if isinstance(answer, Failed):
            sentence = refusal_sentence(answer.code, answer.detail)
            raise RelayRefusedError(code_name(answer.code), sentence, answer.detail)
        user = answer.users[0] if isinstance(answer, Found) and answer.users else UserId(0)
        if user:
            self._store.meet(phone, user)
        return user or None

    @property
    def devices(self) -> OwnDevices:
        """The devices of this account."""
        return self._store.devices

    @property
    def transfer(self) -> HistoryTransfer:
        """The history that devices are given when they are linked."""
        return self._store.transfer

    async def link_device(
        self, invitation: str, entropy: Entropy, met: Callable[[Companion], None] = lambda _companion: None
    ) -> OwnDevice:
        """Take the device that shows this text or code into the account. See ``link_device``."""
        relay = account_access(self._store, self.account).relay
        device = await link_device(self._store.devices, self._connection, invitation, entropy, relay, met)
        self._outbox.look()  # for the names of the devices, and the history
        return device

    async def remove_device(self, device: DeviceId) -> None:
        """Lock a companion out, as the primary.

        Raises:
            RelayRefusedError: the relay said no.
            RequestTimeoutError: there is no connection, or no answer.
        """
        await remove_device(self._store.devices, self._connection, device)

    async def leave_account(self) -> None:
        """Take this companion out of the account; it is logged out by it. Raises as ``remove_device``."""
        await ask(self._connection, LeaveAccount)

    async def wait_for(self, message_id: str, state: MessageState) -> HistoryEntry:
        """Wait until one of our messages has come to ``state``, or has failed or expired.

        Waits as long as it takes; cancelled, the message stays in the outbox.

        Raises:
            MessageGoneError: it is not here, or not any more: it has disappeared meanwhile.
            ClientError: the connection has stopped for good.
        """
        with self.events.subscribe() as events:
            while True:
                entry = self._store.entry(message_id)
                if entry is None:
                    raise MessageGoneError
                if entry.state >= state:
                    return entry
                self.raise_if_stopped()
                await events.next()

    async def wait_online(self) -> None:
        """Wait until there is a connection.

        Raises:
            ClientError: it has stopped for good.
        """
        with self.events.subscribe() as events:
            while self.connection.connectivity is not Connectivity.ONLINE:
                self.raise_if_stopped()
                await events.next()

    def raise_if_stopped(self) -> None:
        """Raise the reason if the connection has stopped for good.

        Raises:
            ClientError: it has.
        """
        if self.connection.connectivity is Connectivity.STOPPED:
            raise self.connection.error or PhoneFailedError(self.connection.reason)

    async def flush(self, seconds: float = math.inf) -> bool:
        """Wait until the relay has heard all that this phone has told it so far.

        Returns:
            Whether it has; False if the time was up or there is no connection.
        """
        if self.connection.connectivity is not Connectivity.ONLINE:
            return False
        with trio.move_on_after(seconds):
            await self._receipts.sent()
            return await self._connection.ping_answered()
        return False

    # ---- for open_phone ----

    def note(self, change: ConnectionChanged) -> None:
        """The connection is another way."""
        self.connection = change


@asynccontextmanager
async def open_phone(
    home: Path,
    *,
    network: Network | None = None,
    entropy: Entropy = system_entropy,
    clock: Clock = system_clock,
    read_receipts: bool = True,
    patience: float = 0.0,
) -> AsyncIterator[Phone]:
    """Be the phone of a home until the block is left, however that comes.

    On the way out the relay is given ``GOODBYE_SECONDS`` to hear the last acknowledgements and receipts.
    Killed at any moment, nothing is lost: what was not acknowledged comes again, what was not accepted is in
    the outbox. Errors of the body come out in an ``ExceptionGroup``, as from any trio nursery.

    Args:
        home: the folder of the phone.
        network: where links come from; None: the real network.
        entropy: where keys and jitter come from.
        clock: what the times of messages are told by.
        read_receipts: whether senders are told what has been read here.
        patience: seconds to wait for another process that is just leaving the home.

    Raises:
        HomeInUseError: another process is the phone of this home.
        NoAccountError: nobody is registered in it.
        RelayRefusedError: the account was logged out by a later registration of its number.
        HomeError: the store cannot be used.
    """
    _check_exists(home)
    with await _acquire(home, patience), Store.open(home, entropy, clock) as store:
        account = _usable_account(store, home)
        works = _Works(account, store, network, entropy, read_receipts)
        async with trio.open_nursery() as nursery:
            # Shielded: a start that is cancelled would wait for its task, which is. It is quick and local.
            with trio.CancelScope(shield=True):
                phone: Phone = await nursery.start(works.run)
            try:
                yield phone
            finally:
                with trio.CancelScope(shield=True):
                    await phone.flush(GOODBYE_SECONDS)
                works.stop.set()


class _Works:
    """The actors of a phone and their network, in a task of their own.

    Shielded, because whoever is the phone is often cancelled (Ctrl-C, a timeout): the actors have to live a
    moment longer, to say the last acknowledgements and receipts.
    """

    def __init__(
        self, account: Account, store: Store, network: Network | None, entropy: Entropy, read_receipts: bool
    ) -> None:
        self.stop = trio.Event()  # set when the last word has been said
        self._account = account
        self._store = store
        self._network = network
        self._entropy = entropy
        self._read_receipts = read_receipts

    async def run(self, task_status: trio.TaskStatus[Phone]) -> None:
        """Run until told to stop; hands the phone over once its actors have started."""
        with trio.CancelScope(shield=True):
            async with _given_or_real(self._network) as network, open_actor_system() as system:
                phone = Phone(self._account, self._store, system, self._read_receipts)
                with phone.events.watch(phone.note):
                    await self._run_tree(phone, system, network, task_status)

    async def _run_tree(
        self, phone: Phone, system: ActorSystem, network: Network, task_status: trio.TaskStatus[Phone]
    ) -> None:
        store, entropy = self._store, self._entropy
        access = account_access(store, self._account)
        tree = await system.start(
            lambda: phone_tree(system, store, phone.events, phone.attention, access, network, entropy)
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_watch, tree, phone)
            task_status.started(phone)
            await self.stop.wait()
            nursery.cancel_scope.cancel()


async def _watch(tree: ActorRef, phone: Phone) -> None:
    """Tell it if the tree gives up."""
    reason = await tree.wait_stopped()
    failed = PhoneFailedError(str(reason))
    phone.events.publish(ConnectionChanged(Connectivity.STOPPED, str(failed), error=failed))


@asynccontextmanager
async def _given_or_real(network: Network | None) -> AsyncIterator[Network]:
    if network is not None:
        yield network
    else:
        async with open_reactor() as real:
            yield real


async def _acquire(home: Path, patience: float) -> HomeLock:
    """Take the home's lock, waiting for a command that is about to end. Raises HomeInUseError."""
    with trio.move_on_after(patience):
        while True:
            lock = HomeLock.try_acquire(home)
            if lock is not None:
                return lock
            await trio.sleep(LOCK_POLL_SECONDS)
    return HomeLock.acquire(home)


def _check_exists(home: Path) -> None:
    """A mistyped folder must not become a new, empty home. Raises HomeError."""
    if not home.is_dir():
        raise NoAccountError(home)
    if not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        raise HomeUnusableError(home, "no permission to read and write it")


def _usable_account(store: Store, home: Path) -> Account:
    account = store.account()
    if account is None:
        raise NoAccountError(home)
    if account.logged_out:
        code = ErrorCode.LOGGED_OUT
        raise RelayRefusedError(code.wire_name, code.sentence)
    return account
