"""The scenarios run on a real prosody and a real ejabberd, and messages come all the way."""

from collections.abc import Iterator

import pytest

from bench.measurement import Stage
from bench.node import Node
from bench.peers.catalogue import how_to_install, peer_named, program_of
from bench.peers.peer import PARTS
from bench.peers.process import running_peer
from bench.progress import Progress
from bench.scenarios import fanout, idle, login, offline, pairs

ACCOUNTS = 512
NAMES = ("prosody", "ejabberd")


@pytest.fixture(scope="module", params=NAMES)
def server(request: pytest.FixtureRequest) -> Iterator[Node]:
    peer = peer_named(request.param)
    if program_of(peer) is None:
        pytest.skip(f"{peer.name} is not installed: {how_to_install(peer)}")
    with running_peer(peer, ACCOUNTS) as node:
        yield node


def stage(node: Node) -> Stage:
    return Stage(node, frozenset(), 1, Progress(quiet=True))


@pytest.mark.parametrize("name", NAMES)
def test_they_play_every_part(name: str) -> None:
    assert set(peer_named(name).crews) >= set(PARTS)


@pytest.mark.slow
def test_messages_go_all_the_way_and_are_timed_on_each_step(server: Node) -> None:
    figures = pairs.measure(stage(server), pairs.Plan(pairs=2, window=2, duration=0.5, warmup=0.3)).figures
    assert (figures["messages"] or 0) > 0
    assert (figures["accepted_per_s"] or 0) > 0
    assert (figures["worker_cpu_us_per_message"] or 0) > 0
    assert 0 < (figures["delivered_p50_ms"] or 0) <= (figures["p50_ms"] or 0)


@pytest.mark.slow
def test_every_message_to_a_room_comes_to_all_other_members(server: Node) -> None:
    plan = fanout.Plan(members=5, window=2, duration=0.5, warmup=0.3)
    figures = fanout.measure(stage(server), plan).figures
    assert (figures["messages"] or 0) > 0
    assert (figures["last_member_ms"] or 0) > 0


@pytest.mark.slow
def test_messages_for_absent_people_wait_and_are_fetched(server: Node) -> None:
    figures = offline.measure(stage(server), offline.Plan(2, 10, 2, 4)).figures
    assert figures["messages"] == 20
    assert (figures["drained_per_s"] or 0) > 0


@pytest.mark.slow
def test_idle_devices_are_weighed(server: Node) -> None:
    figures = idle.measure(stage(server), idle.Plan(connections=4, duration=0.2, settle=0.1)).figures
    assert figures["connections"] == 4


@pytest.mark.slow
def test_a_login_is_measured_once_because_there_is_only_one_kind(server: Node) -> None:
    figures = login.measure(stage(server), login.Plan(duration=1.5, warmup=0.5, storm=0)).figures
    assert (figures["logins_per_s"] or 0) > 0
    assert "first_logins_per_s" not in figures
