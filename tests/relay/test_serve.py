"""The node as a process: how it starts, what it says, and how it stops."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from relay.config import HostPort
from relay.serve import our_name

WAIT_SECONDS = 20.0


def spawn(folder: Path, *words: str, **variables: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "roost", "serve", "--data", str(folder / "data"), *words]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROOST_")}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment | variables
    )


@contextmanager
def running(folder: Path, **variables: str) -> Iterator[tuple["subprocess.Popen[str]", dict[str, str]]]:
    ready = folder / "ready.json"
    words = ("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--ready-file", str(ready))
    node = spawn(folder, *words, **variables)
    try:
        deadline = time.monotonic() + WAIT_SECONDS
        while not ready.exists():
            assert node.poll() is None, node.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        yield node, json.loads(ready.read_text())
    finally:
        node.kill()
        node.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_in_good_order(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path) as (node, facts):
        assert facts["relay"].startswith("roost://127.0.0.1:")
        assert int(facts["pid"]) == node.pid
        with urllib.request.urlopen(facts["admin"] + "/readyz") as answer:
            assert json.load(answer)["status"] == "ready"
        node.send_signal(number)
        out, err = node.communicate(timeout=5)
        assert node.returncode == 0
        assert facts["relay"] in out
        assert "roost register --home alice" in out
        assert "Traceback" not in err


@pytest.mark.slow
def test_an_operator_can_have_it_drained_over_http(tmp_path: Path) -> None:
    with running(tmp_path) as (node, facts):
        request = urllib.request.Request(facts["admin"] + "/drain", method="POST")
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 202
        _, err = node.communicate(timeout=5)
        assert node.returncode == 0
        assert "Traceback" not in err


@pytest.mark.slow
def test_a_backup_is_not_run_in_place(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "backup.json").write_text("{}")
    node = spawn(tmp_path, "--listen", "127.0.0.1:0", "--admin", "off")
    _, err = node.communicate(timeout=WAIT_SECONDS)
    assert node.returncode == 1
    assert "roost restore" in err
    assert "Traceback" not in err


@pytest.mark.slow
def test_a_second_node_on_the_same_folder_says_so(tmp_path: Path) -> None:
    with running(tmp_path):
        second = spawn(tmp_path, "--listen", "127.0.0.1:0", "--admin", "off")
        _, err = second.communicate(timeout=WAIT_SECONDS)
        assert second.returncode == 1
        assert "is in use by process" in err
        assert "Traceback" not in err


@pytest.mark.slow
def test_an_address_that_is_taken_is_named_with_what_to_do(tmp_path: Path) -> None:
    with running(tmp_path) as (_, facts):
        taken = facts["relay"].removeprefix("roost://").split("#")[0]
        second = spawn(tmp_path / "other", "--listen", taken, "--admin", "off")
        _, err = second.communicate(timeout=WAIT_SECONDS)
        assert second.returncode == 1
        assert f"cannot listen for devices on {taken}" in err
        assert "--listen HOST:PORT" in err
        third = spawn(tmp_path / "third", "--listen", "127.0.0.1:0", "--admin", facts["admin"][7:])
        _, err = third.communicate(timeout=WAIT_SECONDS)
        assert third.returncode == 1
        assert "--admin HOST:PORT" in err


@pytest.mark.slow
def test_a_setting_that_nobody_knows_is_refused_by_name(tmp_path: Path) -> None:
    node = spawn(tmp_path, ROOST_LISTN="x")
    _, err = node.communicate(timeout=WAIT_SECONDS)
    assert node.returncode == 2
    assert "ROOST_LISTN" in err


@pytest.mark.slow
def test_its_key_outlives_it(tmp_path: Path) -> None:
    keys = []
    for _ in range(2):
        with running(tmp_path) as (node, facts):
            keys.append(facts["relay"].split("#")[1])
            node.send_signal(signal.SIGKILL)
            node.wait()
            (tmp_path / "ready.json").unlink()
    assert keys[0] == keys[1]


@pytest.mark.slow
def test_test_hooks_are_announced_loudly(tmp_path: Path) -> None:
    with running(tmp_path, ROOST_TEST_HOOKS="1") as (node, _):
        node.terminate()
        _, err = node.communicate(timeout=WAIT_SECONDS)
        assert "test_hooks_on" in err


def test_a_place_is_written_as_people_write_it() -> None:
    assert str(HostPort("127.0.0.1", 5252)) == "127.0.0.1:5252"


@pytest.mark.parametrize(
    ("script", "found", "shown"),
    [
        ("/usr/bin/roost", "/usr/bin/roost", "roost"),
        ("{here}/.venv/bin/roost", None, ".venv/bin/roost"),
        ("{here}/roost/__main__.py", None, "roost"),
    ],
)
def test_what_to_type_next_is_what_this_terminal_understands(
    script: str, found: str | None, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [script.format(here=Path.cwd())])
    monkeypatch.setattr(shutil, "which", lambda _name: found)
    assert our_name() == shown
