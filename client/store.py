"""The phone's memory: account, keys, sessions, history and outbox in one SQLite file.

This is the front; each noun has its own module (``device_keys``, ``peers``, ``sessions``, ``history``,
``send_queue``, ``sent_messages``, ``receiving``; and ``compose``, ``settings``, ``blocks``, ``profiles``,
``rules``, ``timers``, used by their names). Every public method is one transaction: when it returns, what it
says is on disk, and when it raises or the process dies, nothing of it has happened.

Rule 1: a ciphertext, its number and the ratchet state after it are written together, before a byte goes out;
        a re-send sends the stored ciphertext. So no message key is ever used twice.
Rule 2: a received message, the ratchet state after it and the cursor are written together, before the
        acknowledgement. So nothing is lost between "decrypted" and "acknowledged", and nothing shown twice.
Rule 3: many processes may open a store, but only the holder of ``HomeLock`` talks to the relay: the others
        queue plaintexts and watch states.

All methods are synchronous, and those that write wait for the disk (fsync); a caller with an event loop runs
them in a thread, one at a time. Cancellation cannot happen inside them.
"""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from actors.ports import Clock, Entropy
from client.blocks import Blocks
from client.changes import Changes
from client.chat_rules import ChatRulebook
from client.composing import Composer
from client.contacts.book import ContactBook
from client.database import Database
from client.device_keys import DeviceKeys
from client.device_names import DeviceNames
from client.devices import OwnDevices
from client.encapsulation import system_encapsulate
from client.groups.groups import Groups
from client.groups.info import GroupInfos
from client.groups.lines import GroupLines
from client.groups.logs import GroupLogs
from client.groups.people import People
from client.history import History
from client.history_transfer import HistoryTransfer
from client.lost_messages import LostMessages
from client.number_changes import NumberChanges
from client.peers import Peers
from client.profiles import Profiles
from client.receiving import Receiving
from client.records import (
    Account,
    Bundle,
    HistoryEntry,
    IncomingDelivery,
    OutgoingSend,
    PrekeyUpload,
    QueuedMessage,
    ReadReceipt,
    Received,
    RegistrationKeys,
)
from client.resending import Resending
from client.send_queue import SendQueue
from client.sent_messages import SentMessages
from client.sessions import Sessions
from client.settings import Settings
from client.siblings import Siblings
from client.timers import Timers
from client.verifications import Verifications
from protocol.device_list import SignedDeviceList
from protocol.e2e import Encapsulate
from protocol.ids import DeviceId, GroupId, MessageNumber, Seq, UserId
from protocol.stanzas import Audience, Privacy

STORE_FILE_NAME = "phone.sqlite"


