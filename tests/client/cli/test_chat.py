import os
import subprocess
import sys
import threading

import pytest

from client.cli import chat, send
from tests.client.cli.conftest import Desk
from tests.client.conftest import ANN, BEN


@pytest.mark.slow
def test_in_a_pipe_lines_go_out_and_the_end_of_the_input_is_the_end(pair: Desk) -> None:
    pair.run(send, "--home", pair.home("ben"), "--to", ANN, "hello Ann")
    process = subprocess.run(
        [sys.executable, "-m", "roost", "chat", "--home", pair.home("ann"), "--with", BEN],
        input="hello Ben\n/help\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )
    assert (process.returncode, process.stderr) == (0, "")
    assert "🕓 you  hello Ben" in process.stdout
    assert "· ✓ hello Ben" in process.stdout
    assert "/to +49..." in process.stdout
    assert len(pair.relay.stored) == 2


@pytest.mark.slow
def test_a_message_that_comes_while_the_pipe_is_open_is_printed(pair: Desk) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "roost", "chat", "--home", pair.home("ann")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
    )
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    pair.run(send, "--home", pair.home("ben"), "--to", ANN, "knock knock")
    assert process.stdout is not None
    while "knock knock" not in (line := process.stdout.readline()):
        assert line, "the chat ended before the message came"
    process.communicate("")
    watchdog.cancel()
    assert process.returncode == 0


def test_a_folder_that_is_no_phone_says_so(desk: Desk) -> None:
    outcome = desk.run(chat, "--home", desk.home("nobody"), "--with", BEN)
    assert (outcome.status, outcome.err[:17]) == (2, "error: no-account")


def test_a_wrong_number_says_so(pair: Desk) -> None:
    outcome = pair.run(chat, "--home", pair.home("ann"), "--with", "12")
    assert (outcome.status, outcome.err[:21]) == (2, "error: invalid-number")
