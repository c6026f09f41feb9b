"""A peer that is not installed is left out, one that fails has failed; the run goes on without either."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

from bench.errors import BenchError
from bench.measurement import Measurement, Scenario, Stage
from bench.node import Node
from bench.peers import run
from bench.peers.run import PeerRun
from bench.progress import Progress
from tests.bench.peers.fakes import FakePeer, MissingPeer
from tests.bench.test_document import measurement

NODE = Node("127.0.0.1", 1, b"", ())


class Played:
    """A scenario that gives back what it is told to."""

    def __init__(self, *results: float | BenchError) -> None:
        self.results = list(results)

    def accounts(self, plan: object) -> int:
        return 2

    def measure(self, stage: Stage, plan: object) -> Measurement:
        result = self.results.pop(0)
        if isinstance(result, BenchError):
            raise result
        return measurement(result)


@pytest.fixture
def always_there(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def there(*args: Any, **kwargs: Any) -> Iterator[Node]:
        yield NODE

    monkeypatch.setattr(run, "running_peer", there)


def _measure(each: PeerRun, played: Played) -> None:
    stage_of: Callable[[Node], Stage] = lambda node: Stage(node, frozenset(), 1, Progress(quiet=True))  # noqa: E731
    each.measure(cast("Scenario", played), None, stage_of, cpus=frozenset(), folder=None)


@pytest.mark.usefixtures("always_there")
def test_figures_stand_beside_what_is_promised() -> None:
    each, played = PeerRun(FakePeer()), Played(10.0, 30.0)
    _measure(each, played)
    _measure(each, played)
    found = each.as_document()
    assert found["ticked_per_s"] == 20.0
    assert found["spread"]["ticked_per_s"] == {"low": 10.0, "high": 30.0}
    assert found["promises"]["durable"] == "nothing"
    assert found["is_valid"]


@pytest.mark.usefixtures("always_there")
def test_one_failure_ends_a_peers_part_for_good_and_is_not_called_a_skip() -> None:
    each, played = PeerRun(FakePeer()), Played(10.0, BenchError("it fell over"), 10.0)
    for _ in range(3):
        _measure(each, played)
    assert each.as_document() == {"failed": "it fell over"}
    assert len(played.results) == 1


def test_one_that_is_not_installed_is_left_out_with_the_command_that_installs_it() -> None:
    each = PeerRun(MissingPeer())
    _measure(each, Played())
    assert each.as_document() == {"skipped": "missing is not installed: apt-get install fake-server"}
