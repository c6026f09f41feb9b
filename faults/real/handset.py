"""A device of a client: a real phone on its home, somebody who writes and reads on it, and what it notes.

Owns: the phone while it is open, and what its person has in mind.
Everything is written down before it is done, or as soon as it is heard of: ledger.py.
"""

import sys
from collections import deque
from pathlib import Path
from random import Random

import trio

from actors.network import Network
from client import Phone, open_phone
from client.errors import ClientError, GroupError
from client.events import (
    ConnectionChanged,
    Connectivity,
    Event,
    EventsMissed,
    MessageReceived,
    MessageSentElsewhere,
    TickChanged,
)
from client.groups.records import Group
from client.records import HistoryEntry, MessageState
from faults.real.ledger import (
    Declined,
    Elsewhere,
    Entry,
    Grouped,
    Intends,
    Ledger,
    Life,
    Link,
    Looks,
    Settled,
    Shelf,
    Shown,
    Tick,
    Wrote,
)
from faults.real.memory import FINAL, Memory
from faults.real.orders import Orders, Role
from protocol.e2e.group_info import GroupInfo
from protocol.ids import GroupId, UserId

READS = 0.8
"""How often somebody who is about to write reads first."""
IN_A_GROUP = 0.3
ANSWERS = 0.2
GOES_OFF = 1 / 80
"""How often somebody switches off instead of writing."""
MOST_SECONDS_OFF = 0.5
MOST_PENDING = 10
"""Who sees so many messages of theirs without a tick writes no more until there are fewer. Otherwise all that
is measured after a long fault would be how long its backlog takes."""
AGAIN_SECONDS = 1.0
"""After a phone has given up, which no phone should."""
STILL_SECONDS = 1.0
"""What has settled has heard nothing for so long."""
POLL_SECONDS = 0.1
LOCK_SECONDS = 5.0
NEWEST = 50
"""Where in the history to look for the message about which a life ended."""


