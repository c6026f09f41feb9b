from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
import trio

from actors.ports import Entropy
from client.phone import Phone, open_phone
from client.records import Account
from client.registration import Applicant, open_application
from tests.client.phones import friends, phones
from tests.helpers.scripted_relay import CODE, ScriptedRelay
from tests.helpers.sim_network import SimNetwork, open_sim_network

__all__ = ["friends", "phones"]  # fixtures for the tests of the store

ANN = "+4915112345678"
BEN = "+4915112345679"


class TestClock:
    """The wall clock of a test: trio's (virtual) one, on a fixed day."""

    __test__ = False

    def now(self) -> float:
        return 1_795_348_800.0 + trio.current_time()


@dataclass
class Town:
    """A relay, its network, and folders for phones."""

    relay: ScriptedRelay
    network: SimNetwork
    folder: Path
    entropy: Entropy
    clock: TestClock

    async def register(self, phone: str, home: str | None = None) -> Account:
        applicant = Applicant(self.relay.url, phone, takes_over=home is not None)
        async with open_application(
            self.home(home or phone), applicant, network=self.network, entropy=self.entropy, clock=self.clock
        ) as application:
            return application.resumed() or await application.register(CODE)

    def home(self, name: str) -> Path:
        return self.folder / name

    def open(
        self, home: str, *, read_receipts: bool = True, patience: float = 0.0
    ) -> AbstractAsyncContextManager[Phone]:
        return open_phone(
            self.home(home),
            network=self.network,
            entropy=self.entropy,
            clock=self.clock,
            read_receipts=read_receipts,
            patience=patience,
        )


def only_error(error: BaseException) -> BaseException:
    """The one error inside the groups that nurseries wrap around it."""
    while isinstance(error, BaseExceptionGroup):
        assert len(error.exceptions) == 1
        error = error.exceptions[0]
    return error


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    """A quiet town with Ann and Ben registered. A test names autojump_clock itself: it must, to have it."""
    async with _open_town(tmp_path) as town:
        for phone in (ANN, BEN):
            await town.register(phone)
        yield town


@asynccontextmanager
async def _open_town(folder: Path) -> AsyncIterator[Town]:
    entropy: Entropy = Random(7).randbytes
    async with open_sim_network() as network, trio.open_nursery() as nursery:
        relay = ScriptedRelay(entropy)
        nursery.start_soon(relay.serve, network)
        yield Town(relay, network, folder, entropy, TestClock())
        nursery.cancel_scope.cancel()
