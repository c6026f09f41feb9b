"""A street of phones between which everything that is queued goes back and forth, until nothing is left."""

import shutil
from pathlib import Path

from client.records import Received
from client.store import STORE_FILE_NAME
from tests.client.phones import TestPhone

MAX_ROUNDS = 40
"""Two phones that still talk after so many have fallen into a loop."""


class HealingStreet:
    """Two stores and the little of a relay that lies between them."""

    def __init__(self, alice: TestPhone, bob: TestPhone) -> None:
        self.alice = alice
        self.bob = bob
        self.fetches = 0

    def settle(self) -> list[Received]:
        """Deliver all that is queued and whatever it leads to; what became of each delivery."""
        received: list[Received] = []
        for _ in range(MAX_ROUNDS):
            some = self._carry(self.alice, self.bob) + self._carry(self.bob, self.alice)
            if not some:
                return received
            received += some
        raise AssertionError("the phones go on and on")

    def _carry(self, sender: TestPhone, receiver: TestPhone) -> list[Received]:
        if sender.store.users_needing_bundles():
            self.fetches += 1
            sender.store.learn_bundles(receiver.user, [(receiver.device, receiver.bundle())])
        received: list[Received] = []
        while (queued := sender.store.next_to_encrypt()) is not None:
            send = sender.store.encrypt(queued.message_id)
            sender.store.mark_accepted(send.chat, send.number)
            received.append(receiver.receive(sender, send))
        return received


def forget_sessions(phone: TestPhone) -> None:
    """As if the file had lost them."""
    phone.store._database.execute("DELETE FROM sessions")


def copy_home(phone: TestPhone, to: Path) -> None:
    """A copy of the home, to be put back later."""
    phone.store._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    to.mkdir()
    shutil.copy(phone.home / STORE_FILE_NAME, to)


def put_back(phone: TestPhone, copy: Path) -> None:
    """Put a copied home back in the place of the present one."""
    phone.store.close()
    shutil.copy(copy / STORE_FILE_NAME, phone.home)
    phone.reopen()
