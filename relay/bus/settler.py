"""Finds out what became of messages that may have been lost between workers, so that nobody waits for ever.

An actor because it is long work that waits for room: after a worker was killed, every chat of every
connection with the users of that worker is told again how far it came, as the disk has it, and where that
does not answer for all that was handed over, its mailbox is asked.
Talks to: the store, for reading; the outgoing sides of connections; the mailboxes of other workers.
Restarts as: permanent; a new one begins with all peers that are there.
Not here: what is asked and what is answered (abroad.py, where the rules are).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import trio

from actors import Actor, MailboxFullError
from protocol import DeviceAddress, address_to_text
from relay.bus import messages as m
from relay.bus.chat import Chat, ChatId, id_of
from relay.bus.peer import Peer
from relay.outgoing import Outgoing
from relay.worker import Worker
from storage import CorruptRecordError
from storage.progress import load_progress
from supervisors import ChildSpec

log = logging.getLogger("roost.relay")

NAME = "settler"
"""What the registry knows it as."""

SLICE_CHATS = 100
"""Chats settled before others get a turn: about a millisecond."""


@dataclass(frozen=True, slots=True)
class SettleAll:
    """A peer is there again: settle all chats with its users."""

    peer: int
    era: int


@dataclass(frozen=True, slots=True)
class SettleUser:
    """Something for this user may have been lost on the way into the mailbox."""

    peer: int
    user: ChatId


def child_spec(worker: Worker) -> ChildSpec:
    """The one settler of a worker."""
    return ChildSpec(id=NAME, start=lambda: Settler(worker))


def register(worker: Worker) -> None:
    """Have the settler told what it is to settle."""

    def tell(peer: Peer, message: object) -> None:
        try:
            worker.system.via(NAME).tell_nowait(message)
        except MailboxFullError:
            peer.reset("too-much-to-settle")  # a new era settles everything at once

    worker.bus.on_ready(NAME, lambda peer: tell(peer, SettleAll(peer.number, peer.era)))
    worker.bus.on(m.Lost, lambda peer, message: tell(peer, SettleUser(peer.number, message.user)))


class Settler(Actor):
    """Settles, one thing after the other."""

    mailbox_limit = 4_096

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def on_start(self) -> None:
        """Be found by name; whatever a predecessor was told, and did not come to, is in what is told now.

        Raises:
            NameTakenError: there is one already.
        """
        self.system.registry.register(NAME, self.ref)
        for peer in self._worker.bus.peers.values():
            self.ref.tell_nowait(SettleAll(peer.number, peer.era))

    async def handle(self, message: object) -> None:
        """Settle the chats with one user, or with all of a worker."""
        match message:
            case SettleAll(peer, era):
                await self._settle(peer, era, list)
            case SettleUser(peer, user):
                era = self._worker.bus.peers[peer].era
                await self._settle(peer, era, lambda chats: [user] if user in chats else [])
            case _:
                self.unexpected(message)

    async def _settle(
        self, number: int, era: int, chosen: Callable[[dict[ChatId, Chat]], list[ChatId]]
    ) -> None:
        """Settle the chosen chats of each connection; not on, once the era is over: its successor begins."""
        worker, peer = self._worker, self._worker.bus.peers[number]
        settled = 0
        for outgoing, device in worker.abroad.connections():
            for user in chosen(outgoing.abroad or {}):
                if worker.bus.peer_of(user) is not peer:
                    continue
                await peer.room()
                if peer.era != era or not peer.is_up:
                    return
                self._settle_chat(peer, outgoing, device, user)
                settled += 1
                if settled % SLICE_CHATS == 0:
                    await trio.lowlevel.checkpoint()

    def _settle_chat(self, peer: Peer, outgoing: Outgoing, device: DeviceAddress, user: ChatId) -> None:
        try:
            with self._worker.store.read_of(id_of(user)) as reader:
                progress = load_progress(reader, id_of(user), device)
        except CorruptRecordError as error:
            # Its mailbox does not start either; the chats of all others are settled.
            log.error("chat_not_settled", extra={"user": address_to_text(user), "reason": str(error)})
        else:
            self._worker.abroad.settle(peer, outgoing, device, user, progress)
