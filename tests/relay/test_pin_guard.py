"""Two-step PINs at a whole relay: a code alone is not enough, guesses are few, forgetting takes a week."""

from pathlib import Path

import pytest
from trio.testing import MockClock

from protocol import (
    CodeRoute,
    CodeSent,
    DeleteAccount,
    ErrorCode,
    Failed,
    PinSet,
    Registered,
    RequestCode,
    SetPin,
)
from relay.config import DAY_SECONDS, PIN_GUESSES_A_DAY, PIN_RESET_SECONDS
from storage import accounts, pins
from tests.helpers.device import Device
from tests.helpers.relay_node import SettableClock
from tests.helpers.several_workers import open_workers
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import Stage, open_stage, registration

PIN = "271828"
ANNA = "+491713920001"


async def set_pin(device: Device, pin: str = PIN) -> PinSet | Failed:
    device.say(SetPin(1, pin))
    return await device.expect((PinSet, Failed))


async def applicant(stage: Stage) -> Device:
    """Somebody who has the code for Ben's number; `apply` shows it."""
    device = await stage.stranger()
    device.say(RequestCode(1, stage.ben.number, CodeRoute.SMS))
    assert isinstance(await device.expect((CodeSent, Failed)), CodeSent)
    return device


async def apply(stage: Stage, device: Device, pin: str | None = None) -> Registered | Failed:
    code = stage.running.codes.codes[stage.ben.number]
    device.say(registration(2, stage.ben.number, code, take_over=1, pin=pin))
    return await device.expect((Registered, Failed))


def refused(answer: object) -> tuple[int, object]:
    assert isinstance(answer, Failed), answer
    return answer.code, answer.detail


async def test_with_a_pin_the_code_alone_takes_nothing_over(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    clock = SettableClock()
    async with open_stage(tmp_path, sim, clock=clock) as stage:
        ben = await stage.ben.connect()
        assert isinstance(await set_pin(ben), PinSet)
        thief = await applicant(stage)
        assert refused(await apply(stage, thief)) == (ErrorCode.PIN_REQUIRED, PIN_RESET_SECONDS)
        assert refused(await apply(stage, thief, "000000")) == (ErrorCode.PIN_WRONG, PIN_GUESSES_A_DAY - 1)
        await ben.expect_silence()
        taken = await apply(stage, thief, PIN)
        assert isinstance(taken, Registered)
        assert taken.user == stage.ben.address.user


async def test_after_ten_wrong_pins_not_even_the_right_one_helps_before_tomorrow(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    clock = SettableClock()
    async with open_stage(tmp_path, sim, clock=clock) as stage:
        await set_pin(await stage.ben.connect())
        thief = await applicant(stage)
        left = [refused(await apply(stage, thief, "000000"))[1] for _ in range(PIN_GUESSES_A_DAY)]
        assert left == list(reversed(range(PIN_GUESSES_A_DAY)))
        assert refused(await apply(stage, thief, PIN)) == (ErrorCode.PIN_LOCKED, DAY_SECONDS)
        clock.time += DAY_SECONDS
        assert isinstance(await apply(stage, await applicant(stage), PIN), Registered)


async def test_guesses_survive_a_crash_of_the_guard(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        await set_pin(await stage.ben.connect())
        thief = await applicant(stage)
        await apply(stage, thief, "000000")
        guard = stage.running.worker.system.whereis("pin_guard")
        assert guard is not None
        guard.kill()
        await guard.wait_stopped()
        answer = await apply(stage, thief, "000001")
        if refused(answer)[0] == ErrorCode.INTERNAL:  # it was not there yet
            answer = await apply(stage, thief, "000001")
        assert refused(answer) == (ErrorCode.PIN_WRONG, PIN_GUESSES_A_DAY - 2)


async def test_a_guess_is_counted_before_it_is_looked_at(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        await set_pin(await stage.ben.connect())
        worker, seen = stage.running.worker, []

        async def hash_pin(pin: str, salt: bytes, secret: bytes) -> bytes:
            with worker.environment.read() as reader:
                record = pins.load_pin(reader, stage.ben.address.user)
            assert record is not None
            seen.append(record.guesses_left)
            return b"wrong"

        worker.hash_pin = hash_pin
        await apply(stage, await applicant(stage), "000000")
        assert seen == [PIN_GUESSES_A_DAY - 1]


async def test_after_a_week_without_the_pin_the_number_starts_anew_as_somebody_else(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    clock = SettableClock()
    async with open_stage(tmp_path, sim, clock=clock) as stage:
        ben = await stage.ben.connect()
        await set_pin(ben)
        ben.vanish()
        assert refused(await apply(stage, await applicant(stage)))[0] == ErrorCode.PIN_REQUIRED
        clock.time += PIN_RESET_SECONDS
        anew = await apply(stage, await applicant(stage))
        assert isinstance(anew, Registered)
        assert anew.user != stage.ben.address.user
        with stage.running.worker.environment.read() as reader:
            assert accounts.load_user(reader, stage.ben.address.user) is None
            assert pins.load_pin(reader, stage.ben.address.user) is None
            assert accounts.find_user_by_phone(reader, stage.ben.number) == anew.user


async def test_who_still_has_the_old_phone_keeps_the_number(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    clock = SettableClock()
    async with open_stage(tmp_path, sim, clock=clock) as stage:
        await set_pin(await stage.ben.connect())
        await apply(stage, await applicant(stage))
        clock.time += PIN_RESET_SECONDS - 1
        await stage.settled(await stage.ben.connect())
        clock.time += 1
        answer = await apply(stage, await applicant(stage))
        assert refused(answer) == (ErrorCode.PIN_REQUIRED, PIN_RESET_SECONDS)


@pytest.mark.parametrize("pin", ["12345", "letter", "1234567"])
async def test_what_is_no_pin_is_told_so(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path, pin: str
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        assert refused(await set_pin(await stage.ben.connect(), pin)) == (ErrorCode.PIN_INVALID, None)


async def test_a_pin_that_was_removed_is_asked_for_no_more(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        ben = await stage.ben.connect()
        await set_pin(ben)
        await set_pin(ben, "")
        assert isinstance(await apply(stage, await applicant(stage)), Registered)


@pytest.mark.parametrize("owner", [0, 1])
async def test_the_pin_is_asked_for_whichever_worker_has_the_account(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path, owner: int
) -> None:
    async with open_workers(tmp_path, sim, 2) as node:
        anna = node.add_user(owner, ANNA)
        phone = await anna.connect()
        assert isinstance(await set_pin(phone), PinSet)
        thief = await node.stranger(1 - owner)
        thief.say(RequestCode(1, ANNA, CodeRoute.SMS))
        await thief.expect(CodeSent)
        for pin, code in ((None, ErrorCode.PIN_REQUIRED), ("000000", ErrorCode.PIN_WRONG)):
            thief.say(registration(2, ANNA, node.codes.codes[ANNA], take_over=1, pin=pin))
            assert (await thief.expect(Failed)).code == code
        phone.say(DeleteAccount(3, ANNA))
        assert await phone.expect_error() == ErrorCode.LOGGED_OUT
