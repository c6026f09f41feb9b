"""A real node and two registered phones: where relay and guarantees are tried.

On real sockets, or on a network that the test brings (then under the virtual clock).
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio
import trio.testing

from actors import ActorRef
from actors.network import Network
from actors.ports import Clock, system_clock, system_entropy
from protocol import CodeRoute, CodeSent, DeviceAddress, KeyPair, Prekey, Register, Registered, RequestCode
from relay.config import Config
from relay.journal import RelayJournal
from relay.mailbox_handle import MailboxHandle, name_of
from relay.outgoing import Outgoing
from storage import Environment
from tests.helpers.device import Device, connect
from tests.helpers.relay_node import TEST_CONFIG, RunningNode, commit_at_once, open_running_node

WAIT_SECONDS = 30.0


@dataclass(slots=True)
class Phone:
    """A registered device that can be connected again and again."""

    running: RunningNode
    number: str
    keys: KeyPair
    address: DeviceAddress

    async def connect(self, *, resume: int = 0) -> Device:
        """Connect by IK, as a phone does that has been here before."""
        worker = self.running.worker
        key = worker.static.public
        return await connect(worker.network, self.running.port.port, self.keys, relay_key=key, resume=resume)


@dataclass(slots=True)
class Stage:
    """The node and its two phones."""

    running: RunningNode
    anna: Phone
    ben: Phone

    def mailbox_of(self, phone: Phone) -> ActorRef:
        """The living mailbox of a phone's user."""
        ref = self.running.worker.system.whereis(name_of(phone.address.user))
        assert ref is not None
        return ref

    def outgoing_of(self, phone: Phone) -> Outgoing:
        """The outgoing side of the connection on which a phone is logged in."""
        outgoing = self.running.worker.presence.of_device(phone.address)
        assert outgoing is not None
        return outgoing

    def crash_mailbox(self, phone: Phone) -> ActorRef:
        """Make the mailbox crash when it comes to it; returns the one that will die."""
        ref = self.mailbox_of(phone)
        MailboxHandle(ref).crash()
        return ref

    async def until_mailbox_restarted(self, phone: Phone, dead: ActorRef) -> None:
        """Wait until another mailbox has taken the place of `dead`."""
        await dead.wait_stopped(WAIT_SECONDS)
        with trio.fail_after(WAIT_SECONDS):
            while (ref := self.running.worker.system.whereis(name_of(phone.address.user))) in (None, dead):
                await trio.testing.wait_all_tasks_blocked()
        assert ref is not None

    async def settled(self, device: Device) -> None:
        """Wait until everything that `device` has said is dealt with, and on disk."""
        await device.ping()
        await trio.testing.wait_all_tasks_blocked()
        await self.running.worker.journal.commit(())

    async def stranger(self) -> Device:
        """A connection of a device that nobody knows."""
        keys = KeyPair.generate(system_entropy)
        return await connect(self.running.worker.network, self.running.port.port, keys)

    async def register_anew(self, phone: Phone) -> DeviceAddress:
        """Register the phone's number on a new device, with a code, as a stranger does."""
        device = await self.stranger()
        device.say(RequestCode(1, phone.number, CodeRoute.SMS))
        await device.expect(CodeSent)
        code = self.running.codes.codes[phone.number]
        device.say(registration(2, phone.number, code, take_over=1))
        registered = await device.expect(Registered)
        device.vanish()
        return DeviceAddress(registered.user, registered.device)


@asynccontextmanager
async def open_stage(
    data: Path,
    network: Network | None = None,
    *,
    config: Config = TEST_CONFIG,
    clock: Clock = system_clock,
    phones: tuple[Phone, Phone] | None = None,
    make_journal: Callable[[Environment], RelayJournal] = commit_at_once,
) -> AsyncIterator[Stage]:
    """A node in a data folder, with Anna and Ben: registered now, or the `phones` of an earlier run."""
    async with open_running_node(
        data, network, config=config, clock=clock, make_journal=make_journal
    ) as running:
        if phones is None:
            yield Stage(running, make_phone(running, "+491713920001"), make_phone(running, "+491713920002"))
        else:
            for phone in phones:
                phone.running = running
            yield Stage(running, *phones)


def link(phone: Phone) -> Phone:
    """Another device of a phone's user, put into the store before anybody has spoken to or for the user."""
    keys = KeyPair.generate(system_entropy)
    running = phone.running
    return Phone(running, phone.number, keys, running.add_device(phone.address.user, keys.public))


def registration(
    request: int, number: str, code: str, *, take_over: int | None = None, pin: str | None = None
) -> Register:
    """A Register with made-up keys: the relay does not look into them."""
    return Register(
        request,
        number,
        code,
        b"i" * 32,
        1,
        b"s" * 32,
        b"g" * 64,
        (Prekey(1, b"p" * 32), Prekey(2, b"q" * 32)),
        take_over,
        pin,
    )


def make_phone(running: RunningNode, number: str) -> Phone:
    keys = KeyPair.generate(system_entropy)
    return Phone(running, number, keys, running.add_user(number, keys.public))
