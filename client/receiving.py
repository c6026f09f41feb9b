"""Deliveries: opened, stored and counted in one transaction, so that they can be acknowledged.

A delivery at or below the cursor was stored before: the acknowledgement got lost, and it is acknowledged
again. It is still tried: if it opens and is new, the relay has lost count, as one restored from a backup may,
and the message must not be lost with it. One that cannot be opened is stored as an event that people see, and
acknowledged: it would never open, and everything behind it would wait for it; its sender is asked for it
again (``client/lost_messages.py``), and the repetition takes the event's place. What cannot be read, whatever
it is, is a value here, not an exception; an exception means that the disk failed, and then nothing has
happened.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from actors.ports import Clock, Entropy
from client.changes import Changes, Said
from client.chat_rules import ChatRulebook
from client.contacts.book import ContactBook
from client.database import Database
from client.device_keys import DeviceKeys
from client.device_names import DeviceNames
from client.entry_kinds import kind_of
from client.groups.groups import Groups
from client.groups.receiving import NotAdminError
from client.history_transfer import HistoryTransfer
from client.lost_messages import ASKED_FOR, LostMessages
from client.number_changes import hear_number
from client.peers import Peers
from client.profiles import Profiles
from client.records import (
    Account,
    Duplicate,
    EntryKind,
    GroupChanged,
    IncomingDelivery,
    MessageState,
    Received,
    ReceivedMessage,
    Served,
    Undecryptable,
)
from client.renewals import Renewals
from client.resending import Resending
from client.sessions import Sessions
from client.siblings import Siblings
from client.timers import Timers
from client.verifications import Verifications
from protocol.e2e import (
    BadCiphertextError,
    BadContentError,
    Change,
    Content,
    DuplicateMessageError,
    EndToEndError,
    MessageRef,
    NoSessionError,
    NumberChanged,
    PrekeyGoneError,
    PrekeyUnknownError,
    Rule,
    Text,
    Unknown,
    UnsupportedVersionError,
)
from protocol.e2e import content as contents
from protocol.e2e.group_content import read_group_service
from protocol.e2e.retry import Resent, RetryRequest, Service, read_service
from protocol.e2e.siblings import History as SiblingHistory
from protocol.e2e.siblings import Names, Seen, Sent, Sibling, read_sibling
from protocol.ids import GroupId, Seq, UserId


class Receiving:
    """Turns deliveries into history."""

    def __init__(
        self,
        database: Database,
        keys: DeviceKeys,
        peers: Peers,
        sessions: Sessions,
        profiles: Profiles,
        changes: Changes,
        rules: ChatRulebook,
        timers: Timers,
        lost: LostMessages,
        resending: Resending,
        groups: Groups,
        siblings: Siblings,
        transfer: HistoryTransfer,
        names: DeviceNames,
        entropy: Entropy,
        clock: Clock,
    ) -> None:
        self._database = database
        self._keys = keys
        self._peers = peers
        self._sessions = sessions
        self._profiles = profiles
        self._changes = changes
        self._rules = rules
        self._timers = timers
        self._lost = lost
        self._resending = resending
        self._groups = groups
        self._siblings = siblings
        self._transfer = transfer
        self._names = names
        self._renewals = Renewals(database, clock)
        self._verifications = Verifications(database, keys, peers, clock)
        self._contacts = ContactBook(database, peers, clock)
        self._entropy = entropy
        self._clock = clock

    def cursor(self) -> Seq:
        """The highest stored delivery."""
        return self._keys.cursor()

    def receive_all(self, deliveries: Sequence[IncomingDelivery]) -> list[Received]:
        """Store some deliveries in one transaction."""
        with self._database.transaction():
            account = self._keys.require_account()
            received = [self._receive(account, delivery) for delivery in deliveries]
            if any(isinstance(each, Undecryptable) for each in received):
                # Once, after all of them: a device that lost its sessions asks for a whole backlog in one go.
                self._lost.ask(account)
                self._groups.healing.ask(account)
            return received

    def _receive(self, account: Account, delivery: IncomingDelivery) -> Received:
        repeated = delivery.seq <= self._keys.cursor()
        if not repeated:
            self._keys.set_cursor(delivery.seq)
        self._peers.remember(delivery.sender.user, delivery.phone)
        if delivery.group is not None:
            return self._receive_in_group(account, delivery)
        try:
            plaintext, changed = self._open(account, delivery)
        except DuplicateMessageError:
            return Duplicate(delivery.seq)
        except EndToEndError as error:
            # A repetition from an older chain of the ratchet looks like a forgery; it is the repetition.
            return Duplicate(delivery.seq) if repeated else self._lose(delivery, error)
        try:
            content = contents.decode(plaintext)
            service = read_service(content)
            sibling = read_sibling(content)
            group_service = read_group_service(content)
        except EndToEndError as error:
            return self._store_undecryptable(delivery, error.name, error.name)[0]
        if group_service is not None:
            group = self._groups.receiving.serve(account, delivery.sender, group_service)
            return GroupChanged(delivery.seq, group)
        if service is not None:
            return self._serve(account, delivery, service, changed)
        if sibling is not None:
            return self._hear_sibling(account, delivery, sibling)
        return self._store_message(delivery, content, plaintext, changed)

    def _open(self, account: Account, delivery: IncomingDelivery) -> tuple[bytes, bool]:
        """Decrypt, and store what that changed: the session, the peer's key, the prekey that is used up."""
        sender = delivery.sender
        record = self._sessions.load(account.address, sender)
        plaintext, first = record.decrypt(
            delivery.ciphertext,
            self._keys.identity(),
            self._peers.identity_key(sender),
            self._keys.find_prekeys,
        )
        changed = False
        if first is not None:
            changed = self._peers.meet_device(account, sender, first.identity_key, first.device_proof)
            self._verifications.hold(sender.user)
            self._keys.use_up(first.prekey_id, None if first.kem is None else first.kem.prekey_id)
            self._renewals.came(sender)
        self._sessions.store(sender, record)
        return plaintext, changed

    def _serve(
        self, account: Account, delivery: IncomingDelivery, service: Service, changed: bool
    ) -> Received:
        """Do what another phone asks of this one, or take in what this one has asked for."""
        if isinstance(service, RetryRequest):
            if service.group is not None:
                self._groups.healing.answer(account, delivery.sender, service, service.group)
            else:
                self._resending.answer(account, delivery.sender, service)
            return Served(delivery.seq)
        if service.group is not None:
            return self._receive_in_group_again(account, delivery, service, service.group)
        if service.content is None:
            self._lost.gone(delivery.sender, service.numbers)
            return Served(delivery.seq)
        return self._receive_again(account, delivery, service, service.content, changed)

    def _hear_sibling(self, account: Account, delivery: IncomingDelivery, sibling: Sibling) -> Received:
        """Another device of this account tells what it has done.

        From anybody else it means nothing, also from a device that was one until it was removed.
        """
        own = self._peers.known_devices(account, account.user).devices
        if delivery.sender.user != account.user or delivery.sender.device not in [d.device for d in own]:
            return Served(delivery.seq)
        match sibling:
            case Sent():
                return self._siblings.take_sent(account, delivery, sibling)
            case Seen():
                return self._siblings.take_seen(delivery, sibling)
            case SiblingHistory():
                return self._transfer.take(account, delivery, sibling)
            case Names():
                return self._names.take(account, delivery, sibling)
        return Served(delivery.seq)

    def _receive_again(
        self, account: Account, delivery: IncomingDelivery, resent: Resent, plaintext: bytes, changed: bool
    ) -> Received:
        """A message once more: it takes the place that was kept for it."""
        try:
            content = contents.decode(plaintext)
            service = read_service(content)
            sibling = read_sibling(content)
            group_service = read_group_service(content)
        except EndToEndError:
            self._lost.gone(delivery.sender, resent.numbers)
            return Served(delivery.seq)
        place = self._lost.found(delivery.sender, resent.numbers)
        if isinstance(service, RetryRequest):
            self._resending.answer(account, delivery.sender, service)
            return Served(delivery.seq)
        if group_service is not None:
            group = self._groups.receiving.serve(account, delivery.sender, group_service)
            return GroupChanged(delivery.seq, group)
        if sibling is not None:
            return self._hear_sibling(account, delivery, sibling)
        if service is not None:
            return Served(delivery.seq)  # a repetition of a repetition: ours name both numbers instead
        original = replace(delivery, number=resent.numbers[0])
        return self._store_message(original, content, plaintext, changed, place)

    def _store_message(
        self,
        delivery: IncomingDelivery,
        content: Content,
        plaintext: bytes,
        changed: bool,
        place: int | None = None,
    ) -> Received:
        if isinstance(content, NumberChanged) and hear_number(
            self._keys, self._contacts, delivery.sender.user, content
        ):
            return Served(delivery.seq)
        if self._timers.is_over(content, delivery.accepted_at):
            return Served(delivery.seq)  # it waited longer than it lives: nobody is to see it
        kind, life = kind_of(content), content.marks.life
        if isinstance(content, Change):
            self._note_change(delivery, content)
        elif self._insert(delivery, content.id, kind, plaintext, None, place, life) is None:
            return Duplicate(delivery.seq)
        elif isinstance(content, Rule):
            self._rules.note(delivery.chat, content)
        else:
            self._changes.meet(delivery.chat, MessageRef(delivery.sender.user, content.id))
        if isinstance(content, Text) and content.profile_key is not None and delivery.group is None:
            self._profiles.learn_key(delivery.sender.user, content.profile_key)
        return ReceivedMessage(
            seq=delivery.seq,
            sender=delivery.sender,
            number=delivery.number,
            message_id=content.id.hex(),
            content=content,
            phone=self._peers.phone_of(delivery.sender.user),
            security_code_changed=changed,
            group=delivery.group,
        )

    def _note_change(self, delivery: IncomingDelivery, change: Change) -> None:
        # No line of the history, hence nothing to know a repetition by: noted twice it changes nothing.
        sender, arrived_at = delivery.sender.user, delivery.accepted_at or self._clock.now()
        self._changes.note(Said(delivery.chat, sender, change, arrived_at))

    # ------------------------------------------------------------- groups

    def _receive_in_group(self, account: Account, delivery: IncomingDelivery) -> Received:
        """Judge what came in a group, and store what it is (client/groups/receiving.py)."""
        try:
            opened = self._groups.receiving.open(account, delivery)
            if not isinstance(opened, bytes):
                return opened
            content = contents.decode(opened)
            self._check_rule(delivery, content)
        except DuplicateMessageError:
            return Duplicate(delivery.seq)
        except EndToEndError as error:
            return self._lose_in_group(delivery, error)
        if delivery.sender.user == account.user:
            said = Sent(content.id, content.sent_at, delivery.chat, True, opened, None)
            return self._siblings.take_sent(account, delivery, said)
        return self._store_message(delivery, content, opened, changed=False)

    def _check_rule(self, delivery: IncomingDelivery, content: Content) -> None:
        """What holds in a group for messages is said by those who may say what it is called.

        Raises:
            NotAdminError: only admins may, and this is none: the relay cannot know what it carries.
        """
        state = None if delivery.group is None else self._groups.logs.state(delivery.group)
        if isinstance(content, Rule) and state is not None and not state.may_describe(delivery.sender.user):
            raise NotAdminError("only admins may say what holds in this group")

    def _lose_in_group(self, delivery: IncomingDelivery, error: EndToEndError) -> Received:
        if not _is_worth_asking(error):
            return self._store_undecryptable(delivery, error.name, error.name)[0]
        assert delivery.group is not None  # or it would not be here
        event, place = self._store_undecryptable(delivery, error.name, ASKED_FOR)
        self._groups.healing.add(delivery.group, delivery.sender, delivery.number, place)
        return event

    def _receive_in_group_again(
        self, account: Account, delivery: IncomingDelivery, resent: Resent, group: GroupId
    ) -> Received:
        """A message of a group once more, pairwise: only if it is waited for, and in its place."""
        healing, sender = self._groups.healing, delivery.sender
        if resent.content is None or not self._groups.receiving.is_from_member(group, sender.user):
            healing.gone(group, sender, resent.numbers)
            return Served(delivery.seq)
        found = healing.found(group, sender, resent.numbers)
        if found is None:
            return Served(delivery.seq)
        place, gseq = found
        original = replace(delivery, number=resent.numbers[0], group=group, gseq=gseq)
        try:
            content = contents.decode(resent.content)
            self._check_rule(original, content)
        except EndToEndError as error:
            return self._store_undecryptable(original, error.name, error.name)[0]
        if sender.user == account.user:
            said = Sent(content.id, content.sent_at, original.chat, True, resent.content, None)
            return self._siblings.take_sent(account, original, said, place)
        return self._store_message(original, content, resent.content, changed=False, place=place)

    def receive_waiting(self, group: GroupId) -> list[Received]:
        """Take what has waited for the group's log, as far as that is here now."""
        with self._database.transaction():
            account = self._keys.require_account()
            waiting = self._groups.receiving.take_waiting(group)
            received = [self._receive_in_group(account, delivery) for delivery in waiting]
            self._groups.healing.ask(account)
            return received

    # ------------------------------------------------------------- later versions

    def understand_again(self) -> None:
        """Look at content that was of an unknown kind: this version may know it."""
        rows = self._database.rows("SELECT * FROM messages WHERE kind = 2")  # a literal, for its index
        known = [(row, content) for row in rows if not isinstance(content := _content_of(row), Unknown)]
        if known:
            with self._database.transaction():
                for row, content in known:
                    self._understand(row, content)

    def _understand(self, row: sqlite3.Row, content: Content) -> None:
        user, author = UserId(row["user"]), UserId(row["author"] or row["user"])
        if isinstance(content, Change):
            self._changes.note(Said(user, author, content, row["accepted_at"] or row["stored_at"]))
            self._database.execute("DELETE FROM messages WHERE row = ?", row["row"])
        else:
            self._database.execute(
                "UPDATE messages SET kind = ? WHERE row = ?", kind_of(content).value, row["row"]
            )
            if isinstance(content, Rule):
                self._rules.note(user, content)
            self._changes.meet(user, MessageRef(author, content.id))

    def _lose(self, delivery: IncomingDelivery, error: EndToEndError) -> Undecryptable:
        """Store the event, and have the message sent again if that may help."""
        if not _is_worth_asking(error):
            return self._store_undecryptable(delivery, error.name, error.name)[0]
        event, place = self._store_undecryptable(delivery, error.name, ASKED_FOR)
        self._lost.add(delivery.sender, delivery.number, place)
        self._renewals.want(delivery.sender)
        if isinstance(error, PrekeyUnknownError):
            self._keys.replace_prekeys()
        return event

    def _store_undecryptable(
        self, delivery: IncomingDelivery, cause: str, shown: str
    ) -> tuple[Undecryptable, int]:
        """The event, and its place in the history; ``shown`` is what the history names as the reason."""
        event_id = self._entropy(contents.CONTENT_ID_BYTES)
        place = self._insert(delivery, event_id, EntryKind.UNDECRYPTABLE, None, shown)
        assert place is not None, "its id is new"
        event = Undecryptable(
            delivery.seq, delivery.sender, delivery.number, event_id.hex(), cause, delivery.group
        )
        return event, place

    def _insert(
        self,
        delivery: IncomingDelivery,
        message_id: bytes,
        kind: EntryKind,
        content: bytes | None,
        error_name: str | None,
        place: int | None = None,
        life: int | None = None,
    ) -> int | None:
        """Add a line to the history, at a free place or at its end; None if the message is there already."""
        inserted = self._database.execute(
            "INSERT OR IGNORE INTO messages"
            " (row, id, kind, outgoing, user, author, gseq, device, number, content, stored_at, accepted_at,"
            " state, error_name, life) VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            place,
            message_id,
            kind.value,
            delivery.chat,
            None if delivery.group is None else delivery.sender.user,
            delivery.gseq,
            delivery.sender.device,
            delivery.number,
            content,
            self._clock.now(),
            delivery.accepted_at,
            MessageState.RECEIVED,
            error_name,
            life,
        )
        return inserted.lastrowid if inserted.rowcount == 1 else None


def _is_worth_asking(error: EndToEndError) -> bool:
    """Whether a new session may mend it. Not so another identity, or a format of another version."""
    if isinstance(error, UnsupportedVersionError):
        return False
    return isinstance(error, BadCiphertextError | NoSessionError | PrekeyGoneError)


def _content_of(row: sqlite3.Row) -> Content:
    try:
        return contents.decode(row["content"])
    except BadContentError:
        # A later version's content that breaks a rule of this one's schema stays what it was.
        content_id: bytes = row["id"]
        return Unknown(content_id, 0, contents.MAX_KIND, row["content"])
