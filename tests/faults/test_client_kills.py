"""faults/real/client_kills.py: it is the moment that kills, and the client is there again afterwards."""

import re
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, cast

import pytest

from faults.real import client_kills
from faults.real import crowd as crowd_module
from faults.real.arena import Arena
from faults.real.client_kills import FAULTS
from faults.real.crowd import Crowd
from faults.real.fault import Broken, Fault, Stroke
from faults.real.orphans import Watcher

pytestmark = pytest.mark.slow

IDLE, COMMITS, ENDS = 0, 4, 5


@pytest.fixture
async def arena(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[Arena]:
    """One client that is a stand-in, and nothing else."""
    monkeypatch.setattr(crowd_module, "CLIENT", "tests.faults.stand_in_client")
    monkeypatch.setattr(client_kills, "TRAP_SECONDS", request.param[1])
    with Watcher() as watcher:
        crowd = Crowd(
            tmp_path,
            b"k" * 32,
            tmp_path / "sms",
            lambda _: 1,
            clients=1,
            seed=request.param[0],
            minder=watcher,
        )
        try:
            await crowd.start()
            nothing = cast("Any", None)
            yield Arena(tmp_path, nothing, nothing, crowd, None, watcher, print)
        finally:
            await crowd.close()


stands_in = partial(pytest.mark.parametrize, "arena", indirect=True)


@stands_in([(COMMITS, 120.0)])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
async def test_a_client_dies_at_its_commit_and_lives_again(arena: Arena, fault: Fault) -> None:
    (client,) = arena.crowd.clients
    before = client.pid
    said = await fault.strike(arena, Stroke(0.0, 0.5, Random(7)))
    assert re.match(r"c0, at its \d+\. commit, started again", said)
    assert client.is_running
    assert client.pid != before
    assert not list(client.traps.iterdir())


@stands_in([(IDLE, 0.2)])
async def test_who_never_commits_cannot_be_tried(arena: Arena) -> None:
    with pytest.raises(Broken, match=r"had not come by before-commit"):
        await FAULTS[0].strike(arena, Stroke(0.0, 0.5, Random(7)))
    assert not list(arena.crowd.clients[0].traps.iterdir())


@stands_in([(ENDS, 120.0)])
async def test_who_ends_by_itself_did_not_die_of_the_moment(arena: Arena) -> None:
    with pytest.raises(Broken, match=r"c0 ended with status 7"):
        await FAULTS[0].strike(arena, Stroke(0.0, 0.5, Random(7)))