class Handset:
    """One device.

    Args:
        who: what the ledger calls it.
        role: whose it is.
        orders: what its client is told.
        home: its folder, with an account in it.
        network: where links come from.
        ledger: its client's.
        memory: what it knows of its earlier lives.
    """

    def __init__(
        self,
        who: str,
        role: Role,
        orders: Orders,
        home: Path,
        network: Network,
        ledger: Ledger,
        memory: Memory,
    ) -> None:
        self.who = who
        self.phone: Phone | None = None
        self.is_writing = False
        self._role = role
        self._orders = orders
        self._home = home
        self._network = network
        self._ledger = ledger
        self._memory = memory
        self._life = memory.lives + 1
        self._random = Random(f"{orders.seed} {who} {self._life}")
        self._count = 0
        self._answerable: deque[str] = deque(maxlen=8)
        """Ids of messages from person to person that came in lately."""
        self._off = trio.CancelScope()
        self._heard_at = trio.current_time()
        self._was_online: bool | None = None

    @property
    def is_online(self) -> bool:
        """Whether its phone is on, and connected as far as it knows."""
        return self.phone is not None and self.phone.connection.connectivity is Connectivity.ONLINE

    @property
    def _pending(self) -> int:
        """How many messages have no tick yet."""
        return sum(state == "pending" for state in self._memory.unfinished.values())

    @property
    def has_settled(self) -> bool:
        """Whether all that it has written has come to its end, and nothing has come for a while."""
        on_the_way = any(state in ("pending", "accepted") for state in self._memory.unfinished.values())
        still = trio.current_time() - self._heard_at >= STILL_SECONDS
        return self.is_online and still and not on_the_way

    # ---- being on and off ----

    async def live(self) -> None:
        """Be on, but for the times when it is switched off, until cancelled."""
        while True:
            seconds = AGAIN_SECONDS
            with trio.CancelScope() as self._off:
                try:
                    await self._be_on()
                except* ClientError as errors:
                    self._note_link("stopped", repr(errors.exceptions))
            if self._off.cancelled_caught:
                seconds = self._random.uniform(0.0, MOST_SECONDS_OFF)
            self._note_offline("off")
            await trio.sleep(seconds)

    async def _be_on(self) -> None:
        async with open_phone(self._home, network=self._network, patience=LOCK_SECONDS) as phone:
            with phone.events.subscribe() as events:
                self.phone = phone
                try:
                    self._begin(phone)
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(self._act, phone)
                        while True:
                            self._hear(phone, await events.next())
                finally:
                    self.phone = None  # its store is about to be closed

    def _begin(self, phone: Phone) -> None:
        if self._life > self._memory.lives:
            user = f"{phone.account.user:016x}"
            self._ledger.write(Life(self._now(), self.who, self._role.person, user, self._life))
            self._memory.lives = self._life
            self._settle_doubts(phone)
        self._look_up_ticks(phone)
        self._note_connection(phone.connection)  # it may have changed before anybody listened

    def _settle_doubts(self, phone: Phone) -> None:
        """Whether what the life before was about to write has been written."""
        if not self._memory.doubtful:
            return
        for entry in phone.history(limit=NEWEST):
            if entry.outgoing and entry.text in self._memory.doubtful:
                self._note_written(entry.text, entry.message_id)

    # ---- news ----

    def _hear(self, phone: Phone, event: Event) -> None:
        match event:
            case MessageReceived(text=text, group=group):
                name = "" if group is None else self._group_name(phone, group)
                self._ledger.write(Shown(self._now(), self.who, text or "", name))
                if group is None:
                    self._answerable.append(event.message_id)
            case MessageSentElsewhere(text=text):
                self._ledger.write(Elsewhere(self._now(), self.who, text or ""))
            case TickChanged(message_id=message_id, state=state, error_name=error):
                self._note_tick(message_id, state, error)
            case ConnectionChanged():
                self._note_connection(event)
            case EventsMissed():
                self._look_up_ticks(phone)
            case _:
                return
        self._heard_at = trio.current_time()

    def _note_tick(
        self, message_id: str, state: MessageState, error: str | None, *, is_found: bool = False
    ) -> None:
        name = state.name.lower()
        if self._memory.unfinished.get(message_id, name) == name:
            return  # known, or not one of ours: of another device, or nothing that people write
        self._ledger.write(Tick(self._now(), self.who, message_id, name, error or "", is_found))
        if name in FINAL:
            del self._memory.unfinished[message_id]
        else:
            self._memory.unfinished[message_id] = name

    def _look_up_ticks(self, phone: Phone) -> None:
        """What has become of messages while nobody listened."""
        for message_id in list(self._memory.unfinished):
            entry = phone.entry(message_id)
            if entry is not None:
                self._note_tick(message_id, entry.state, entry.error_name, is_found=True)

    def _note_connection(self, change: ConnectionChanged) -> None:
        match change.connectivity:
            case Connectivity.ONLINE:
                if self._was_online is not True:
                    self._note_link("online", "")
                self._was_online = True
            case Connectivity.STOPPED:
                self._note_link("stopped", f"{type(change.error).__name__}: {change.error}")
                self._was_online = False
                self._off.cancel()
            case _:
                self._note_offline(change.reason)

    def _note_offline(self, reason: str) -> None:
        if self._was_online is not False:
            self._note_link("offline", reason)
        self._was_online = False

    def _note_link(self, state: str, reason: str) -> None:
        self._ledger.write(Link(self._now(), self.who, state, reason))

    # ---- deeds ----

    async def _act(self, phone: Phone) -> None:
        """Write and read, as people do, and now and then switch off."""
        while True:
            await trio.sleep(self._random.uniform(0.0, 2.0 / self._orders.rate))
            if self._random.random() < READS or not self.is_writing:
                self._read(phone)
            if self.is_writing:
                if self._random.random() < GOES_OFF:
                    self._off.cancel()
                if self._pending < MOST_PENDING:
                    self._write(phone)

    def _read(self, phone: Phone) -> None:
        texts = tuple(entry.text for entry in phone.unread() if entry.text is not None)
        if texts:
            self._ledger.write(Looks(self._now(), self.who, texts))
            phone.mark_seen()

    def _write(self, phone: Phone) -> None:
        groups = self._groups(phone)
        if groups and self._random.random() < IN_A_GROUP:
            group = self._random.choice(groups)
            self._say(phone, group.name, UserId(group.id))
            return
        if self._answerable and self._random.random() < ANSWERS:
            message = phone.entry(self._random.choice(self._answerable))
            person = None if message is None else self._person(message.phone)
            if message is not None and message.user is not None and person is not None:
                self._say(phone, person, message.user, message.message_id)
                return
        person, number = self._random.choice(
            [each for each in self._orders.everybody.items() if each[0] != self._role.person]
        )
        self._say(phone, person, number)

    def _say(self, phone: Phone, name: str, to: str | UserId, answers: str | None = None) -> None:
        self._count += 1
        text = f"{self.who}.{self._life}.{self._count}"
        self._ledger.write(Intends(self._now(), self.who, text, name))
        try:
            message_id = phone.send_text(to, text, answers)
        except ClientError as error:
            self._ledger.write(Declined(self._now(), self.who, text, type(error).__name__))
        else:
            self._note_written(text, message_id)

    def _note_written(self, text: str, message_id: str) -> None:
        self._ledger.write(Wrote(self._now(), self.who, text, message_id))
        self._memory.unfinished[message_id] = "pending"
        self._memory.doubtful.pop(text, None)

    def _person(self, number: str | None) -> str | None:
        return next((name for name, each in self._orders.everybody.items() if each == number), None)

    # ---- groups ----

    def _groups(self, phone: Phone) -> list[Group]:
        return [
            group
            for group in phone._store.groups.all()
            if group.is_member and group.name in self._orders.groups
        ]

    def _group_name(self, phone: Phone, group: GroupId) -> str:
        known = phone.group(group)
        return "?" if known is None else known.name

    async def make_groups(self) -> bool:
        """Make the groups that its person is to make, unless an earlier life has; whether all are there."""
        if self.who != self._role.person:
            return True  # a companion leaves that to the first phone
        to_make = [name for name, members in self._orders.groups.items() if members[0] == self.who]
        for name in to_make:
            try:
                await self._make_group(name, self._orders.groups[name])
            except ClientError as error:
                print(f"{self.who} cannot make {name} yet: {error!r}", file=sys.stderr, flush=True)
                return False
        return self.phone is not None

    async def _make_group(self, name: str, members: tuple[str, ...]) -> None:
        phone = self.phone
        if phone is None or any(group.name == name for group in phone._store.groups.all()):
            return
        users = [await phone.find(self._orders.everybody[each]) for each in members[1:]]
        known = [user for user in users if user is not None]
        if len(known) < len(users) or phone is not self.phone:
            raise GroupError("not-yet", "not everybody is there")
        if name not in self._memory.grouped:
            self._ledger.write(Grouped(self._now(), self.who, name, members))
            self._memory.grouped[name] = None
        phone._store.groups.create(known, GroupInfo(name))
        phone.groups._sync.look()

    # ---- the end ----

    def note_settled(self) -> None:
        """Nothing of it is on its way any more."""
        self._ledger.write(Settled(self._now(), self.who))

    async def show(self) -> None:
        """Write down what the phone shows, as soon as it is on."""
        while self.phone is None:  # noqa: ASYNC110 - it is on its way
            await trio.sleep(POLL_SECONDS)
        entries = tuple(self._entry(entry) for entry in self.phone.history())
        self._ledger.write(Shelf(self._now(), self.who, entries))

    def _entry(self, entry: HistoryEntry) -> Entry:
        user = entry.author if entry.group is not None else entry.user
        return Entry(
            entry.text or "",
            entry.outgoing,
            entry.message_id,
            entry.state.name.lower(),
            entry.kind.name.lower(),
            "" if user is None else f"{user:016x}",
            "" if entry.group is None else entry.group_name or "?",
        )

    def _now(self) -> float:
        return self._ledger.now()
