"""A reply: the first answer wins, late ones are dropped."""

from __future__ import annotations

import pytest
import trio

from actors.envelope import Call, Reply
from actors.testing import settle


async def test_an_answer_before_the_wait_is_kept() -> None:
    reply = Reply()
    reply.send(1)
    assert await reply.wait() == 1


async def test_an_answer_wakes_who_waits() -> None:
    reply = Call("question")
    async with trio.open_nursery() as nursery:

        async def wait() -> None:
            assert await reply.wait() == "answer"

        nursery.start_soon(wait)
        await settle()
        reply.send("answer")


async def test_the_first_answer_wins() -> None:
    reply = Reply()
    reply.send(1)
    reply.send(2)
    reply.fail(ValueError())
    assert await reply.wait() == 1


async def test_an_error_is_raised_where_it_is_awaited() -> None:
    reply = Reply()
    reply.fail(ValueError("no"))
    reply.send(1)
    assert reply.failed
    with pytest.raises(ValueError, match="no"):
        await reply.wait()


async def test_an_answer_that_nobody_waits_for_any_more_is_dropped() -> None:
    reply = Reply()
    with trio.CancelScope() as scope:
        scope.cancel()
        await reply.wait()
    reply.send("late")
    assert reply.is_done
    assert reply._value is None
