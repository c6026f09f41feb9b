"""How far a sender's messages have come: each tick moves forward only, and never past the one before it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from protocol import DeviceAddress, DeviceId, MessageNumber, Run, Seq, UserId
from relay.device_queue import InFlight
from relay.senders import MAX_SENDERS_REMEMBERED, Senders, SenderState
from storage import Environment, InlineJournal, open_environment
from storage.progress import Progress, put_progress

USER = UserId(7)
ANNA = DeviceAddress(UserId(1), DeviceId(1))
BEN = DeviceAddress(UserId(2), DeviceId(1))


@pytest.fixture
def environment(tmp_path: Path) -> Iterator[Environment]:
    with open_environment(tmp_path) as opened:
        yield opened


def progress(accepted: int, delivered: int = 0, read: int = 0) -> Progress:
    return Progress(MessageNumber(accepted), MessageNumber(delivered), MessageNumber(read))


def acknowledged(sender: DeviceAddress, *numbers: int) -> list[InFlight]:
    return [InFlight(Seq(number), sender, MessageNumber(number), 10) for number in numbers]


def test_what_is_not_in_memory_comes_from_the_store_and_counts_as_durable(environment: Environment) -> None:
    stored = put_progress(USER, ANNA, progress(5, 3, 1))
    InlineJournal(environment).submit([stored], lambda error: None)
    state = Senders(environment, USER).of(ANNA)
    assert (state.progress, state.durable) == (progress(5, 3, 1), 5)


def test_a_sender_is_remembered_until_forgotten(environment: Environment) -> None:
    senders = Senders(environment, USER)
    senders.of(ANNA).progress = progress(9)
    assert senders.of(ANNA).progress == progress(9)
    senders.forget()
    assert senders.of(ANNA).progress == Progress()


def test_it_says_when_it_is_time_to_forget(environment: Environment) -> None:
    senders = Senders(environment, USER)
    for number in range(1, MAX_SENDERS_REMEMBERED + 1):
        assert not senders.are_many
        senders.of(DeviceAddress(UserId(number), DeviceId(1)))
    assert senders.are_many


def test_one_step_for_each_sender_however_many_were_acknowledged(environment: Environment) -> None:
    senders = Senders(environment, USER)
    senders.of(ANNA).progress, senders.of(BEN).progress = progress(3), progress(8)
    ticks, ops = senders.delivered([*acknowledged(ANNA, 1, 2, 3), *acknowledged(BEN, 8)])
    assert ticks == {ANNA: 3, BEN: 8}
    assert ops == [
        put_progress(USER, ANNA, progress(3, 3)),
        put_progress(USER, BEN, progress(8, 8)),
    ]


def test_the_second_device_to_acknowledge_makes_no_tick(environment: Environment) -> None:
    senders = Senders(environment, USER)
    senders.of(ANNA).progress = progress(3, 3)
    assert senders.delivered(acknowledged(ANNA, 1, 2)) == ({}, [])


def test_read_is_never_more_than_delivered(environment: Environment) -> None:
    senders = Senders(environment, USER)
    senders.of(ANNA).progress = progress(3, 2)
    number, ops = senders.read(ANNA, MessageNumber(3))
    assert (number, ops) == (2, [put_progress(USER, ANNA, progress(3, 2, 2))])
    assert senders.read(ANNA, MessageNumber(1)) == (1, [])


def test_a_fresh_state_is_as_durable_as_the_store_said() -> None:
    assert SenderState(progress(4)).durable == 4


def test_everybody_is_known_from_disk_and_memory_and_memory_is_newer(environment: Environment) -> None:
    stored = [put_progress(USER, sender, progress(5)) for sender in (ANNA, BEN)]
    InlineJournal(environment).submit(stored, lambda error: None)
    senders = Senders(environment, USER)
    senders.of(ANNA).progress = progress(6)
    assert senders.everybody(on_disk=False) == {ANNA: progress(6), BEN: progress(5)}
    assert senders.everybody(on_disk=True) == {ANNA: progress(5), BEN: progress(5)}


def test_a_replaced_progress_holds_in_memory_too(environment: Environment) -> None:
    senders = Senders(environment, USER)
    senders.of(ANNA).progress = progress(6)
    assert senders.replace(ANNA, progress(7)) == put_progress(USER, ANNA, progress(7))
    assert senders.of(ANNA).progress == progress(7)


def test_a_device_that_reads_what_nobody_has_written_makes_nobody_remembered(
    environment: Environment,
) -> None:
    senders = Senders(environment, USER)
    for number in range(1, MAX_SENDERS_REMEMBERED + 1):
        assert senders.read(DeviceAddress(UserId(number), DeviceId(1)), MessageNumber(1)) == (0, [])
    assert not senders.are_many


def test_with_several_devices_no_tick_counts_for_what_nobody_has_got(environment: Environment) -> None:
    senders = Senders(environment, USER)
    senders.of(ANNA).progress = progress(5, 2)
    ticks, ops = senders.delivered(acknowledged(ANNA, 4, 5), is_only_device=False)
    assert (ticks, ops) == ({}, [])
    assert senders.delivered(acknowledged(ANNA, 1, 2, 3), is_only_device=False)[0] == {ANNA: 3}
    assert senders.delivered(acknowledged(ANNA, 4), is_only_device=False)[0] == {ANNA: 4}


def test_with_several_devices_what_has_expired_holds_no_tick_up(environment: Environment) -> None:
    senders = Senders(environment, USER)
    lost = Run(MessageNumber(2), MessageNumber(4))
    senders.of(ANNA).progress = replace(progress(6, 1), expired=(lost,))
    assert senders.delivered(acknowledged(ANNA, 5, 6), is_only_device=False)[0] == {ANNA: 6}
