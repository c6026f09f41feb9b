"""A worker is asked over its control socket; whatever becomes of it, the asker waits a second at most."""

import math
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from actors import ActorRef, ActorSystem, open_actor_system
from actors.local_socket import connect_local, listen_local
from relay.control import ask, child_spec, control_path


async def how() -> dict[str, Any]:
    return {"mood": "fine"}


async def never() -> None:
    await trio.sleep_forever()


async def broken() -> None:
    raise ValueError("a bug in an answer")


QUESTIONS = {"how": how, "never": never, "broken": broken}


@asynccontextmanager
async def asked_at(path: Path) -> AsyncIterator[tuple[ActorSystem, ActorRef]]:
    async with open_actor_system() as system:
        yield system, await system.start(child_spec(path, QUESTIONS).start)


async def test_a_question_gets_its_answer_again_and_again(tmp_path: Path) -> None:
    path = tmp_path / "control-0"
    async with asked_at(path):
        for _ in range(3):
            assert await ask(path, "how") == {"mood": "fine"}


async def test_an_answer_of_any_length_arrives_whole(tmp_path: Path) -> None:
    async def much() -> list[str]:
        return ["x" * 1_000] * 1_000

    path = tmp_path / "control-0"
    async with open_actor_system() as system:
        await system.start(child_spec(path, {"much": much}).start)
        answer = await ask(path, "much", seconds=10)
    assert answer == ["x" * 1_000] * 1_000


async def test_an_order_is_told_what_it_is_about(tmp_path: Path) -> None:
    async def double(number: int) -> int:
        return 2 * number

    path = tmp_path / "control-0"
    async with open_actor_system() as system:
        await system.start(child_spec(path, {}, {"double": double}).start)
        assert await ask(path, "double 21") == 42
        for nonsense in ("double", "double {", "halve 2"):
            assert await ask(path, nonsense) is None
        assert await ask(path, "double 4") == 8


async def test_a_worker_that_is_not_there_is_missing_at_once(tmp_path: Path) -> None:
    assert await ask(tmp_path / "control-0", "how", seconds=math.inf) is None


async def test_what_a_killed_worker_left_behind_answers_nothing(tmp_path: Path) -> None:
    path = tmp_path / "control-0"
    listen_local(path, 1).close()  # the file stays
    assert await ask(path, "how") is None
    async with asked_at(path):  # and its next life takes the name over
        assert await ask(path, "how") == {"mood": "fine"}


async def test_a_worker_that_hangs_costs_its_asker_the_time_that_was_agreed(tmp_path: Path) -> None:
    path = tmp_path / "control-0"
    with listen_local(path, 1):  # a process that was stopped: the kernel still takes connections for it
        assert await ask(path, "how", seconds=0.01) is None
    async with asked_at(path):
        assert await ask(path, "never", seconds=0.01) is None
        assert await ask(path, "how") == {"mood": "fine"}


async def test_an_end_in_the_middle_of_an_answer_is_no_answer(tmp_path: Path) -> None:
    path = tmp_path / "control-0"
    listener = listen_local(path, 1)

    async def answer_half() -> None:
        await trio.lowlevel.wait_readable(listener)
        peer, _ = listener.accept()
        await trio.lowlevel.wait_readable(peer)
        peer.recv(100)
        peer.sendall(b'{"mood": "fi')
        peer.close()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer_half)
        assert await ask(path, "how") is None
    listener.close()


async def test_an_unknown_question_is_noted_and_answered_by_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "control-0"
    async with asked_at(path):
        assert await ask(path, "why") is None
    assert [record.message for record in caplog.records] == ["control_question_unknown"]


async def test_who_connects_and_hangs_up_disturbs_nobody(tmp_path: Path) -> None:
    path = tmp_path / "control-0"
    async with asked_at(path):
        (await connect_local(path)).close()
        with await connect_local(path) as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            peer.send(b"how\n")
        assert await ask(path, "how") == {"mood": "fine"}


async def test_an_answer_that_crashes_takes_this_actor_and_the_next_life_answers(tmp_path: Path) -> None:
    path = tmp_path / "control-0"
    async with asked_at(path) as (system, ref):
        assert await ask(path, "broken") is None
        assert (await ref.wait_stopped()).is_abnormal
        await system.start(child_spec(path, QUESTIONS).start)
        assert await ask(path, "how") == {"mood": "fine"}


def test_every_worker_has_a_socket_of_its_own_in_the_volatile_part(tmp_path: Path) -> None:
    assert control_path(tmp_path, 3) == tmp_path / "volatile" / "control-3"
