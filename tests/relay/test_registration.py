"""Registration: codes that expire and run out, errors with names, a new device that replaces the old."""

from pathlib import Path

import pytest
from trio.testing import MockClock

from protocol import (
    CodeRoute,
    CodeSent,
    Deliver,
    DeviceAddress,
    ErrorCode,
    Failed,
    NumberProblem,
    Registered,
    RequestCode,
)
from relay.config import CODE_GUESSES, CODE_RESEND_SECONDS, CODE_SECONDS
from storage import codes
from tests.helpers.device import Device
from tests.helpers.relay_node import SettableClock
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import Stage, open_stage, registration

NUMBER = "+491713920003"


async def ask_code(device: Device, number: str = NUMBER) -> CodeSent | Failed:
    device.say(RequestCode(1, number, CodeRoute.SMS))
    return await device.expect((CodeSent, Failed))


async def register(
    device: Device, code: str, number: str = NUMBER, take_over: int | None = None
) -> Registered | Failed:
    device.say(registration(2, number, code, take_over=take_over))
    return await device.expect((Registered, Failed))


def wrong(stage: Stage) -> str:
    return "000000" if stage.running.codes.codes[NUMBER] != "000000" else "111111"


async def test_the_right_code_makes_an_account_that_can_be_written_to(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        device = await stage.stranger()
        sent = await ask_code(device)
        assert isinstance(sent, CodeSent)
        assert (sent.resend_after_s, sent.expires_in_s) == (CODE_RESEND_SECONDS, CODE_SECONDS)
        registered = await register(device, stage.running.codes.codes[NUMBER])
        assert isinstance(registered, Registered)
        anna = await stage.anna.connect()
        anna.send(registered.user, 1)
        assert (await device.expect(Deliver)).chat == stage.anna.address


async def test_a_number_that_cannot_be_is_refused(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        failed = await ask_code(await stage.stranger(), "+19991234567")
        assert isinstance(failed, Failed)
        assert (failed.code, failed.detail) == (ErrorCode.INVALID_NUMBER, NumberProblem.NO_SUCH_NUMBER)


async def test_a_second_code_has_to_wait_a_minute_even_on_another_connection(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    clock = SettableClock()
    async with open_stage(tmp_path, sim, clock=clock) as stage:
        await ask_code(await stage.stranger())
        clock.time += 20
        failed = await ask_code(await stage.stranger())
        assert isinstance(failed, Failed)
        assert (failed.code, failed.detail) == (ErrorCode.WAIT, CODE_RESEND_SECONDS - 20)
        clock.time += 40
        assert isinstance(await ask_code(await stage.stranger()), CodeSent)


async def test_wrong_guesses_are_counted_and_run_out(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        device = await stage.stranger()
        await ask_code(device)
        answers = [await register(device, wrong(stage)) for _ in range(CODE_GUESSES)]
        answers.append(await register(device, stage.running.codes.codes[NUMBER]))
        seen = [answer.code for answer in answers if isinstance(answer, Failed)]
        assert seen == [ErrorCode.INVALID_CODE] * CODE_GUESSES + [ErrorCode.TOO_MANY_GUESSES]


async def test_a_code_expires(sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path) -> None:
    clock = SettableClock()
    async with open_stage(tmp_path, sim, clock=clock) as stage:
        device = await stage.stranger()
        await ask_code(device)
        clock.time += CODE_SECONDS
        failed = await register(device, stage.running.codes.codes[NUMBER])
        assert isinstance(failed, Failed)
        assert failed.code == ErrorCode.CODE_EXPIRED


async def test_the_store_never_has_the_code_in_clear(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        await ask_code(await stage.stranger())
        with stage.running.worker.environment.read() as reader:
            record = codes.load_code(reader, NUMBER)
        assert record is not None
        assert stage.running.codes.codes[NUMBER].encode() not in record.salt + record.digest


async def test_a_code_works_once(sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path) -> None:
    async with open_stage(tmp_path, sim) as stage:
        await ask_code(await stage.stranger())
        code = stage.running.codes.codes[NUMBER]
        assert isinstance(await register(await stage.stranger(), code), Registered)
        failed = await register(await stage.stranger(), code)
        assert isinstance(failed, Failed)
        assert failed.code == ErrorCode.CODE_EXPIRED


async def test_a_gateway_that_fails_is_named_and_the_person_may_try_again_at_once(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        device = await stage.stranger()
        stage.running.codes.is_broken = True
        failed = await ask_code(device)
        assert isinstance(failed, Failed)
        assert failed.code == ErrorCode.GATEWAY_FAILED
        stage.running.codes.is_broken = False
        assert isinstance(await ask_code(device), CodeSent)


async def test_a_device_that_has_an_account_is_told_so(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        failed = await ask_code(await stage.anna.connect())
        assert isinstance(failed, Failed)
        assert failed.code == ErrorCode.ALREADY_REGISTERED


async def test_a_number_that_is_active_elsewhere_is_taken_over_only_on_purpose_and_with_the_same_code(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        ben, thief = await stage.ben.connect(), await stage.stranger()
        await ask_code(thief, stage.ben.number)
        code = stage.running.codes.codes[stage.ben.number]
        failed = await register(thief, code, stage.ben.number)
        assert isinstance(failed, Failed)
        assert failed.code == ErrorCode.ACCOUNT_EXISTS
        await ben.expect_silence()
        taken = await register(thief, code, stage.ben.number, take_over=1)
        assert isinstance(taken, Registered)
        assert await ben.expect_error() == ErrorCode.LOGGED_OUT


async def test_a_stranger_without_the_code_does_not_learn_whether_a_number_is_active(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        stranger = await stage.stranger()
        for number in (NUMBER, stage.ben.number):
            assert isinstance(await ask_code(stranger, number), CodeSent)
            failed = await register(stranger, "not it", number)
            assert isinstance(failed, Failed)
            assert failed.code == ErrorCode.INVALID_CODE


@pytest.mark.parametrize("is_online", [True, False])
async def test_registering_anew_logs_the_old_device_out(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path, is_online: bool
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        old = await stage.ben.connect() if is_online else None
        address = await stage.register_anew(stage.ben)
        assert address == DeviceAddress(stage.ben.address.user, stage.ben.address.device + 1)  # type: ignore[arg-type]  # arithmetic makes it an int
        if old is not None:
            assert await old.expect_error() == ErrorCode.LOGGED_OUT
        again = await stage.ben.connect()
        assert again.welcome is not None
        assert again.welcome.user == 0
