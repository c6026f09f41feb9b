"""Phones with stores and no connection: an account with two devices, and a friend; the relay is a loop."""

from pathlib import Path

from client.records import IncomingDelivery, Received
from client.store import Store
from protocol.device_list import SignedDeviceList
from protocol.ids import DeviceAddress, Seq
from tests.client.phones import TestPhone, list_of


class Household:
    """Bob with a primary and a companion, and Alice."""

    def __init__(self, folder: Path) -> None:
        self.alice = TestPhone(folder / "alice", 0xA11CE, "+4930111111")
        self.bob = TestPhone(folder / "bob", 0xB0B, "+4930222222")
        self.pad = TestPhone(folder / "pad", 0xB0B, "+4930222222", device=2)
        self.phones = [self.alice, self.bob, self.pad]
        self.off: list[TestPhone] = []
        self.gives_history = False
        self.got: dict[DeviceAddress, list[Received]] = {}
        self._waiting: dict[DeviceAddress, list[IncomingDelivery]] = {}
        signed = list_of(self.bob, self.pad)
        for phone in (self.bob, self.pad):
            with phone.store._database.transaction():
                phone.store._peers.keep_list(phone.account, phone.user, signed)
        self.signed: SignedDeviceList | None = signed

    def close(self) -> None:
        for phone in self.phones:
            phone.store.close()

    def run(self) -> None:
        """Have everybody who is on send and hear until nobody has anything more to say."""
        while sum(self._send(phone) + self._hear(phone) for phone in self.phones if phone not in self.off):
            pass

    def _send(self, phone: TestPhone) -> int:
        store, count = phone.store, 0
        if self.gives_history:
            store.transfer.fill()
        for user in store.users_needing_bundles():
            asked = store.devices_needing_bundles(user)
            devices = [each for each in self.phones if each.user == user]
            wanted = [each for each in devices if asked is None or each.device in asked]
            bundles = [(each.device, each.bundle()) for each in wanted]
            store.learn_bundles(user, bundles, self.signed if user == self.bob.user else None, asked)
        while (queued := store.next_to_encrypt()) is not None:
            send = store.encrypt(queued.message_id)
            store.mark_accepted(send.chat, send.number)
            for part in send.parts:
                delivery = IncomingDelivery(
                    Seq(0), phone.account.address, send.number, part.ciphertext, None, phone.phone
                )
                address = DeviceAddress(send.chat, part.device)
                self._waiting.setdefault(address, []).append(delivery)
            count += 1
        return count

    def _hear(self, phone: TestPhone) -> int:
        waiting = self._waiting.pop(phone.account.address, [])
        for delivery in waiting:
            phone.seq += 1
            numbered = IncomingDelivery(
                Seq(phone.seq), delivery.sender, delivery.number, delivery.ciphertext, None, delivery.phone
            )
            self.got.setdefault(phone.account.address, []).append(phone.store.receive(numbered))
            address = DeviceAddress(phone.user, phone.device)
            self._tick(delivery, address)
        return len(waiting)

    def _tick(self, delivery: IncomingDelivery, heard_by: DeviceAddress) -> None:
        for phone in self.phones:
            if phone.account.address == delivery.sender:
                phone.store.mark_delivered(heard_by.user, delivery.number)


def lines(store: Store) -> list[tuple[str | None, bool]]:
    """The history as texts, and whether each is ours."""
    return [(entry.text, entry.outgoing) for entry in store.history()]
