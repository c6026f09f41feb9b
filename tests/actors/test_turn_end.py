"""The end of a turn: when collected functions run."""

import logging
from collections.abc import AsyncIterator
from functools import partial

import pytest
import trio
from trio.lowlevel import checkpoint

from actors.turn_end import TurnEnd


@pytest.fixture
async def turn_end() -> AsyncIterator[TurnEnd]:
    turn_end = TurnEnd()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(turn_end.run)
        await trio.testing.wait_all_tasks_blocked()
        yield turn_end
        nursery.cancel_scope.cancel()


async def test_functions_run_once_in_the_order_of_the_calls(turn_end: TurnEnd) -> None:
    ran: list[int] = []
    for number in range(5):
        turn_end.call(partial(ran.append, number))
    assert ran == []
    await trio.testing.wait_all_tasks_blocked()
    assert ran == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("attempt", range(20))  # trio runs a batch in random order
async def test_functions_run_after_all_tasks_that_are_runnable_now(turn_end: TurnEnd, attempt: int) -> None:
    ran: list[str] = []

    async def worker() -> None:
        ran.append("worker")
        if ran.count("worker") == 1:
            turn_end.call(lambda: ran.append("turn end"))

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(worker)
    await trio.testing.wait_all_tasks_blocked()
    assert ran == ["worker"] * 10 + ["turn end"]


@pytest.mark.parametrize("attempt", range(20))
async def test_functions_run_after_the_tasks_that_the_same_turn_has_woken(
    turn_end: TurnEnd, attempt: int
) -> None:
    # A connection hands a message to a mailbox, which hands it to another connection: the latter's flush
    # waits.
    ran: list[str] = []

    async def connection(nursery: trio.Nursery) -> None:
        turn_end.call(lambda: ran.append("turn end"))
        nursery.start_soon(mailbox)

    async def mailbox() -> None:
        ran.append("mailbox")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection, nursery)
    await trio.testing.wait_all_tasks_blocked()
    assert ran == ["mailbox", "turn end"]


async def test_a_function_asked_for_at_the_turns_end_runs_at_the_next_one(turn_end: TurnEnd) -> None:
    ran: list[str] = []
    turn_end.call(lambda: turn_end.call(lambda: ran.append("next")))
    await checkpoint()
    await trio.testing.wait_all_tasks_blocked()
    assert ran == ["next"]


async def test_a_function_that_raises_is_logged_and_harms_no_other(
    turn_end: TurnEnd, caplog: pytest.LogCaptureFixture
) -> None:
    def crash() -> None:
        raise ValueError("planted")

    ran: list[str] = []
    turn_end.call(crash)
    turn_end.call(lambda: ran.append("other"))
    with caplog.at_level(logging.ERROR, logger="roost.actors"):
        await trio.testing.wait_all_tasks_blocked()
    assert ran == ["other"]
    assert [record.message for record in caplog.records] == ["turn_end_call_failed"]


async def test_a_call_after_the_task_was_cancelled_is_harmless() -> None:
    turn_end = TurnEnd()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(turn_end.run)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    turn_end.call(lambda: None)
