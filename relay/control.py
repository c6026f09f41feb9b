"""The control socket of a worker: its parent asks how it is doing, and puts the answers of all together.

One connection, one question, one answer: a line with the question's name, then JSON until the end. An order
is a question that changes something; what it is about stands behind its name, as JSON. So there is no state
between two questions, a worker that was killed is refused by the kernel at once, and one that hangs costs its
asker a second and nothing else.

An actor in the worker because it waits for questions and must not take anything down with it.
Restarts as: permanent.
Rule 1: who may ask is who may look into the data folder: its owner. No answer names a user, a number or a
    key; an order may, and the log does not.
"""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import trio

from actors import Actor
from actors.local_socket import connect_local, listen_local
from storage.folder import volatile_folder
from supervisors import ChildSpec

log = logging.getLogger("roost.relay")

Questions = Mapping[str, Callable[[], Awaitable[Any]]]
"""{name: gives what can be turned into JSON}."""

Orders = Mapping[str, Callable[[Any], Awaitable[Any]]]
"""{name: does something with what it is told, which has come as JSON, and gives an answer likewise}."""

ANSWER_SECONDS = 1.0
"""A worker that does not answer within this is shown as missing."""

QUESTION_SECONDS = 5.0
"""Whoever connects and asks nothing is not our parent."""

MAX_QUESTION_BYTES = 4096
"""A name, and what an order is about."""

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""A worker that answers with more is broken."""

BACKLOG = 16
"""An operator or two, and their scrapers."""


def control_path(data: Path, worker: int) -> Path:
    """Where a worker is asked."""
    return volatile_folder(data) / f"control-{worker}"


class Serve:
    """The actor's note to itself: answer questions, until the end."""


SERVE = Serve()


NO_ORDERS: Orders = {}


def child_spec(path: Path, questions: Questions, orders: Orders = NO_ORDERS) -> ChildSpec:
    """The control socket at a path."""
    return ChildSpec(id="control", start=lambda: Control(path, questions, orders))


class Control(Actor):
    """Answers the parent."""

    def __init__(self, path: Path, questions: Questions, orders: Orders) -> None:
        self._path = path
        self._questions = questions
        self._orders = orders
        self._listener: trio.SocketListener | None = None

    async def on_start(self) -> None:
        """Open the socket; the first question may come before the starter has been told that this runs.

        Raises:
            OSError: it cannot be opened.
        """
        sock = trio.socket.from_stdlib_socket(listen_local(self._path, BACKLOG))
        self._listener = trio.SocketListener(sock)
        self.ref.tell_nowait(SERVE)

    async def handle(self, message: object) -> None:
        """Serve until the supervisor says stop: that cancels the wait."""
        if message is not SERVE or self._listener is None:
            self.unexpected(message)
            return
        # It closes the listener on its way out, and the next life of this actor takes the name over.
        await trio.serve_listeners(self._serve, [self._listener])

    async def _serve(self, stream: trio.SocketStream) -> None:
        async with stream:
            with trio.move_on_after(QUESTION_SECONDS):
                try:
                    await self._answer(stream)
                except trio.BrokenResourceError:
                    pass  # the parent has lost its patience, or its life

    async def _answer(self, stream: trio.SocketStream) -> None:
        asked = bytes(await stream.receive_some(MAX_QUESTION_BYTES)).decode(errors="replace").strip()
        name, _, argument = asked.partition(" ")
        question, order = self._questions.get(asked), self._orders.get(name)
        if question is not None:
            answer = await question()
        elif order is not None and (facts := _read(argument)) is not None:
            answer = await order(facts)
        else:
            log.warning("control_question_unknown", extra={"question": name})
            return
        await stream.send_all(json.dumps(answer, default=str).encode())


def _read(argument: str) -> Any | None:
    """What stands behind the name of an order; None if that is nothing that we would say."""
    try:
        return json.loads(argument)
    except ValueError:
        return None


async def ask(path: Path, question: str, seconds: float = ANSWER_SECONDS) -> Any | None:
    """Ask a worker; None if it is not there, does not answer in time, or ends in the middle of its answer.

    Cancelled, it leaves nothing behind.
    """
    with trio.move_on_after(seconds):
        try:
            return json.loads(await _fetch(path, question))
        except (OSError, trio.BrokenResourceError, ValueError):
            return None
    return None


async def _fetch(path: Path, question: str) -> bytes:
    sock = trio.socket.from_stdlib_socket(await connect_local(path))
    async with trio.SocketStream(sock) as stream:
        await stream.send_all(question.encode() + b"\n")
        answer = bytearray()
        async for chunk in stream:
            answer += chunk
            if len(answer) > MAX_ANSWER_BYTES:
                raise ValueError("more than any worker says")
        return bytes(answer)
