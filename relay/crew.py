"""The workers of a node as their parent sees them: which there are, whether they are up, what they answer.

Plain registers of the parent process. What starts and restarts the processes is the supervision tree
(node_tree.py); here is what others of the parent want to know of them, and it is never waited for longer than
a second.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import trio

from relay import control
from relay.assignment import Assignment
from relay.config import Config
from relay.device_port import DevicePort
from supervisors import Command, Reserve, Succession

START_SECONDS = 60.0
"""A worker that is not ready by then is killed, and started again: a store of many gigabytes on a cold disk
takes seconds."""

START_SECONDS_EACH = 4.0
"""And so much more for each worker of the node: they start side by side, a start takes a second or two of a
core, and there may be more of them than cores."""

PROGRAM: Sequence[str] = (sys.executable, "-m", "roost")
"""What a worker's process runs. By module and not by the path of a script: it is this very program, whatever
it was started as."""


class Post:
    """One worker's place in the node, for all the lives that the worker has."""

    def __init__(self, number: int, path: Path, on_change: Callable[[], None]) -> None:
        self.number = number
        self.line = Succession(on_change)
        """How the lives of its process go."""
        self._control = path

    @property
    def name(self) -> str:
        """What it is called in the tree."""
        return f"worker-{self.number}"

    @property
    def pid(self) -> int | None:
        """The process; None between two lives."""
        return self.line.pid

    @property
    def is_ready(self) -> bool:
        """Whether it serves."""
        return self.line.is_ready

    @property
    def restarts(self) -> int:
        """Times that its process was started again."""
        return max(0, self.line.lives - 1)

    @property
    def could_not_start(self) -> bool:
        """Whether its first life ended before it ever served."""
        return self.line.lives > 0 and self.line.times_ready == 0 and self.line.pid is None

    async def ask(self, question: str) -> Any | None:
        """What its control socket answers; None if it does not in time."""
        return await control.ask(self._control, question)


class Crew:
    """All workers of a node."""

    def __init__(self, data: Path, workers: int) -> None:
        self.posts = [
            Post(number, control.control_path(data, number), self._note_change) for number in range(workers)
        ]
        self._changed = trio.Event()

    def __iter__(self) -> Iterator[Post]:
        return iter(self.posts)

    def __len__(self) -> int:
        return len(self.posts)

    @property
    def is_ready(self) -> bool:
        """Whether all of them serve."""
        return all(post.is_ready for post in self.posts)

    async def wait_until_ready(self) -> None:
        """Wait until all of them serve."""
        await self._wait_until(lambda: self.is_ready)

    async def wait_for_failed_start(self) -> Post:
        """Wait until the first life of one of them has ended before it ever served; returns which."""
        await self._wait_until(lambda: any(post.could_not_start for post in self.posts))
        return next(post for post in self.posts if post.could_not_start)

    async def ask(self, question: str) -> dict[int, Any]:
        """Ask all of them at once: {number: answer}, without those who did not answer in time."""
        answers: dict[int, Any] = {}

        async def ask_one(post: Post) -> None:
            answer = await post.ask(question)
            if answer is not None:
                answers[post.number] = answer

        async with trio.open_nursery() as nursery:
            for post in self.posts:
                nursery.start_soon(ask_one, post)
        return dict(sorted(answers.items()))

    def _note_change(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def _wait_until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self._changed.wait()


def worker_commands(
    config: Config, version: str, port: DevicePort, log_words: Sequence[str], reserve: Reserve
) -> list[Command]:
    """How each worker's process is started. They differ in their input only, so one can wait for all.

    Args:
        config: the node's settings.
        version: of this program.
        port: whose sockets the workers inherit.
        log_words: the arguments that say how log lines look.
        reserve: where a process waits that was started ahead.
    """
    return [
        Command(
            [*PROGRAM, "worker", *log_words],
            ready=True,
            start_seconds=START_SECONDS + START_SECONDS_EACH * config.workers,
            in_background=True,
            input=Assignment(number, version, port.descriptors, config).encode(),
            pass_fds=port.descriptors,
            reserve=reserve,
        )
        for number in range(config.workers)
    ]
