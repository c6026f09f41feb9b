"""D7: one slow, dead or hostile device costs the others nothing, and every queue is bounded.

Counted by figures and never by wall time: under a virtual clock, what the node holds and what others get.
"""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import trio
import trio.testing

from protocol import (
    Accepted,
    Available,
    Bind,
    Error,
    ErrorCode,
    FetchProgress,
    Ping,
    Progresses,
    Refused,
    Typing,
    Welcome,
    address_to_bytes,
)
from protocol.limits import MAX_STANZAS_PER_FRAME
from protocol.schema import SPEC_OF_CLASS
from relay.config import HANDSHAKE_SECONDS
from relay.connection import STEPS_A_TURN
from relay.dealings import Dealings
from relay.rate_limits import LOGINS, STANZA_BYTES, Limit
from storage import mailboxes
from tests.helpers.device import Closed, Device
from tests.helpers.recording_owner import RecordingOwner
from tests.helpers.relay_node import TEST_CONFIG
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import Phone, Stage, make_phone, open_stage


class Pair:
    """Two phones that have nothing to do with the bad neighbour, and write to each other."""

    def __init__(self, stage: Stage) -> None:
        self.phone = make_phone(stage.running, "+491713920003")
        self.stage = stage
        self.number = 0

    async def connect(self) -> None:
        self.here, self.there = await self.stage.anna.connect(), await self.phone.connect()

    async def write(self, count: int) -> None:
        """Each message is accepted, delivered and acknowledged before the next is written."""
        for _ in range(count):
            self.number += 1
            self.here.send(self.phone.address.user, self.number)
            await self.here.expect_accepted(self.number)
            (delivery,) = await self.there.expect_deliveries(1)
            assert delivery.number == self.number
            self.there.ack(delivery.seq)


async def send_all(device: Device, phone: Phone, count: int, size: int) -> None:
    for number in range(1, count + 1):
        device.send(phone.address.user, number, b"x" * size)
    await device.expect_accepted(count)


