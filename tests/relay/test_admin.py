"""The admin endpoint answers for the whole node, whatever becomes of its workers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import trio
from trio.testing import MockClock

from actors import open_actor_system
from relay.admin import application, child_spec
from relay.config import Config, HostPort
from relay.door import Door
from relay.node import Node
from relay.phase import Phase
from relay.worker import Worker
from tests.helpers.parent import open_parent
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage


@asynccontextmanager
async def asking(
    *workers: Worker | None, config: Config | None = None
) -> AsyncIterator[tuple[Node, httpx.AsyncClient]]:
    """A client of the admin endpoint of a node with these workers; None is one that does not answer."""
    async with open_parent(*workers, config=config) as node:
        transport = httpx.ASGITransport(app=application(node))
        async with httpx.AsyncClient(transport=transport, base_url="http://admin") as client:
            yield node, client


async def test_status_tells_what_is_going_on(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage, asking(stage.running.worker) as (_, client):
        anna = await stage.anna.connect()
        anna.send(stage.ben.address.user, 1)
        await anna.expect_accepted(1)
        status = (await client.get("/status")).json()
        assert (status["connections"], status["users_online"], status["queued_messages"]) == (1, 1, 1)
        assert status["counters"]["accepted"] == 1
        assert status["journal"]["commits"] > 0
        assert {"version", "uptime_s", "messages_per_s"} <= status.keys()
        (worker,) = status["workers"]
        assert (worker["number"], worker["pid"], worker["state"]) == (0, 4_711, "ready")
        assert worker["connections"] == 1


async def test_readiness_turns_red_while_the_node_drains(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage, asking(stage.running.worker) as (node, client):
        assert (await client.get("/readyz")).status_code == 200
        node.phase = Phase.DRAINING
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        reasons = [{"name": "draining", "detail": "devices cannot connect"}]
        assert answer.json() == {"status": "draining", "ready": False, "reasons": reasons}
        assert (await client.get("/healthz")).status_code == 200


async def test_a_worker_that_does_not_answer_is_named_and_the_others_are_shown(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage, asking(stage.running.worker, None) as (_, client):
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert [reason["name"] for reason in answer.json()["reasons"]] == ["worker-missing"]
        states = [worker["state"] for worker in (await client.get("/status")).json()["workers"]]
        assert states == ["ready", "missing"]
        figures = (await client.get("/metrics")).text
        assert 'roost_worker_up{worker="0"} 1.0' in figures
        assert 'roost_worker_up{worker="1"} 0.0' in figures
        assert (await client.get("/tree")).status_code == 200


async def test_the_tree_is_the_parent_s(autojump_clock: MockClock) -> None:
    async with asking() as (_, client):
        tree = (await client.get("/tree")).json()
        assert (tree["type"], tree["children"]) == ("system", [])


@pytest.mark.slow  # a real socket and a real web server
async def test_it_answers_over_http_and_again_after_a_restart() -> None:
    door = Door(HostPort("127.0.0.1", 0))
    async with open_parent() as node, httpx.AsyncClient() as client:
        for _ in range(2):
            async with open_actor_system() as system:
                await system.start(child_spec(node, door).start)
                with trio.fail_after(5):
                    assert (await client.get(door.url + "/healthz")).status_code == 200
    door.close()


async def test_a_drain_is_asked_for_by_post_and_by_nothing_else(autojump_clock: MockClock) -> None:
    async with asking() as (node, client):
        assert (await client.get("/drain")).status_code == 405
        assert not node.drain.is_set()
        assert (await client.post("/drain")).status_code == 202
        assert node.drain.is_set()


async def test_figures_are_given_in_the_format_of_prometheus(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage, asking(stage.running.worker) as (_, client):
        answer = await client.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=")
        assert 'roost_journal_backlog_submissions{worker="0"} 0.0' in answer.text


async def test_a_node_with_a_token_asks_for_it(autojump_clock: MockClock) -> None:
    config = replace(Config(), admin_token="a-token-of-the-operator")
    async with asking(config=config) as (_, client):
        for path in ("/status", "/metrics", "/tree", "/readyz"):
            assert (await client.get(path)).status_code == 401
        client.headers["Authorization"] = "Bearer a-token-of-the-operator"
        assert (await client.get("/status")).status_code == 200
