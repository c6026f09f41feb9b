"""What the README shows is what happens: its commands are run, its program is run, its links exist."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.helpers.real_node import RealNode, running_node

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
CODE_PROMPT = "Code: "
COMMAND_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Shown:
    """A command of the README with the output that it shows."""

    command: str
    output: list[str]


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def shown_commands() -> list[Shown]:
    shown: list[Shown] = []
    for line in "".join(blocks("console")).splitlines():
        if line.startswith("$ "):
            shown.append(Shown(line[2:], []))
        else:
            shown[-1].output.append(line)
    return shown


def normal(line: str) -> str:
    """A line without what differs from run to run: the time of day, codes, the ids of groups."""
    line = re.sub(r"\(g[0-9a-f]{16}\)", "(GROUP)", line)
    return re.sub(r"^\d\d:\d\d", "HH:MM", re.sub(r"^(Code: )\d{6}$", r"\1CODE", line.rstrip()))


@pytest.fixture
def node(tmp_path: Path) -> Iterator[RealNode]:
    with running_node(tmp_path / "node", sms="console") as node:
        yield node


def run_as_a_person(command: str, node: RealNode, folder: Path) -> list[str]:
    """Run a command on a terminal, and type the code that the node's terminal shows when asked for it."""
    controller, terminal = pty.openpty()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "RELAY": node.relay, "COLUMNS": "200", "NO_COLOR": "1"}
    with subprocess.Popen(
        ["bash", "-c", command], cwd=folder, env=env, stdin=terminal, stdout=terminal, stderr=terminal
    ) as process:
        os.close(terminal)
        text = _converse(controller, node)
        process.wait(COMMAND_SECONDS)
    os.close(controller)
    return text.replace("\r\n", "\n").splitlines()


def _converse(controller: int, node: RealNode) -> str:
    heard = b""
    answered = False
    deadline = time.monotonic() + COMMAND_SECONDS
    while select.select([controller], [], [], max(0.0, deadline - time.monotonic()))[0]:
        try:
            data = os.read(controller, 4096)
        except OSError:  # EIO: how a terminal says that nobody has it open any more
            break
        if not data:
            break
        heard += data
        if not answered and heard.decode(errors="ignore").endswith(CODE_PROMPT):
            answered = True
            os.write(controller, node.newest_code().encode() + b"\n")
    return heard.decode()


@pytest.mark.slow
def test_every_command_does_what_the_readme_shows(node: RealNode, tmp_path: Path) -> None:
    shown = shown_commands()
    assert len(shown) > 5
    for each in shown:
        printed = run_as_a_person(each.command, node, tmp_path)
        assert [normal(line) for line in printed] == [normal(line) for line in each.output], each.command


def test_the_program_prints_what_the_readme_shows(tmp_path: Path) -> None:
    [program], [output] = blocks("python"), blocks("text")
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout == output


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"(?:`|^    )make ([a-z-]+)", README, flags=re.MULTILINE))
    assert {"run", "test", "demo"} <= named
    assert named <= targets


def test_every_file_that_is_linked_exists() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", README)
    assert len(links) > 5
    assert [link for link in links if not (ROOT / link).exists()] == []
