"""D4 and D8 over a restore: a node that was set back gives no number away a second time.

What was accepted after the backup is gone, unless its sender still has it; what comes after the restore must
arrive, though devices know of numbers that the node has forgotten.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import trio
from trio.testing import MockClock

from actors.ports import system_clock, system_entropy
from client import Applicant, MessageState, RelayUrl, open_application, open_phone
from client import Phone as RealPhone
from protocol import Accepted, Deliver, Refused
from relay.config import HostPort
from storage import backup
from storage.restoration import restore
from tests.helpers.inside_view import InsideView
from tests.helpers.relay_node import TEST_CONFIG, RunningNode, open_running_node
from tests.helpers.sim_network import SimNetwork, open_sim_network
from tests.helpers.stage import Phone, open_stage

BEFORE, AFTER = 3, 6


async def test_a_device_that_has_more_than_the_node_remembers_still_gets_what_is_new(tmp_path: Path) -> None:
    """However the node was set back: here by somebody who put an older folder in its place."""
    async with open_stage(tmp_path) as stage:
        ben = await stage.ben.connect(resume=100)
        anna = await stage.anna.connect()
        anna.send(stage.ben.address.user, 1, b"new")
        delivery = await ben.expect(Deliver)
        assert (delivery.seq, delivery.ciphertext) == (101, b"new")


async def test_a_node_counts_on_from_what_the_device_had_after_another_restart_too(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        ben = await stage.ben.connect(resume=100)
        await stage.settled(ben)
        phones = stage.anna, stage.ben
    async with open_stage(tmp_path, phones=phones) as stage:
        anna = await stage.anna.connect()
        anna.send(stage.ben.address.user, 1, b"while ben is away")
        await anna.expect_accepted(1)
        ben = await stage.ben.connect(resume=100)
        assert (await ben.expect(Deliver)).ciphertext == b"while ben is away"


async def test_what_waited_and_the_device_has_already_is_not_sent_again_and_leaves_the_queue(
    tmp_path: Path,
) -> None:
    async with open_stage(tmp_path) as stage:
        anna = await stage.anna.connect()
        for number in (1, 2):
            anna.send(stage.ben.address.user, number)
        await anna.expect_accepted(2)
        ben = await stage.ben.connect(resume=100)
        anna.send(stage.ben.address.user, 3, b"new")
        delivery = await ben.expect(Deliver)
        assert (delivery.seq, delivery.ciphertext) == (101, b"new")
        ben.ack(101)
        await stage.settled(ben)
        ben.vanish()
        ben = await stage.ben.connect(resume=101)
        assert ben.welcome is not None
        assert ben.welcome.queued == 0
        await ben.expect_silence()


async def _make_history(data: Path, saved: Path) -> tuple[Phone, Phone]:
    """Anna writes, a backup is taken in between; Ben has it all and has acknowledged it."""
    async with open_stage(data) as stage:
        anna, ben = await stage.anna.connect(), await stage.ben.connect()
        for number in range(1, AFTER + 1):
            anna.send(stage.ben.address.user, number)
            ben.ack((await ben.expect(Deliver)).seq)
            await stage.settled(ben)
            if number == BEFORE:
                backup(InsideView(stage.running.worker.environment), saved)
        return stage.anna, stage.ben


async def test_messages_accepted_after_a_restore_reach_a_device_that_was_away(tmp_path: Path) -> None:
    """The hard case: the node hands out numbers before the device can say how far it had come."""
    phones = await _make_history(tmp_path / "data", tmp_path / "saved")
    restore(tmp_path / "saved", tmp_path / "restored")
    async with open_stage(tmp_path / "restored", phones=phones) as stage:
        anna = await stage.anna.connect()
        anna.send(stage.ben.address.user, AFTER + 1)
        assert (await anna.expect(Refused)).detail == BEFORE + 1
        anna.send(stage.ben.address.user, BEFORE + 1, b"after the restore")
        assert (await anna.expect(Accepted)).number == BEFORE + 1
        ben = await stage.ben.connect(resume=AFTER)
        delivery = await ben.expect(Deliver)
        assert (delivery.number, delivery.ciphertext) == (BEFORE + 1, b"after the restore")
        assert delivery.seq > AFTER


ANN, BEN = "+491713920001", "+491713920002"
PLACE = HostPort("127.0.0.1", 5252)
ENOUGH_SECONDS = 600.0  # of the virtual clock


@dataclass
class Household:
    """Two real phones, ratchets and all, and the folder of the node that they talk through."""

    network: SimNetwork
    folder: Path

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[RunningNode]:
        config = replace(TEST_CONFIG, listen=PLACE)
        async with open_running_node(self.folder / "node", self.network, config=config) as running:
            yield running

    async def register(self, running: RunningNode, phone: str) -> None:
        applicant = Applicant(RelayUrl(*PLACE, running.worker.static.public), phone)
        async with open_application(
            self.folder / phone,
            applicant,
            network=self.network,
            entropy=system_entropy,
            clock=system_clock,
        ) as application:
            await application.request_code()
            await application.register(running.codes.codes[phone])

    def phone(self, phone: str) -> AbstractAsyncContextManager[RealPhone]:
        return open_phone(self.folder / phone, network=self.network)


def texts(phone: RealPhone) -> list[str | None]:
    return [entry.text for entry in phone.history()]


async def arrived(phone: RealPhone, message_id: str, state: MessageState = MessageState.DELIVERED) -> None:
    with trio.fail_after(ENOUGH_SECONDS):
        assert (await phone.wait_for(message_id, state)).state <= MessageState.READ


async def test_two_phones_go_on_talking_and_the_sender_s_phone_heals_what_the_backup_did_not_have(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_sim_network() as network:
        home = Household(network, tmp_path)
        async with home.worker() as running:
            for phone in (ANN, BEN):
                await home.register(running, phone)
            async with home.phone(ANN) as ann, home.phone(BEN) as ben:
                await arrived(ann, ann.send_text(BEN, "1, in the backup"))
                await arrived(ben, ben.send_text(ANN, "2, in the backup"))
                backup(InsideView(running.worker.environment), tmp_path / "saved")
                for number in (3, 4, 5):
                    await arrived(ann, ann.send_text(BEN, f"{number}, delivered after it"))
            async with home.phone(ANN) as ann:
                last = ann.send_text(BEN, "6, accepted after it, not delivered")
                await arrived(ann, last, MessageState.ACCEPTED)
        restore(tmp_path / "saved", tmp_path / "node", force=True)
        async with home.worker():
            async with home.phone(ANN) as ann:
                # Ben is away: these are numbered before he can say how far he had come.
                await arrived(ann, ann.send_text(BEN, "7, after the restore"), MessageState.ACCEPTED)
            async with home.phone(BEN) as ben, home.phone(ANN) as ann:
                await arrived(ann, ann.send_text(BEN, "8, after the restore"))
                await arrived(ben, ben.send_text(ANN, "9, the answer"))
                told = [
                    "1, in the backup",
                    "2, in the backup",
                    "3, delivered after it",
                    "4, delivered after it",
                    "5, delivered after it",
                    "6, accepted after it, not delivered",
                    "7, after the restore",
                    "8, after the restore",
                    "9, the answer",
                ]
                assert texts(ben) == told
                assert texts(ann) == told


async def test_somebody_new_can_write_to_a_phone_whose_keys_were_handed_out_after_the_backup(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    """A one-time key is thrown away by the phone that sees it used; handed out twice it opens nothing."""
    async with open_sim_network() as network:
        home = Household(network, tmp_path)
        cleo = "+491713920003"
        async with home.worker() as running:
            for phone in (ANN, BEN, cleo):
                await home.register(running, phone)
            backup(InsideView(running.worker.environment), tmp_path / "saved")
            async with home.phone(ANN) as ann, home.phone(BEN):
                await arrived(ann, ann.send_text(BEN, "with the first key"))
        restore(tmp_path / "saved", tmp_path / "node", force=True)
        async with home.worker(), home.phone(cleo) as new:
            sent = new.send_text(BEN, "with a key of its own")
            await arrived(new, sent, MessageState.ACCEPTED)
            async with home.phone(BEN) as ben:
                await arrived(new, sent)
                assert texts(ben) == ["with the first key", "with a key of its own"]