class Store:
    """The durable half of a phone. Open it with ``Store.open``; use it in a ``with`` statement.

    When not to use: not for what may be forgotten (handles, windows, presence), and not from two threads at
    the same moment.
    """

    def __init__(
        self,
        database: Database,
        entropy: Entropy,
        clock: Clock,
        encapsulate: Encapsulate = system_encapsulate,
    ) -> None:
        self._database = database
        self._keys = DeviceKeys(database, entropy, clock)
        self._peers = Peers(database, entropy, clock)
        self._sessions = Sessions(database, entropy, encapsulate)
        changes = Changes(database)
        infos = GroupInfos(database)
        lines = GroupLines(database, People(database, self._keys), infos)
        self.rules = ChatRulebook(database)
        self.timers = Timers(database, changes, clock)
        self.settings = Settings(database)
        self.blocks = Blocks(database)
        self.contacts = ContactBook(database, self._peers, clock)
        self.profiles = Profiles(database, entropy, clock)
        logs = GroupLogs(database, self._peers, infos, entropy, clock)
        self._queue = SendQueue(
            database,
            self._keys,
            self._peers,
            self._sessions,
            self.settings,
            self.blocks,
            self.profiles,
            logs,
            self.rules,
            entropy,
            clock,
        )
        self.compose = Composer(
            database,
            self._keys,
            self._peers,
            self._queue,
            changes,
            self.settings,
            self.rules,
            self.timers,
            logs,
            clock,
        )
        names = DeviceNames(database, self._keys, self._peers, self._queue, entropy, clock)
        self.devices = OwnDevices(database, self._keys, self._peers, names, clock)
        self.siblings = Siblings(database, self._keys, self._peers, self._queue, changes, entropy, clock)
        self._history = History(database, self._keys, changes, lines, self.siblings.tell_seen)
        self.verifications = Verifications(database, self._keys, self._peers, clock)
        self.number_changes = NumberChanges(database, self._keys, self._queue, entropy, clock)
        self._sent = SentMessages(database, clock)
        self.groups = Groups(database, self._keys, self._peers, self._queue, self._sent, logs, entropy, clock)
        welcome = self.groups.welcome_own_devices
        self.transfer = HistoryTransfer(
            database, self._keys, self._peers, self._queue, welcome, entropy, clock
        )
        self._lost = LostMessages(database, self._queue, entropy, clock)
        self._receiving = Receiving(
            database,
            self._keys,
            self._peers,
            self._sessions,
            self.profiles,
            changes,
            self.rules,
            self.timers,
            self._lost,
            Resending(database, self._queue, self.timers, entropy, clock),
            self.groups,
            self.siblings,
            self.transfer,
            names,
            entropy,
            clock,
        )

    @classmethod
    def open(
        cls, home: Path, entropy: Entropy, clock: Clock, encapsulate: Encapsulate = system_encapsulate
    ) -> Self:
        """Open the store in the folder ``home``; folder and file are made if they are missing (0700, 0600).

        Raises:
            StoreTooNewError: a later version of Roost wrote it; nothing has been changed.
            StoreDamagedError: the file is not a store, or SQLite cannot read it.
        """
        store = cls(Database.open(home, STORE_FILE_NAME), entropy, clock, encapsulate)
        store._receiving.understand_again()
        store.timers.sweep()  # what has disappeared while nobody looked is never shown again
        return store

    def close(self) -> None:
        """Close the file; harmless twice."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def changed_elsewhere(self) -> bool:
        """Whether another process has written to the store since this was last asked (cheap: no disk)."""
        return self._database.changed_elsewhere()

    # ------------------------------------------------------------- account and keys

    def account(self) -> Account | None:
        """The registered account, or None before ``complete_registration``."""
        return self._keys.account()

    def begin_registration(self, phone: str, relay_url: str) -> RegistrationKeys:
        """Make the keys for a new device, or give those of an unfinished registration of the same phone.

        The account that may be there stays in use until ``complete_registration``.
        """
        return self._keys.begin_registration(phone, relay_url)

    def complete_registration(
        self, user: UserId, device: DeviceId, relay_key: bytes | None = None
    ) -> Account:
        """The relay has registered the keys of ``begin_registration``: they are the account from now on.

        If this replaces an earlier device, its sessions, numbers and cursor go with it, and what was not yet
        accepted is queued again; history and peers stay.

        Raises:
            NoAccountError: no registration was begun.
        """
        return self._keys.complete_registration(user, device, relay_key)

    def set_relay_key(self, relay_key: bytes) -> None:
        """Pin the relay's Noise static key. Raises NoAccountError."""
        self._keys.set_relay_key(relay_key)

    def mark_logged_out(self) -> None:
        """The relay says that another device took over; ``account().logged_out`` is true from now on."""
        self._keys.mark_logged_out()

    def prekeys_to_upload(self, left_at_relay: int, kem_left: int | None) -> PrekeyUpload | None:
        """What to upload now, given how many one-time prekeys the relay still has; None if nothing.

        ``kem_left`` is None for a relay that keeps no KEM prekeys: it is given none.

        Made and stored before they are returned. Asking again before ``prekeys_uploaded`` gives the same
        keys, so an upload whose answer was lost can be repeated.
        """
        return self._keys.prekeys_to_upload(left_at_relay, kem_left)

    def prekeys_uploaded(self, upload: PrekeyUpload) -> None:
        """The relay has confirmed this upload."""
        self._keys.prekeys_uploaded(upload)

    # ------------------------------------------------------------- people

    def learn_phone(self, phone: str, user: UserId | None) -> None:
        """A ``Lookup`` was answered. With None, what was queued for the phone fails as ``unknown-user``."""
        self._queue.learn_phone(phone, user)

    def meet(self, phone: str, user: UserId) -> None:
        """A ``Lookup`` was answered that was not asked for the sake of something queued."""
        with self._database.transaction():
            self._peers.remember(user, phone)

    def phone_of(self, user: UserId) -> str | None:
        """The phone number that the relay's directory gave for a user, if known."""
        return self._peers.phone_of(user)

    def user_of(self, phone: str) -> UserId | None:
        """The user behind a phone number, if it has been looked up before."""
        return self._peers.user_of(phone)

    def safety_number(self, user: UserId) -> str | None:
        """The 60 digits to compare with this user, or None while no key of theirs is known."""
        return self._peers.safety_number(self._keys.require_account(), user)

    def set_blocked(self, user: UserId, is_blocked: bool) -> None:
        """Block somebody, or end it. Who is blocked keeps the profile's key, so it is changed with that."""
        with self._database.transaction():
            self._peers.remember(user)
            if is_blocked and not self.blocks.is_blocked(user):
                self.profiles.change_key()
            self.blocks.set(user, is_blocked)

    def choose_privacy(self, privacy: Privacy) -> None:
        """Choose who may see what. Who may not see the profile any more keeps its key, so it is changed."""
        with self._database.transaction():
            before = self.settings.privacy()
            self.settings.choose(privacy)
            if privacy.profile is not before.profile and privacy.profile is not Audience.EVERYONE:
                self.profiles.change_key()

    # ------------------------------------------------------------- sending

    def queue_text(self, to: UserId | str, text: str) -> str:
        """Put a text into the outbox; any process may. ``to`` is a user, or a phone number in E.164.

        Returns:
            The message id (16 hex digits), by which its state can be watched in ``entry``.

        Raises:
            NoAccountError: nobody is registered in this home.
            TextTooLongError: more than the content format allows.
            OwnNumberError: the recipient is this account.
            BlockedError: the recipient is somebody whom this account has blocked.
        """
        return self.compose.text(to, text)

    def phones_to_look_up(self) -> list[str]:
        """Phone numbers with queued messages whose user is not known (at most 256, oldest first)."""
        return self._queue.phones_to_look_up()

    def users_needing_bundles(self) -> list[UserId]:
        """Users with queued messages to whom nothing can be encrypted yet: fetch their bundles."""
        return self._queue.users_needing_bundles()

    def devices_needing_bundles(self, user: UserId) -> list[DeviceId] | None:
        """Of which devices to fetch bundles; an empty list: only the device list. None: of all there are."""
        return self._queue.devices_needing_bundles(user)

    def learn_bundles(
        self,
        user: UserId,
        bundles: Sequence[tuple[DeviceId, Bundle]],
        signed: SignedDeviceList | None = None,
        asked: Sequence[DeviceId] | None = None,
    ) -> bool:
        """A ``FetchBundles`` was answered: these are the user's devices now; sessions are made where needed.

        ``signed`` is the device list that came with them, ``asked`` for which devices it was (None: all).
        None at all fails what is queued, as ``no-devices``.

        Returns:
            Whether the user's security code changed (the history then has an entry about it).

        Raises:
            BadBundleError: a signature is wrong or a key is no key; the relay's or the peer's fault.
            UntrustedIdentityError: a device that is known answers with another identity key.
            UntrustedDevicesError: nobody vouches for the devices, or the list is none to be believed.
            In each case nothing has changed; ``fail_queued`` ends what waits for it.
        """
        return self._queue.learn_bundles(user, bundles, signed, asked)

    def fail_queued(self, user: UserId, error_name: str) -> list[str]:
        """Everything still unencrypted for this user has failed. Returns the message ids."""
        return self._queue.fail_queued(user, error_name)

    def next_to_encrypt(self) -> QueuedMessage | None:
        """The oldest queued message that can be encrypted now, or None. A chat that waits blocks no other."""
        return self._queue.next_to_encrypt()

    def fail_too_large(self) -> list[str]:
        """Give up what does not fit a frame for all devices of its recipient. Returns the message ids."""
        return self._queue.fail_too_large()

    def encrypt(self, message_id: str) -> OutgoingSend:
        """Encrypt a queued message and give it the next number of its chat (rule 1).

        The other devices of this account are told with the same breath.

        Raises:
            MessageStateError: it is not queued, is not the first in its chat, or lacks a session.
            NoAccountError: nobody is registered in this home.
        """
        with self._database.transaction():
            send = self._queue.encrypt(message_id)
            self.siblings.tell_sent(message_id)
            return send

    def unresolved_sends(self, chat: UserId | None = None) -> list[OutgoingSend]:
        """All encrypted messages that are not accepted, in the order in which they have to go out again."""
        return self._sent.unresolved_sends(chat)

    def mark_accepted(self, chat: UserId, number: MessageNumber) -> list[str]:
        """✓ for everything up to ``number`` in this chat. Returns the ids whose state changed.

        A number beyond those of this store says that it was put back to a copy: what was under way is queued
        again instead, behind that number.
        """
        return self._sent.mark_accepted(chat, number)

    def mark_delivered(self, chat: UserId, number: MessageNumber) -> list[str]:
        """✓✓ for everything up to ``number``; implies accepted. Returns the ids whose state changed."""
        return self._sent.mark_delivered(chat, number)

    def mark_read(self, chat: UserId, number: MessageNumber) -> list[str]:
        """Read up to ``number``; implies delivered. Returns the ids whose state changed."""
        return self._sent.mark_read(chat, number)

    def mark_expired(self, chat: UserId, first: MessageNumber, last: MessageNumber) -> list[str]:
        """✗ from ``first`` to ``last``, except what was delivered. Returns the ids whose state changed."""
        return self._sent.mark_expired(chat, first, last)

    def settle_out_of_order(self, chat: UserId, expected: MessageNumber) -> list[OutgoingSend]:
        """The relay expects ``expected``: what is below is accepted, the rest is renumbered from there.

        If the relay has lost messages that it had accepted (restored from a backup), those not yet delivered
        come back in front of the rest. Returns what has to go out again, in order.
        """
        return self._sent.settle_out_of_order(chat, expected)

    def settle_progress(self, chat: UserId, accepted: MessageNumber) -> list[OutgoingSend]:
        """A ``FetchProgress`` was answered: the relay has accepted up to ``accepted``.

        If it once said more, it has lost messages; those not yet delivered become pending again. Returns what
        has to go out again, in order; nothing if nothing is lost. (``settle_out_of_order`` finds this out
        too, but only when there is something new to send.)
        """
        return self._sent.settle_progress(chat, accepted)

    def refuse(self, chat: UserId, number: MessageNumber, error_name: str) -> list[OutgoingSend]:
        """The relay refused this message for good: it failed, and its number goes to the next one.

        Returns what has to go out again: the rest of the chat, renumbered. An unknown number changes nothing.
        """
        return self._sent.refuse(chat, number, error_name)

    def note_waiting(self, chat: UserId, number: MessageNumber, error_name: str) -> list[str]:
        """The relay will take this message later, and says why. Returns its id if that is news."""
        return self._sent.note_waiting(chat, number, error_name)

    def encrypt_again_from(self, chat: UserId, number: MessageNumber) -> None:
        """The device list was stale: this message and all after it are queued again as plaintexts.

        The user appears in ``users_needing_bundles`` until ``learn_bundles`` has brought the fresh list.
        """
        self._sent.encrypt_again_from(chat, number)

    def has_unsent(self) -> bool:
        """Whether anything waits in the outbox."""
        return self._queue.has_unsent()

    def pending_progress(self) -> list[UserId]:
        """Chats with accepted messages that are not read yet: ask ``FetchProgress`` about these."""
        return self._sent.pending_progress()

    # ------------------------------------------------------------- receiving

    def cursor(self) -> Seq:
        """The highest delivery stored so far (0 for none): the resume point, and what may be acknowledged."""
        return self._receiving.cursor()

    def receive(self, delivery: IncomingDelivery) -> Received:
        """Decrypt and store one delivery (rule 2); it may be acknowledged when this returns.

        Whatever the bytes are, the answer is a value: only a full or broken disk raises.

        Raises:
            NoAccountError: nobody is registered in this home.
        """
        return self.receive_all([delivery])[0]

    def receive_all(self, deliveries: Sequence[IncomingDelivery]) -> list[Received]:
        """Many deliveries in one transaction, hence one fsync; all of them or, on a raise, none."""
        return self._receiving.receive_all(deliveries)

    def receive_waiting(self, group: GroupId) -> list[Received]:
        """Take what has waited for a group's log, as far as that is here now."""
        return self._receiving.receive_waiting(group)

    def ask_again(self) -> bool:
        """Queue requests for what could not be opened and has not come again; whether there are any.

        At most five for each message, an hour or more apart; then the history says that it never came.

        Raises:
            NoAccountError: nobody is registered in this home.
        """
        with self._database.transaction():
            account = self._keys.require_account()
            return any([self._lost.ask(account), self.groups.healing.ask(account)])

    # ------------------------------------------------------------- reading

    def history(self, with_: UserId | str | None = None, limit: int | None = None) -> list[HistoryEntry]:
        """The entries of one chat (by user or phone), or of all, oldest first; ``limit`` keeps the newest."""
        return self._history.entries(with_, limit)

    def unread(self, with_: UserId | str | None = None, limit: int | None = None) -> list[HistoryEntry]:
        """Incoming entries not yet seen here, oldest first; ``limit`` gives the oldest."""
        return self._history.unread(with_, limit)

    def entry(self, message_id: str) -> HistoryEntry | None:
        """One entry by its message id."""
        return self._history.entry(message_id)

    def mark_seen(self, with_: UserId | str | None = None, limit: int | None = None) -> list[ReadReceipt]:
        """Everything unread (of one chat, or of all) has been seen; gives the read receipts now due.

        With ``limit`` only the oldest so many: what ``unread`` with the same limit gave just before.
        """
        return self._history.mark_seen(with_, limit)

    def read_receipts_due(self) -> list[ReadReceipt]:
        """Read receipts that the relay has not been told yet."""
        return self._history.read_receipts_due()

    def read_receipts_sent(self, receipts: Sequence[ReadReceipt]) -> None:
        """The relay has been told these."""
        self._history.read_receipts_sent(receipts)
