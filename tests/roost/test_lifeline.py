"""A process with a lifeline ends with the other end of its input, and leaves alone what comes there."""

import signal
import subprocess
import sys

WAIT_SECONDS = 60.0

BUSY = """
import sys
from roost.lifeline import end_with_the_starter
end_with_the_starter()
print("begun", flush=True)
while True:
    pass
"""

READING = """
import sys
from roost.lifeline import end_with_the_starter
end_with_the_starter()
print(sys.stdin.readline(), flush=True)
sys.exit(7)
"""


def started(program: str, stdin: int = subprocess.PIPE) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", program], stdin=stdin, stdout=subprocess.PIPE)


def test_it_ends_in_the_middle_of_whatever_it_is_doing() -> None:
    with started(BUSY) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"nobody reads this\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"begun\n"
        process.stdin.close()
        assert process.wait(WAIT_SECONDS) == -signal.SIGKILL


def test_what_comes_is_the_commands() -> None:
    with started(READING) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"be a worker\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"be a worker\n"
        assert process.wait(WAIT_SECONDS) == 7


def test_an_input_that_nobody_holds_is_no_end() -> None:
    with started(READING, subprocess.DEVNULL) as process:
        assert process.wait(WAIT_SECONDS) == 7
