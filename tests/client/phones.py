"""Phones for tests of the store: opened in a temporary home, registered, introduced; the relay is a list."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.ports import Entropy
from client.records import (
    Bundle,
    IncomingDelivery,
    OutgoingSend,
    Received,
    ReceivedMessage,
    RegistrationKeys,
)
from client.store import Store
from protocol.device_list import DeviceList, ListedDevice, SignedDeviceList
from protocol.e2e import sign_device_list
from protocol.ids import DeviceId, Seq, UserId

START = 1_800_000_000.0
RELAY_URL = "roost://relay.example"


class SettableClock:
    """A wall clock that stands still until a test moves it."""

    def __init__(self, now: float = START) -> None:
        self.time = now

    def now(self) -> float:
        return self.time


def seeded_entropy(seed: int) -> Entropy:
    """The same random bytes in every run."""
    return random.Random(seed).randbytes


class TestPhone:
    """A store with an account, and what a relay would know of it."""

    __test__ = False

    def __init__(self, home: Path, user: int, phone: str, device: int = 1) -> None:
        self.home = home
        self.clock = SettableClock()
        self.store = Store.open(home, seeded_entropy(user + 7_919 * (device - 1)), self.clock)
        self.phone = phone
        self.user = UserId(user)
        self.starts = 0
        self.register(device)

    def register(self, device: int) -> None:
        """Become a (new) device of the user; the relay's queue for it begins at 1."""
        self.keys: RegistrationKeys = self.store.begin_registration(self.phone, RELAY_URL)
        self.account = self.store.complete_registration(self.user, DeviceId(device), b"R" * 32)
        self.device = DeviceId(device)
        self.seq = 0
        self._one_time = iter(self.keys.prekeys)

    def reopen(self) -> None:
        """As after a restart of the process."""
        self.store.close()
        # Another seed each time: the same random bytes twice would be the same content ids twice.
        self.starts += 1
        self.store = Store.open(self.home, seeded_entropy(self.user + 1_000_000 * self.starts), self.clock)

    def bundle(self) -> Bundle:
        keys = self.keys
        return Bundle(keys.identity_key, keys.signed_prekey, next(self._one_time), keys.last_resort)

    def knows(self, other: "TestPhone") -> None:
        """Look the other up and fetch its bundle."""
        self.store.learn_phone(other.phone, other.user)
        self.store.learn_bundles(other.user, [(other.device, other.bundle())])

    def send(self, other: "TestPhone", text: str) -> OutgoingSend:
        """Queue and encrypt one text."""
        self.store.queue_text(other.user, text)
        queued = self.store.next_to_encrypt()
        assert queued is not None
        return self.store.encrypt(queued.message_id)

    def delivery(self, sender: "TestPhone", send: OutgoingSend) -> IncomingDelivery:
        """The next delivery to this phone."""
        self.seq += 1
        parts = {part.device: part.ciphertext for part in send.parts}
        return IncomingDelivery(
            Seq(self.seq), sender.account.address, send.number, parts[self.device], None, sender.phone
        )

    def receive(self, sender: "TestPhone", send: OutgoingSend) -> Received:
        return self.store.receive(self.delivery(sender, send))

    def read(self, sender: "TestPhone", send: OutgoingSend) -> str:
        """Receive a text that must be new."""
        received = self.receive(sender, send)
        assert isinstance(received, ReceivedMessage)
        assert received.text is not None
        return received.text

    def texts(self) -> list[str | None]:
        return [entry.text for entry in self.store.history()]


def list_of(primary: TestPhone, *companions: TestPhone, number: int = 1) -> SignedDeviceList:
    """What the primary signs about its account: itself and these."""
    devices = tuple(ListedDevice(each.device, each.keys.identity_key) for each in (primary, *companions))
    listed = DeviceList(primary.user, number, int(primary.clock.now()), devices)
    return sign_device_list(primary.store._keys.identity(), listed)


@pytest.fixture
def phones(tmp_path: Path) -> Iterator[tuple[TestPhone, TestPhone]]:
    """Alice and Bob, registered, who have not written yet."""
    alice = TestPhone(tmp_path / "alice", 0xA11CE, "+4930111111")
    bob = TestPhone(tmp_path / "bob", 0xB0B, "+4930222222")
    yield alice, bob
    alice.store.close()
    bob.store.close()


@pytest.fixture
def friends(phones: tuple[TestPhone, TestPhone]) -> tuple[TestPhone, TestPhone]:
    """Alice and Bob, each of whom has looked the other up; no message yet."""
    alice, bob = phones
    alice.knows(bob)
    bob.knows(alice)
    return alice, bob
