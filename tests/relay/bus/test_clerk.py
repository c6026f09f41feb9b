"""Questions of other workers: answered in their turn, refused by name, never the wrong one answered."""

import pytest
import trio
import trio.testing

from protocol import ErrorCode, UserId
from relay.bus import messages as m
from relay.bus.clerk import CLERKS, DESK
from relay.errors import RefusalError
from tests.relay.bus.conftest import Pair


async def test_a_bundle_is_handed_out_by_the_owner(pair: Pair) -> None:
    answer = await pair.node.bus(0, 1).ask(m.TakeBundles(pair.ben.address.user))
    assert [bundle.device for bundle in answer.bundles] == [1]


async def test_a_question_about_nobody_is_refused_by_name(pair: Pair) -> None:
    with pytest.raises(RefusalError) as caught:
        await pair.node.bus(0, 1).ask(m.TakeBundles(UserId(pair.ben.address.user + 1)))
    assert caught.value.code is ErrorCode.UNKNOWN_USER


async def test_a_question_is_not_answered_in_another_era(pair: Pair) -> None:
    """There its number is that of another question."""
    sim = pair.node.sim
    sim.local_latency = 0.01
    peer = pair.node.bus(0, 1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(expect_refusal, pair, ErrorCode.RESTARTING)
        await trio.sleep(0.005)
        pair.node.cut_bus(0, 1)
    await pair.node.until_connected()
    answer = await peer.ask(m.TakeBundles(pair.ben.address.user))
    assert len(answer.bundles) == 1


async def test_more_questions_than_a_clerk_takes_are_refused(pair: Pair) -> None:
    clerk = pair.node.worker(1).system.whereis(("clerk", pair.ben.address.user % CLERKS))
    assert clerk is not None
    room = clerk.statistics()
    assert room is not None
    refusals: list[ErrorCode] = []
    async with trio.open_nursery() as nursery:
        for _ in range(room.limit + 20):
            nursery.start_soon(ask_for_bundle, pair, refusals)
    assert 0 < len(refusals) <= 20
    assert dict.fromkeys(refusals) == {ErrorCode.OVERLOADED: None}


async def test_a_desk_that_is_not_there_is_an_answer_too(pair: Pair) -> None:
    """Only worker 0 has one."""
    with pytest.raises(RefusalError) as caught:
        await pair.node.bus(0, 1).ask(m.IssueCode("+491713920001"))
    assert caught.value.code is ErrorCode.INTERNAL
    assert pair.node.worker(1).system.whereis(("clerk", DESK)) is not None


async def expect_refusal(pair: Pair, code: ErrorCode) -> None:
    with pytest.raises(RefusalError) as caught:
        await pair.node.bus(0, 1).ask(m.TakeBundles(pair.ben.address.user))
    assert caught.value.code is code


async def ask_for_bundle(pair: Pair, refusals: list[ErrorCode]) -> None:
    try:
        await pair.node.bus(0, 1).ask(m.TakeBundles(pair.ben.address.user))
    except RefusalError as refusal:
        refusals.append(refusal.code)
