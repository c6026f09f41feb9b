"""Where other workers call: anybody may, and only a worker is listened to."""

import trio
import trio.testing

from relay.bus.codec import encode, frame
from relay.bus.messages import VERSION, Hello
from tests.helpers.recording_owner import RecordingOwner
from tests.relay.bus.conftest import Pair


async def test_a_caller_that_is_no_worker_is_cut_off_and_harms_nobody(pair: Pair) -> None:
    link = await pair.node.sim.connect_local(pair.node.worker(1).bus.address(1))
    owner = RecordingOwner(link, keep_reading=True)
    link.write(b"GET / HTTP/1.1\r\n\r\n" * 10)
    await owner.wait_closed()
    assert pair.node.bus(0, 1).is_up


async def test_a_worker_of_another_node_is_not_taken_for_ours(pair: Pair) -> None:
    link = await pair.node.sim.connect_local(pair.node.worker(1).bus.address(1))
    owner = RecordingOwner(link, keep_reading=True)
    link.write(frame([encode(Hello(VERSION, 0, 3, b"12345678"))]))
    await owner.wait_closed()
    assert pair.node.bus(1, 0).era == 1


async def test_the_socket_is_opened_anew_when_the_reception_was_killed(pair: Pair) -> None:
    reception = next(ref for ref in pair.node.worker(1).system.actors if ref.kind_name == "Reception")
    reception.kill()
    await trio.sleep(1)
    pair.node.cut_bus(0, 1)
    await trio.sleep(1)
    assert pair.node.bus(0, 1).is_up
