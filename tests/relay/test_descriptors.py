"""Room for connections under a limit of open files."""

import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from actors.ports import system_entropy
from actors.reactor import open_reactor
from client.relay_url import RelayUrl, parse_relay_url
from protocol import CodeRoute, CodeSent, Failed, KeyPair, Registered, RequestCode
from relay.config import Config
from relay.descriptors import (
    LEAST_CONNECTIONS,
    fitted,
    is_hopeless,
    kept_back,
    max_links,
    needed,
    open_files_limit,
    room_in,
)
from tests.helpers.device import connect
from tests.helpers.real_node import RealNode, running_node
from tests.helpers.recording_owner import RecordingOwner
from tests.helpers.sim_network import SimNetwork
from tests.helpers.stage import open_stage, registration


def test_a_limit_that_is_high_enough_changes_nothing() -> None:
    config = Config()
    assert fitted(config, needed(config)) == config
    assert fitted(config, 2**31) == config


@pytest.mark.parametrize("workers", [1, 2, 64])
@pytest.mark.parametrize("limit", [1_024, 4_096, 65_536])
def test_connections_and_goodbyes_and_the_worker_itself_fit_a_lower_limit(limit: int, workers: int) -> None:
    config = replace(Config(), workers=workers, max_connections=1_000_000)
    links = max_links(limit, workers)
    assert links + kept_back(workers) == limit
    assert 0.9 * links < fitted(config, limit).max_connections < links


def test_one_short_of_what_is_needed_is_one_connection_less_at_most() -> None:
    config = Config()
    assert config.max_connections - 2 <= fitted(config, needed(config) - 1).max_connections


def test_a_hopeless_limit_leaves_one_connection() -> None:
    assert fitted(Config(), 10).max_connections == 1


def test_a_limit_without_room_for_a_handful_of_devices_is_hopeless_unless_fewer_are_wanted() -> None:
    least = needed(replace(Config(), max_connections=LEAST_CONNECTIONS))
    assert not is_hopeless(Config(), least)
    assert room_in(Config(), least) >= LEAST_CONNECTIONS
    assert is_hopeless(Config(), least - 2)
    assert is_hopeless(Config(), 10)
    assert not is_hopeless(replace(Config(), max_connections=2), least - 2)


def test_each_further_worker_costs_a_few_descriptors() -> None:
    assert kept_back(2) > kept_back(1)
    assert needed(replace(Config(), workers=2)) > needed(Config())


def test_the_limit_is_the_one_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    assert open_files_limit() == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert open_files_limit() > 1_000_000


# --- A worker at its limit ---


async def test_beyond_the_limit_peers_are_cut_off_slowly_said_once_and_taken_again_when_there_is_room(
    sim: SimNetwork, autojump_clock: MockClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_stage(tmp_path, sim) as stage:
        worker = stage.running.worker
        worker.max_links = sim.open_links + 12
        port = stage.running.port.port
        began = trio.current_time()
        peers = [RecordingOwner(await sim.connect("127.0.0.1", port), keep_reading=True) for _ in range(10)]
        cut_off = [peer for peer in peers if await _is_cut_off(peer)]
        assert 1 < len(cut_off) < 10
        assert worker.counters.cut_off == len(cut_off)
        assert trio.current_time() - began >= 0.05 * (len(cut_off) - 1)
        for peer in peers:
            peer.link.abort()
        await trio.sleep(1)
        await (await stage.anna.connect()).expect_silence()
    said = [record.message for record in caplog.records if "descriptors" in record.message]
    assert said.count("out_of_descriptors") == 1


async def _is_cut_off(peer: RecordingOwner) -> bool:
    with trio.move_on_after(1):
        await peer.wait_closed()
    return peer.reasons == ["reset"]


@contextmanager
def crowd(port: int, count: int) -> Iterator[None]:
    """So many peers who connect, say nothing, and do not go when they are told to."""
    peers = []
    try:
        for _ in range(count):
            peer = socket.socket()
            peers.append(peer)
            peer.setblocking(False)
            peer.connect_ex(("127.0.0.1", port))
        yield
    finally:
        for peer in peers:
            peer.close()


@pytest.mark.slow
async def test_real_workers_out_of_descriptors_answer_their_parent_store_and_go_on(tmp_path: Path) -> None:
    with running_node(tmp_path, sms="console", workers=2, open_files=150) as node:
        url = parse_relay_url(node.relay)
        pids = [node.worker(number)["pid"] for number in (0, 1)]
        with crowd(url.port, 500):
            with trio.fail_after(20):
                while "out_of_descriptors" not in node.output.read_text():  # noqa: ASYNC110  # a file
                    await trio.sleep(0.05)
            assert node.ask("/readyz")["ready"] is False
            for number in (0, 1):
                assert node.worker(number)["state"] == "ready"
        await _register_anew(node, url)
        assert [node.worker(number)["pid"] for number in (0, 1)] == pids
    assert node.output.read_text().count("connections_limited") == 1


async def _register_anew(node: RealNode, url: RelayUrl) -> None:
    """A person comes as soon as there is room; tries again as phones do, and gets an account."""
    async with open_reactor() as network:
        with trio.fail_after(30):
            while True:
                try:
                    device = await connect(network, url.port, KeyPair.generate(system_entropy))
                except AssertionError:
                    await trio.sleep(0.1)
                else:
                    break
        device.say(RequestCode(1, "+491713920001", CodeRoute.SMS))
        await device.expect(CodeSent)
        device.say(registration(2, "+491713920001", node.newest_code()))
        assert not isinstance(await device.expect((Registered, Failed)), Failed)
        device.close()
