"""One link between two workers: hello both ways, and an end that is noticed at once."""

import logging

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from protocol import MessageNumber
from relay.bus import messages as m
from relay.bus.codec import encode, frame
from relay.bus.peer import TAKEN_EVERY_BYTES
from relay.bus.session import HELLO_SECONDS
from tests.helpers.recording_owner import RecordingOwner
from tests.helpers.sim_network import SimLink
from tests.relay.bus.conftest import Pair


async def test_a_peer_is_up_for_both_when_both_have_said_hello(pair: Pair, autojump_clock: MockClock) -> None:
    assert [pair.node.bus(*pair_).era for pair_ in ((0, 1), (1, 0))] == [1, 1]


async def test_a_caller_that_says_nothing_is_cut_off(pair: Pair, autojump_clock: MockClock) -> None:
    link = await pair.node.sim.connect_local(pair.node.worker(1).bus.address(1))
    owner = RecordingOwner(link, keep_reading=True)
    before = trio.current_time()
    await owner.wait_closed()
    assert trio.current_time() - before == pytest.approx(HELLO_SECONDS, abs=0.5)


@pytest.mark.parametrize("message", [m.Hello(1, 1, 2, b"12345678"), m.CodeIssued(1, "123456")])
async def test_what_may_not_be_said_ends_the_link_with_a_line_in_the_log(
    pair: Pair, message: object, caplog: pytest.LogCaptureFixture, autojump_clock: MockClock
) -> None:
    peer = pair.node.bus(1, 0)
    if type(message) is m.CodeIssued:  # an answer to nobody is late, and no fault
        peer.tell(message)
        await trio.testing.wait_all_tasks_blocked()
        assert pair.node.bus(0, 1).era == 1
        return
    with caplog.at_level(logging.ERROR, "roost.relay"):
        peer.tell(message)
        await trio.testing.wait_all_tasks_blocked()
    assert [record.message for record in caplog.records] == ["bus_broken"]
    await trio.sleep(1)
    await pair.node.until_connected()
    assert pair.node.bus(0, 1).era == 2


async def test_a_worker_says_how_much_it_has_dealt_with(pair: Pair, autojump_clock: MockClock) -> None:
    peer = pair.node.bus(0, 1)
    part = b"x" * 30_000
    for number in range(1, 11):
        numbered = [(MessageNumber(number), part)]
        peer.tell(m.Submit(pair.anna.address, 1, pair.ben.address.user, numbered))
    assert peer.behind_bytes > 300_000
    await trio.testing.wait_all_tasks_blocked()
    assert peer.behind_bytes < TAKEN_EVERY_BYTES


async def test_nothing_is_read_while_the_disk_is_far_behind(pair: Pair, autojump_clock: MockClock) -> None:
    pair.node.worker(1).bus.is_busy = lambda: True
    peer = pair.node.bus(0, 1)
    numbered = [(MessageNumber(1), b"x" * 60_000)]
    for _ in range(2):
        peer.tell(m.Submit(pair.anna.address, 1, pair.ben.address.user, numbered))
    await trio.sleep(1)
    assert pair.node.bus(1, 0).heard == 0
    pair.node.worker(1).bus.is_busy = lambda: False
    await trio.sleep(1)
    assert pair.node.bus(1, 0).heard == 2


async def test_a_worker_that_drains_says_its_last_words(pair: Pair, autojump_clock: MockClock) -> None:
    """What was told before the end is still on its way when the actors stop."""
    heard: list[object] = []
    pair.node.worker(0).bus.on(m.Lost, lambda _peer, message: heard.append(message))
    running = pair.node.running[1]
    assert running is not None
    pair.node.bus(1, 0).tell(m.Lost(pair.ben.address.user))
    await running.root.stop()
    await trio.testing.wait_all_tasks_blocked()
    assert heard == [m.Lost(pair.ben.address.user)]
    assert not pair.node.bus(0, 1).is_up


async def test_a_link_that_was_replaced_is_not_listened_to_any_more(
    pair: Pair, autojump_clock: MockClock
) -> None:
    old = pair.node.bus(1, 0)._link
    assert isinstance(old, SimLink)
    link = await pair.node.sim.connect_local(pair.node.worker(1).bus.address(1))
    RecordingOwner(link, keep_reading=True)
    link.write(frame([encode(m.Hello(1, 0, 2, b"12345678"))]))
    await trio.testing.wait_all_tasks_blocked()
    assert pair.node.bus(1, 0).era >= 2
    assert pair.node.bus(1, 0)._link is not old


@pytest.mark.parametrize(("is_ending", "level"), [(True, logging.INFO), (False, logging.WARNING)])
async def test_a_link_that_ends_is_a_warning_unless_the_worker_itself_is_ending(
    pair: Pair, caplog: pytest.LogCaptureFixture, is_ending: bool, level: int, autojump_clock: MockClock
) -> None:
    pair.node.worker(0).bus.is_ending = is_ending
    with caplog.at_level(logging.INFO, "roost.relay"):
        pair.node.cut_bus(0, 1)
        await trio.testing.wait_all_tasks_blocked()
    [record] = [each for each in caplog.records if each.message == "bus_down" and each.__dict__["peer"] == 1]
    assert record.levelno == level
