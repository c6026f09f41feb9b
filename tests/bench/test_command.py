"""The command measures, writes what was asked for, and says by its status whose figures they are."""

import argparse
import json
import os
import signal
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from bench import command
from bench.command import LOAD_WAS_THE_LIMIT, SCENARIOS, SERIES, TOOLS
from bench.document import write_document
from bench.measurement import Measurement, Stage
from bench.node import Node
from bench.peers.peer import Peer
from bench.scenarios import pairs
from tests.bench.peers.fakes import FAILS, FakePeer, MissingPeer
from tests.bench.test_document import FINE, SPOILT, a_document, measurement


def _bench(*words: str) -> int:
    parser = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter)  # as roost has it
    command.add_arguments(parser)
    return command.run(parser.parse_args(words))


@pytest.fixture
def without_node(monkeypatch: pytest.MonkeyPatch) -> list[Measurement]:
    """What scenarios give back, one a repetition, without measuring anything."""
    results: list[Measurement] = []

    def measure(stage: Stage, plan: object) -> Measurement:
        return results.pop(0)

    monkeypatch.setattr(pairs, "measure", measure)
    return results


@pytest.fixture
def elsewhere(tmp_path: Path) -> list[str]:
    """The words that name a node elsewhere, so that none is started."""
    accounts = tmp_path / "accounts"
    assert _bench("accounts", "--data", str(tmp_path / "d"), "--count", "2", "--accounts", str(accounts)) == 0
    return ["--relay", "roost://relay.example:5252#aaaa", "--accounts", str(accounts), "--quiet"]


def test_figures_are_printed_and_written(
    without_node: list[Measurement],
    elsewhere: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    without_node += [measurement(10.0), measurement(30.0)]
    out = ["--json", str(tmp_path / "a.json"), "--report", str(tmp_path / "report")]
    assert _bench("pairs", "--pairs", "1", "--repeat", "2", *out, *elsewhere) == 0
    assert "10.0 to 30.0" in capsys.readouterr().out
    found = json.loads((tmp_path / "a.json").read_text())
    assert found["ticked_per_s"] == 20.0
    assert found["parameters"]["pairs"] == 1
    assert {"machine", "versions", "commit", "command", "date", "cores"} <= found.keys()
    assert (tmp_path / "report" / "index.html").exists()


def test_the_status_says_that_the_load_was_the_limit(
    without_node: list[Measurement], elsewhere: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    without_node += [measurement(10.0, SPOILT)]
    assert _bench("pairs", "--pairs", "1", *elsewhere) == LOAD_WAS_THE_LIMIT
    assert "INVALID" in capsys.readouterr().out


def test_a_node_elsewhere_needs_accounts_and_enough_of_them(
    without_node: list[Measurement], elsewhere: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    without_node += [measurement(10.0, FINE)]
    assert _bench("pairs", "--relay", "roost://relay.example:5252#aaaa", "--quiet") == 2
    assert "--accounts" in capsys.readouterr().err
    assert _bench("pairs", "--pairs", "2", *elsewhere) == 2
    assert "has 2 accounts" in capsys.readouterr().err


def test_what_cannot_be_compared_or_read_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = tmp_path / "a.json", tmp_path / "b.json"
    write_document(first, a_document(1.0))
    write_document(second, a_document(1.0) | {"scenario": "idle"})
    assert _bench("compare", str(first), str(first)) == 0
    assert "ticked_per_s" in capsys.readouterr().out
    assert _bench("compare", str(first), str(second)) == 2
    assert _bench("compare", str(first), str(tmp_path / "c.json")) == 1


@pytest.fixture
def beside(
    without_node: list[Measurement], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Run beside these peers; gives the status, and what was written of the peers."""

    def run(*peers: Peer) -> tuple[int, dict[str, Any]]:
        without_node.append(measurement(10.0))
        monkeypatch.setattr(command, "_node", lambda *args: nullcontext(Node("127.0.0.1", 1, b"", ())))
        monkeypatch.setattr(command, "peers_named", lambda names: peers if names else ())
        out = tmp_path / "a.json"
        status = _bench("pairs", "--pairs", "1", "--peer", "all", "--quiet", "--json", str(out))
        return status, json.loads(out.read_text())["peers"]

    return run


def test_a_peer_that_is_not_installed_is_skipped_and_the_run_goes_on(
    beside: Callable[..., tuple[int, dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    status, peers = beside(MissingPeer())
    assert status == 0
    assert "missing was skipped: missing is not installed: apt-get install" in capsys.readouterr().out
    assert "apt-get" in peers["missing"]["skipped"]


def test_a_peer_that_fails_fails_the_run_after_the_others_were_measured(
    beside: Callable[..., tuple[int, dict[str, Any]]], capsys: pytest.CaptureFixture[str]
) -> None:
    status, peers = beside(FakePeer(FAILS), MissingPeer())
    assert status == 1
    printed = capsys.readouterr().out
    assert "10.0" in printed
    assert "fake FAILED: fake did not start: no such luck" in printed
    assert "missing was skipped" in printed
    assert "no such luck" in peers["fake"]["failed"]


def test_what_measures_nothing_is_not_among_the_scenarios(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _bench("--help")
    told = capsys.readouterr().out
    places = [told.index(f"\n  {name} ") for name in (*SCENARIOS, *SERIES, *TOOLS)]
    assert places == sorted(places)
    assert told.index("do not measure:") < told.index("\n  compare ") < told.index("examples:")


def test_a_peer_gets_work_only_beside_a_node_of_ours_and_with_an_empty_store(
    elsewhere: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _bench("pairs", "--pairs", "1", "--peer", "all", *elsewhere) == 2
    assert "--peer needs a node of the bench's own" in capsys.readouterr().err
    assert _bench("pairs", "--peer", "all", "--queued", "10") == 2
    assert "--queued" in capsys.readouterr().err


@pytest.mark.parametrize("name", [*SCENARIOS, *SERIES, *TOOLS])
def test_every_scenario_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        _bench(name, "--help")
    assert ended.value.code == 0
    assert len(capsys.readouterr().out) > 300


def test_a_request_to_end_ends_what_was_started() -> None:
    before, ended = signal.getsignal(signal.SIGTERM), []

    def do(args: argparse.Namespace) -> int:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            ended.append("the node")
        return 0

    with pytest.raises(SystemExit) as caught:
        command.run(argparse.Namespace(do=do))
    assert caught.value.code == 128 + signal.SIGTERM
    assert ended == ["the node"]
    assert signal.getsignal(signal.SIGTERM) is before
