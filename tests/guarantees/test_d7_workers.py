"""D7 between workers: what one device asks for, or one damaged row, costs its own user and nobody else.

Several workers in one process, on a simulated network.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio.testing

from actors.introspection import system_info
from protocol import (
    Accepted,
    Available,
    Deliver,
    ErrorCode,
    Failed,
    FetchBundles,
    FetchProgress,
    Presence,
    Progresses,
    Refused,
    Subscribe,
    UserId,
)
from protocol.limits import MAX_PROGRESS_USERS
from protocol.slots import first_user_of
from relay.config import MAX_CHATS_REMEMBERED
from storage.tables import SETTINGS, USERS, Put
from tests.helpers.several_workers import Resident, SeveralWorkers, commit, open_workers
from tests.helpers.sim_network import SimNetwork


@asynccontextmanager
async def open_pair(data: Path, sim: SimNetwork) -> AsyncIterator[tuple[SeveralWorkers, Resident, Resident]]:
    """Anna at worker 0, Ben at worker 1."""
    async with open_workers(data, sim, 2) as node:
        yield node, node.add_user(0, "+491713920001"), node.add_user(1, "+491713920002")


async def test_a_device_that_asks_for_the_ticks_of_everybody_is_remembered_for_a_few_of_them(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_pair(tmp_path, sim) as (node, anna, ben):
        a = await anna.connect()
        a.send(ben.address.user, 1)
        await a.expect_accepted(1)
        strangers = first_user_of(200)  # at worker 1
        for request in range(2 * MAX_CHATS_REMEMBERED // MAX_PROGRESS_USERS):
            first = strangers + request * MAX_PROGRESS_USERS
            a.say(FetchProgress(request, tuple(UserId(first + i) for i in range(MAX_PROGRESS_USERS))))
            await a.expect(Progresses)
        outgoing = node.worker(0).presence.of_device(anna.address)
        assert outgoing is not None
        assert outgoing.abroad is not None
        assert len(outgoing.abroad) == MAX_CHATS_REMEMBERED


async def test_a_chat_that_waits_for_an_answer_is_not_forgotten_for_others(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_pair(tmp_path, sim) as (node, anna, ben):
        a = await anna.connect()
        node.kill(1)
        a.send(ben.address.user, 1)
        for request in range(MAX_CHATS_REMEMBERED // MAX_PROGRESS_USERS + 1):
            first = first_user_of(200) + request * MAX_PROGRESS_USERS
            a.say(FetchProgress(request, tuple(UserId(first + i) for i in range(MAX_PROGRESS_USERS))))
            await a.expect(Progresses)
        await node.start(1)
        refused = await a.expect(Refused)
        assert (refused.code, refused.detail) == (ErrorCode.OUT_OF_ORDER, 1)


async def test_damaged_settings_of_one_user_do_not_end_the_link_between_workers(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_pair(tmp_path, sim) as (node, anna, ben):
        carla = node.add_user(1, "+491713920003")
        commit(node.stores[1].own, [Put(SETTINGS, ben.address.user.to_bytes(8), b"damaged")])
        a, c = await anna.connect(), await carla.connect()
        era = node.bus(0, 1).era
        a.say(Subscribe(ben.address.user), Subscribe(carla.address.user))
        seen = [await a.expect(Presence) for _ in range(2)]
        assert [(each.chat, each.online) for each in seen] == [
            (ben.address.user, 0),
            (carla.address.user, 0),
        ]
        c.say(Available())
        assert (await a.expect(Presence)).online == 1
        assert node.bus(0, 1).era == era


async def test_a_damaged_account_is_refused_to_other_workers_and_crashes_nobody_who_serves_them(
    sim: SimNetwork, tmp_path: Path
) -> None:
    async with open_pair(tmp_path, sim) as (node, anna, ben):
        carla = node.add_user(1, "+491713920003")
        commit(node.stores[1].own, [Put(USERS, ben.address.user.to_bytes(8), b"damaged")])
        a, c = await anna.connect(), await carla.connect()
        for request in range(3):
            a.say(FetchBundles(request, ben.address.user))
            assert (await a.expect(Failed)).code == ErrorCode.INTERNAL
        a.send(ben.address.user, 1)
        assert (await a.expect(Refused)).code == ErrorCode.INTERNAL
        a.send(carla.address.user, 1)
        await a.expect(Accepted)
        await c.expect(Deliver)
        await trio.testing.wait_all_tasks_blocked()
        assert system_info(node.worker(1).system).crashes == 0
