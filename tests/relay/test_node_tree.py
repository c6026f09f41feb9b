"""The parent's tree: what is in it, and that workers which end again and again end the node."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from actors import open_actor_system
from relay.config import HostPort
from relay.door import Door
from relay.node_tree import (
    NODE_PERIOD_SECONDS,
    NODE_RESTARTS,
    RESERVE_BACKOFF,
    WORKER_RESTARTS,
    node_tree,
)
from supervisors import Command, SupervisorHandle
from supervisors.backoff import delay_before_restart
from tests.helpers.parent import CrewAtHome, node_over

READY = "import os, sys; os.write(int(os.environ['ROOST_READY_FD']), b'ready');"


def process(code: str) -> Command:
    return Command([sys.executable, "-I", "-S", "-c", code], ready=True, in_background=True)


async def test_the_admin_endpoint_is_there_before_the_workers_and_after_them() -> None:
    async with open_actor_system() as system:
        node = node_over(CrewAtHome({}), system)
        node.door = Door(HostPort("127.0.0.1", 0))
        root = SupervisorHandle(await system.start(lambda: node_tree(node)))
        assert [child.id for child in await root.which_children()] == ["admin", "workers"]
    node.door.close()


@pytest.mark.parametrize("lot", [b"\0", b"\xff"])
def test_a_reserve_is_back_soon_and_one_that_will_not_live_never_ends_the_node(lot: bytes) -> None:
    backoff = replace(RESERVE_BACKOFF, entropy=lambda count: lot * count)
    waits = [delay_before_restart(backoff, attempt) for attempt in range(10)]
    assert waits[0] <= 1.0
    for first in range(len(waits) - NODE_RESTARTS + 1):
        # One more crash than there may be restarts in a period: with no time to live between them.
        assert sum(waits[first : first + NODE_RESTARTS]) > NODE_PERIOD_SECONDS


@pytest.mark.slow  # some ten processes, one after the other
async def test_workers_that_end_again_and_again_end_the_node() -> None:
    async with open_actor_system() as system:
        crew = CrewAtHome({0: None})
        node = node_over(crew, system)
        node.commands = [process(READY + "sys.exit(1)")]
        root = await system.start(lambda: node_tree(node))
        with trio.fail_after(30):
            reason = await root.wait_stopped()
        assert not reason.is_abnormal
        assert crew.posts[0].restarts == WORKER_RESTARTS


# Told to stop, it makes a file and goes when there is the other's.
WAITS_FOR_THE_OTHER = """
import os, signal, sys, time
def leave(*_):
    open({own!r}, "w").close()
    while not os.path.exists({other!r}):
        time.sleep(0.01)
    os._exit(0)
signal.signal(signal.SIGTERM, leave)
"""


async def test_workers_are_stopped_all_at_once(tmp_path: Path) -> None:
    def code(own: str, other: str) -> str:
        waiting = WAITS_FOR_THE_OTHER.format(own=str(tmp_path / own), other=str(tmp_path / other))
        return waiting + READY + "sys.stdin.read()"

    async with open_actor_system() as system:
        crew = CrewAtHome({0: None, 1: None})
        node = node_over(crew, system)
        node.commands = [process(code("a", "b")), process(code("b", "a"))]
        root = await system.start(lambda: node_tree(node))
        with trio.fail_after(30):
            await crew.wait_until_ready()
            await root.stop()
    assert (tmp_path / "a").exists()
    assert (tmp_path / "b").exists()
