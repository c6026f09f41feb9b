"""Codes that nobody has used leave the disk; those that still say something stay."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from protocol import CodeRoute, CodeSent, Registered, RequestCode
from relay.code_sweep import SWEEP_SECONDS
from relay.config import CODE_SECONDS
from storage import Put, codes
from storage.tables import CODES
from tests.helpers.relay_node import SettableClock
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import Stage, open_stage, registration

NUMBER, OTHER = "+491713920003", "+491713920004"


async def ask_code(stage: Stage, number: str) -> None:
    device = await stage.stranger()
    device.say(RequestCode(1, number, CodeRoute.SMS))
    await device.expect(CodeSent)


def kept(stage: Stage) -> list[str]:
    with stage.running.worker.store.read_directory() as reader:
        return [number for number in (NUMBER, OTHER) if codes.load_code(reader, number) is not None]


async def test_a_code_that_nobody_used_leaves_the_disk_and_a_good_one_stays(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    clock = SettableClock()
    async with open_stage(tmp_path, sim, clock=clock) as stage:
        await ask_code(stage, NUMBER)
        clock.time += CODE_SECONDS
        await ask_code(stage, OTHER)
        await trio.sleep(SWEEP_SECONDS + 1)
        assert kept(stage) == [OTHER]
        device = await stage.stranger()
        device.say(registration(2, OTHER, stage.running.codes.codes[OTHER]))
        await device.expect(Registered)


async def test_a_damaged_row_keeps_nobody_from_registering(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        await stage.running.worker.journal.commit([Put(CODES, OTHER.encode(), b"damaged")])
        await trio.sleep(SWEEP_SECONDS + 1)
        assert "codes_not_swept" in caplog.messages
        await ask_code(stage, NUMBER)
        device = await stage.stranger()
        device.say(registration(2, NUMBER, stage.running.codes.codes[NUMBER]))
        await device.expect(Registered)
