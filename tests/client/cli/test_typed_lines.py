import os
from collections.abc import Iterator

import pytest
import trio

from client.cli.typed_lines import TypedLines


@pytest.fixture
def pipe() -> Iterator[tuple[TypedLines, int]]:
    reading, writing = os.pipe()
    yield TypedLines(reading), writing
    os.close(reading)


async def test_lines_come_one_by_one_however_they_were_written(pipe: tuple[TypedLines, int]) -> None:
    lines, writing = pipe
    os.write(writing, b"one\ntwo\r\nthr")
    assert await lines.next() == "one"
    assert await lines.next() == "two"
    os.write(writing, "ée\n\n".encode())
    os.close(writing)
    assert await lines.next() == "thrée"
    assert await lines.next() == ""
    assert await lines.next() is None


async def test_a_last_line_without_its_end_counts(pipe: tuple[TypedLines, int]) -> None:
    lines, writing = pipe
    os.write(writing, b"last")
    os.close(writing)
    assert await lines.next() == "last"
    assert await lines.next() is None
    assert await lines.next() is None


async def test_waiting_for_a_line_can_be_given_up(pipe: tuple[TypedLines, int]) -> None:
    lines, writing = pipe
    with trio.move_on_after(0.01) as scope:
        await lines.next()
    assert scope.cancelled_caught
    os.close(writing)
