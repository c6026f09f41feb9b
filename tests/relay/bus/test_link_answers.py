"""Questions about links, from a worker that has no desk."""

import pytest

from protocol import DeviceId, ErrorCode, LinkStep
from relay.errors import RefusalError
from relay.links_desk import LinkDeskHandle
from tests.relay.bus.conftest import Pair

COMPANION, HERE = b"c" * 32, "192.0.2.1"


async def test_the_desk_of_worker_0_is_reached_from_the_others(pair: Pair) -> None:
    here, there = LinkDeskHandle(pair.node.worker(0)), LinkDeskHandle(pair.node.worker(1))
    name, nameplate = await there.open(COMPANION, HERE)
    assert await here.poll(name, COMPANION) == (LinkStep.OPEN, b"")
    assert await there.claim(nameplate, pair.ben.address, DeviceId(2), b"claim") == name
    assert await there.answer(name, COMPANION, b"answer") == (LinkStep.ANSWERED, b"")
    assert await there.poll(name, pair.ben.address) == (LinkStep.ANSWERED, b"answer")
    await there.cancel(name, COMPANION)
    with pytest.raises(RefusalError) as caught:
        await there.poll(name, pair.ben.address)
    assert caught.value.code is ErrorCode.LINK_CANCELLED


async def test_keys_are_forgotten_where_the_directory_is(pair: Pair) -> None:
    await LinkDeskHandle(pair.node.worker(1)).forget_keys((pair.ben.keys.public,))
    phone = await pair.ben.connect(through=0)
    assert phone.welcome is not None
    assert phone.welcome.user == 0


async def test_a_desk_that_is_away_is_said_so(pair: Pair) -> None:
    pair.node.kill(0)
    with pytest.raises(RefusalError) as caught:
        await LinkDeskHandle(pair.node.worker(1)).open(COMPANION, HERE)
    assert caught.value.code is ErrorCode.RESTARTING
