"""The node as a process: how it starts, what it says, and how it stops."""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from relay.config import Config, HostPort
from relay.errors import WorkerNotStartedError
from relay.node_tree import WORKER_RESTARTS
from relay.serve import add_arguments, our_name, run, serve
from supervisors import Command
from tests.helpers.real_node import is_running

WAIT_SECONDS = 60.0  # a stop alone may take a worker's grace, and a busy machine several times as long


def spawn(
    folder: Path, *words: str, start_new_session: bool = False, **variables: str
) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "roost", "serve", "--data", str(folder / "data"), *words]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROOST_")}
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment | variables,
        start_new_session=start_new_session,
    )


@contextmanager
def running(
    folder: Path, *more: str, start_new_session: bool = False, **variables: str
) -> Iterator[tuple["subprocess.Popen[str]", dict[str, Any]]]:
    ready = folder / "ready.json"
    words = ("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--ready-file", str(ready), *more)
    node = spawn(folder, *words, start_new_session=start_new_session, **variables)
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
        out, err = node.communicate(timeout=WAIT_SECONDS)
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
        _, err = node.communicate(timeout=WAIT_SECONDS)
        assert node.returncode == 0
        assert "Traceback" not in err


@pytest.mark.slow
def test_ctrl_c_reaches_everybody_in_the_terminal_and_is_one_clean_end(tmp_path: Path) -> None:
    with running(tmp_path, "--workers", "2", start_new_session=True) as (node, facts):
        workers = [worker["pid"] for worker in facts["workers"]]
        assert [worker["number"] for worker in facts["workers"]] == [0, 1]
        os.killpg(node.pid, signal.SIGINT)
        out, err = node.communicate(timeout=WAIT_SECONDS)
        assert node.returncode == 0
        assert out.count("is ready. Its address") == 1
        assert not any(map(is_running, workers))
        stopped = [line for line in err.splitlines() if "worker_stopped" in line]
        assert len(stopped) == 2
        assert "Traceback" not in err


@pytest.mark.slow
def test_a_worker_that_hangs_makes_the_node_red_and_the_node_still_ends_in_time(tmp_path: Path) -> None:
    with running(tmp_path, "--workers", "2") as (node, facts):
        hanging = facts["workers"][1]["pid"]
        os.kill(hanging, signal.SIGSTOP)
        with pytest.raises(urllib.error.HTTPError) as red:
            urllib.request.urlopen(facts["admin"] + "/readyz")
        assert json.load(red.value)["reasons"] == [
            {"name": "worker-missing", "detail": "worker 1 does not answer", "worker": 1}
        ]
        node.terminate()
        _, err = node.communicate(timeout=WAIT_SECONDS)
        assert node.returncode == 0
        assert not is_running(hanging)
        assert '"child_shutdown_failed"' in err


@pytest.mark.slow
def test_a_worker_that_dies_again_and_again_ends_the_node_with_a_clear_word(tmp_path: Path) -> None:
    with running(tmp_path) as (node, facts):
        killed: dict[int, None] = {}
        deadline = time.monotonic() + 90
        while node.poll() is None and time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(facts["admin"] + "/status") as answer:
                    pid = json.load(answer)["workers"][0]["pid"]
            except OSError:
                break  # the node is about to end
            if pid is not None and pid not in killed:
                killed[pid] = None
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.02)
        _, err = node.communicate(timeout=WAIT_SECONDS)
        assert node.returncode == 1
        assert len(killed) == WORKER_RESTARTS + 1
        errors = [line for line in err.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1
        assert "the workers ended again and again" in errors[0]
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


async def test_a_worker_that_cannot_start_ends_the_start_with_its_own_words_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import os; os.write(int(os.environ['ROOST_READY_FD']), b'my disk is gone'); raise SystemExit(1)"
    command = Command([sys.executable, "-I", "-S", "-c", code], ready=True, in_background=True)
    monkeypatch.setattr("relay.node.worker_commands", lambda *_: [command, command])
    config = Config(data=tmp_path, listen=HostPort("127.0.0.1", 0), admin=None, workers=2)
    with trio.fail_after(WAIT_SECONDS), pytest.raises(WorkerNotStartedError, match=r"^my disk is gone$"):
        await serve(config)


def run_here(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """The command in this process, without its log and its hold on the limits of the process."""
    monkeypatch.setattr("relay.serve._raise_descriptor_limit", lambda: None)
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    args = parser.parse_args(["--listen", "127.0.0.1:0", "--admin", "off", *words])
    return run(argparse.Namespace(**vars(args), log="json", log_level="info"))


def test_what_the_system_refuses_is_one_sentence_and_where_it_was_only_for_who_asks(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG", "roost.relay")

    async def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied", "/srv/secrets")

    monkeypatch.setattr("relay.serve.serve", refuse)
    assert run_here(monkeypatch, "--data", str(tmp_path)) == 1
    assert capsys.readouterr().err == "error: /srv/secrets: permission denied\n"
    [record] = [record for record in caplog.records if record.exc_info]
    assert (record.levelname, record.message) == ("DEBUG", "refused_by_system")


@pytest.mark.parametrize("place", ["nowhere/ready", "folder", "file/ready"])
def test_a_ready_file_that_cannot_be_written_is_refused_before_anything_is_started(
    tmp_path: Path, place: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    words = ("--data", str(tmp_path / "data"), "--ready-file", str(tmp_path / place))
    assert run_here(monkeypatch, *words) == 2
    assert f"ready_file: {tmp_path / place} cannot be written: " in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_too_few_descriptors_for_a_handful_of_devices_are_refused_with_the_limit_to_raise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("relay.serve.open_files_limit", lambda: 70)
    assert run_here(monkeypatch, "--data", str(tmp_path / "data")) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: the limit of 70 open files leaves room for 6 connections")
    assert "raise it to 82 or more (systemd: LimitNOFILE=, shell: ulimit -Hn)" in said
    assert not (tmp_path / "data").exists()


def test_a_place_is_written_as_people_write_it() -> None:
    assert str(HostPort("127.0.0.1", 5252)) == "127.0.0.1:5252"


@pytest.mark.parametrize(
    ("script", "found", "shown"),
    [
        ("/usr/bin/roost", "/usr/bin/roost", "roost"),
        ("{here}/.venv/bin/roost", None, ".venv/bin/roost"),
        ("{here}/roost/__main__.py", None, "roost"),
        ("/opt/roost", None, "/opt/roost"),
    ],
)
def test_what_to_type_next_is_what_this_terminal_understands(
    script: str, found: str | None, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [script.format(here=Path.cwd())])
    monkeypatch.setattr(shutil, "which", lambda _name: found)
    assert our_name() == shown