async def test_a_device_that_never_reads_holds_a_window_and_nobody_up(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    config = replace(TEST_CONFIG, window_messages=16, window_bytes=64 * 1024)
    async with open_stage(tmp_path, sim, config=config) as stage:
        worker, pair = stage.running.worker, Pair(stage)
        deaf = await stage.ben.connect()
        await pair.connect()
        deaf.tell_nowait = lambda _message: None  # type: ignore[assignment, method-assign]  # it takes nothing any more
        writer = await make_phone(stage.running, "+491713920004").connect()
        before = worker.counters.pushed
        await send_all(writer, stage.ben, 300, size=1_000)
        assert worker.counters.pushed - before <= config.window_messages
        await pair.write(50)
        outgoing = worker.presence.of_device(stage.ben.address)
        assert outgoing is not None
        with worker.environment.read() as reader:
            assert mailboxes.load_device_queue_state(reader, stage.ben.address).messages == 300


async def test_a_device_that_never_acknowledges_keeps_its_messages_on_disk(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        worker, pair = stage.running.worker, Pair(stage)
        silent = await stage.ben.connect()
        await pair.connect()
        writer = await make_phone(stage.running, "+491713920004").connect()
        before = worker.counters.pushed
        await send_all(writer, stage.ben, 400, size=10)
        await silent.expect_deliveries(worker.config.window_messages)
        assert worker.counters.pushed - before == worker.config.window_messages
        await pair.write(50)


async def test_a_full_mailbox_refuses_by_name_and_others_are_written_to(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_stage(tmp_path, sim, config=replace(TEST_CONFIG, max_queued_messages=10)) as stage:
        pair = Pair(stage)
        await pair.connect()
        writer = await make_phone(stage.running, "+491713920004").connect()
        await send_all(writer, stage.ben, 10, size=10)
        writer.send(stage.ben.address.user, 11)
        assert (await writer.expect(Refused)).code == ErrorCode.MAILBOX_FULL
        await pair.write(20)


async def test_a_flooder_is_told_to_wait_and_nobody_else_notices(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    config = replace(TEST_CONFIG, limit_messages=Limit(10, "s", 100))
    async with open_stage(tmp_path, sim, config=config) as stage:
        worker, pair = stage.running.worker, Pair(stage)
        await pair.connect()
        flooder = await make_phone(stage.running, "+491713920004").connect()
        accepted = 0
        for _ in range(40):
            for number in range(accepted + 1, accepted + 51):
                flooder.send(stage.ben.address.user, number)
            await flooder.ping()
            accepted = max([accepted, *(tick.number for tick in flooder.heard(Accepted))])
        refusals = flooder.heard(Refused)
        assert 100 <= accepted <= 200
        assert refusals[0].code == ErrorCode.WAIT
        assert isinstance(refusals[0].detail, int)
        await pair.write(50)
        await trio.sleep(refusals[-1].detail if isinstance(refusals[-1].detail, int) else 0)
        flooder.events.clear()
        flooder.send(stage.ben.address.user, accepted + 1)
        assert (await flooder.expect(Accepted)).number == accepted + 1
        assert worker.journal.backlog == 0


async def test_bytes_beyond_the_limit_are_read_more_slowly_and_not_lost(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    config = replace(TEST_CONFIG, limit_bytes=Limit(10_000, "s", 50_000))
    async with open_stage(tmp_path, sim, config=config) as stage:
        writer = await stage.anna.connect()
        began = trio.current_time()
        for number in range(1, 21):
            writer.send(stage.ben.address.user, number, b"x" * 10_000)
            with trio.fail_after(60):
                while (await writer.expect(Accepted)).number < number:
                    pass
        assert trio.current_time() - began >= 10  # 200,000 bytes less 50,000 and what one read may be ahead


@pytest.mark.parametrize("word", ["Typing", "Bind", "Ping"])
async def test_many_short_stanzas_are_read_more_slowly_as_many_bytes_are(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock, word: str
) -> None:
    config = replace(TEST_CONFIG, limit_bytes=Limit(50 * STANZA_BYTES, "s", 100 * STANZA_BYTES))
    async with open_stage(tmp_path, sim, config=config) as stage:
        chatterer, user = await stage.anna.connect(), stage.ben.address.user
        bind = (SPEC_OF_CLASS[Bind].number, 0, address_to_bytes(user))
        began = trio.current_time()
        for _ in range(10):
            if word == "Bind":
                chatterer.say_raw(*[bind] * 100)
            else:
                chatterer.say(*[Typing(user) if word == "Typing" else Ping()] * 100)
        await trio.sleep(0.1)  # so that what follows is not of the same read
        chatterer.say(FetchProgress(1, (user,)))
        await chatterer.expect(Progresses, seconds=60)
        assert 15 <= trio.current_time() - began <= 20


async def test_who_says_thousands_of_things_in_a_breath_lets_others_have_their_turns_between(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[int] = []
    now = 0

    async def count_turns() -> None:
        nonlocal now
        while len(turns) < MAX_STANZAS_PER_FRAME:
            now += 1
            await trio.lowlevel.checkpoint()

    monkeypatch.setattr(Dealings, "activity", lambda _self, _event: turns.append(now))
    async with open_stage(tmp_path, sim) as stage, trio.open_nursery() as nursery:
        chatterer = await stage.anna.connect()
        chatterer.say(*[Typing(stage.ben.address.user)] * (MAX_STANZAS_PER_FRAME - 1), Available())
        nursery.start_soon(count_turns)
        await chatterer.ping()
        chatterer.say(Typing(stage.ben.address.user))
    # Whoever is due in the same round has its turn in any order, so two slices may follow one another.
    assert max(Counter(turns).values()) <= 2 * STEPS_A_TURN


@pytest.mark.slow
async def test_a_device_that_reconnects_a_thousand_times_in_a_minute_harms_nobody(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        worker, pair = stage.running.worker, Pair(stage)
        await pair.connect()
        logins, waits = worker.counters.logins, []
        for _ in range(1_000):
            link = await sim.connect("127.0.0.1", stage.running.port.port)
            device = Device(link, stage.ben.keys, worker.static.public)
            link.activate(device)
            device.flush()
            answer = await device.expect((Welcome, Error))
            if isinstance(answer, Error):
                assert answer.code == ErrorCode.WAIT
                waits.append(answer.detail)
            device.vanish()
            await trio.sleep(0.06)
        assert worker.counters.logins - logins <= LOGINS.burst + 65
        assert len(waits) >= 800
        assert set(waits) == {1}
        assert worker.presence.connection_count <= 4
        await pair.write(20)
        await trio.sleep(1)
        await stage.ben.connect()  # whoever waits as long as told is let in


async def test_a_thousand_silent_handshakes_end_by_themselves_and_hold_nobody_up(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        worker, pair = stage.running.worker, Pair(stage)
        await pair.connect()
        owners: list[RecordingOwner] = []
        for _ in range(1_200):
            link = await sim.connect("127.0.0.1", stage.running.port.port)
            owners.append(RecordingOwner(link))
        await trio.testing.wait_all_tasks_blocked()
        assert worker.presence.handshakes == worker.config.max_handshakes
        assert worker.counters.refused["overloaded"] == 200
        await pair.write(50)
        await trio.sleep(HANDSHAKE_SECONDS + 3)
        assert worker.presence.handshakes == 0
        await stage.ben.connect()


async def test_a_peer_at_a_full_door_is_told_so_in_four_bytes(
    tmp_path: Path, sim: SimNetwork, autojump_clock: trio.testing.MockClock
) -> None:
    async with open_stage(
        tmp_path, sim, config=replace(TEST_CONFIG, limit_connections=Limit(1, "s", 2))
    ) as stage:
        for _ in range(2):
            (await stage.anna.connect()).vanish()
        link = await sim.connect("127.0.0.1", stage.running.port.port)
        device = Device(link, stage.ben.keys, stage.running.worker.static.public)
        link.activate(device)
        device.flush()
        await device.expect(Closed)
        assert device.received_bytes == 4
