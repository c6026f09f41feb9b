"""The portable network: a task waits for each link, as long as there is reason to and no longer."""

import trio
from trio.testing import wait_all_tasks_blocked

from actors.reactor import run_network
from actors.socket_link import SocketLink
from actors.waiting_network import WaitingNetwork
from tests.helpers.recording_owner import RecordingOwner

HOST = "127.0.0.1"


async def connected(network: WaitingNetwork) -> tuple[SocketLink, SocketLink]:
    listener = await network.listen(HOST, 0, 16)
    near = await network.connect(HOST, listener.port)
    far = await listener.accept()
    listener.close()
    assert isinstance(near, SocketLink)
    assert isinstance(far, SocketLink)
    return near, far


def waiting_tasks() -> int:
    """How many tasks wait for a socket of ours."""
    names = ("_wait_readable", "_wait_writable")
    root = trio.lowlevel.current_root_task()
    assert root is not None
    pending, count = [root], 0
    while pending:
        task = pending.pop()
        count += task.name.rsplit(".", 1)[-1] in names
        pending += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
    return count


async def test_one_task_waits_however_often_a_link_asks() -> None:
    network = WaitingNetwork()
    async with run_network(network):
        near, _ = await connected(network)
        RecordingOwner(near)
        near.resume()
        near.resume()
        await wait_all_tasks_blocked()
        assert waiting_tasks() == 1


async def test_no_task_waits_for_a_link_that_reads_nothing() -> None:
    network = WaitingNetwork()
    async with run_network(network):
        near, far = await connected(network)
        RecordingOwner(near)
        owner = RecordingOwner(far)
        near.write(b"x")
        await owner.wait_for_data(1)
        await wait_all_tasks_blocked()
        assert waiting_tasks() == 1  # near's: far is paused


async def test_an_ended_link_leaves_no_task_behind() -> None:
    network = WaitingNetwork()
    async with run_network(network):
        near, far = await connected(network)
        RecordingOwner(near)
        RecordingOwner(far)
        near.write(b"x" * 16_000_000)
        await wait_all_tasks_blocked()
        near.abort()
        far.abort()
        await wait_all_tasks_blocked()
        assert waiting_tasks() == 0


async def test_a_link_that_ends_before_its_task_has_begun_to_wait_is_no_error() -> None:
    network = WaitingNetwork()
    async with run_network(network):
        near, _ = await connected(network)
        owner = RecordingOwner(near)
        near.abort()
        await wait_all_tasks_blocked()
        assert owner.reasons == ["aborted"]
        assert waiting_tasks() == 0
