"""The admin endpoint answers, and its door says clearly when it is taken."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import trio
from trio.testing import MockClock

from actors import open_actor_system
from relay.admin import Door, application, child_spec
from relay.config import HostPort
from relay.errors import AddressInUseError
from relay.worker import Phase
from tests.helpers.relay_node import TEST_CONFIG
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import Stage, open_stage


def client_of(stage: Stage) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=application(stage.running.worker))
    return httpx.AsyncClient(transport=transport, base_url="http://admin")


async def test_status_tells_what_is_going_on(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage, client_of(stage) as client:
        anna = await stage.anna.connect()
        anna.send(stage.ben.address.user, 1)
        await anna.expect_accepted(1)
        status = (await client.get("/status")).json()
        assert (status["connections"], status["users_online"], status["queued_messages"]) == (1, 1, 1)
        assert status["counters"]["accepted"] == 1
        assert status["journal"]["commits"] > 0
        assert {"version", "uptime_s", "messages_per_s"} <= status.keys()


async def test_readiness_turns_red_while_the_node_drains(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage, client_of(stage) as client:
        assert (await client.get("/readyz")).status_code == 200
        stage.running.worker.phase = Phase.DRAINING
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        reasons = [{"name": "draining", "detail": "devices cannot connect"}]
        assert answer.json() == {"status": "draining", "ready": False, "reasons": reasons}
        assert (await client.get("/healthz")).status_code == 200


async def test_the_tree_has_the_mailboxes_and_connections(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage, client_of(stage) as client:
        await stage.anna.connect()
        (tree,) = (await client.get("/tree")).json()["children"]
        names = [child["name"] for child in tree["children"]]
        assert names == ["mailboxes", "services", "connections", "listener"]
        assert len(tree["children"][0]["children"]) == 1


def test_a_door_that_is_taken_says_what_to_do() -> None:
    door = Door(HostPort("127.0.0.1", 0))
    try:
        taken = HostPort("127.0.0.1", int(door.url.rpartition(":")[2]))
        with pytest.raises(AddressInUseError, match="--admin HOST:PORT"):
            Door(taken)
    finally:
        door.close()


@pytest.mark.slow  # a real socket and a real web server
async def test_it_answers_over_http_and_again_after_a_restart(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        door = Door(HostPort("127.0.0.1", 0))
        spec = child_spec(stage.running.worker, door)
        async with httpx.AsyncClient() as client:
            for _ in range(2):
                async with open_actor_system() as system:
                    await system.start(spec.start)
                    with trio.fail_after(5):
                        assert (await client.get(door.url + "/healthz")).status_code == 200
        door.close()


async def test_a_drain_is_asked_for_by_post_and_by_nothing_else(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage, client_of(stage) as client:
        assert (await client.get("/drain")).status_code == 405
        assert not stage.running.worker.drain.is_set()
        assert (await client.post("/drain")).status_code == 202
        assert stage.running.worker.drain.is_set()


async def test_figures_are_given_in_the_format_of_prometheus(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with open_stage(tmp_path, sim) as stage, client_of(stage) as client:
        answer = await client.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=")
        assert "roost_journal_backlog_submissions 0.0" in answer.text


async def test_a_node_with_a_token_asks_for_it(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path
) -> None:
    config = replace(TEST_CONFIG, admin_token="a-token-of-the-operator")
    async with open_stage(tmp_path, sim, config=config) as stage, client_of(stage) as client:
        for path in ("/status", "/metrics", "/tree", "/readyz"):
            assert (await client.get(path)).status_code == 401
        client.headers["Authorization"] = "Bearer a-token-of-the-operator"
        assert (await client.get("/status")).status_code == 200
