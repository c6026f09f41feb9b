import io
import os

from client.cli.conversation import Entry
from client.cli.pipe import PipeSurface
from client.cli.typed_lines import TypedLines
from client.records import MessageState
from tests.client.conftest import TestClock


async def test_everything_is_a_line_and_a_tick_that_changes_is_one_more() -> None:
    out = io.StringIO()
    surface = PipeSurface(TestClock(), TypedLines(), out)
    at = TestClock().now()
    surface.show(Entry(at, "you", "hello", id="a", state=MessageState.PENDING))
    surface.change("a", MessageState.DELIVERED)
    surface.change("a", MessageState.DELIVERED)
    surface.show(Entry(at, "", "a notice", notice=True))
    lines = out.getvalue().splitlines()
    assert lines[0] == "── Today ──"
    assert lines[1].endswith("🕓 you  hello")
    assert lines[2:] == ["· ✓✓ hello", "· a notice"]


async def test_the_state_of_the_line_is_said_when_it_is_news() -> None:
    out = io.StringIO()
    surface = PipeSurface(TestClock(), TypedLines(), out)
    for _ in range(2):
        surface.set_status([("class:online", "● online")])
    assert out.getvalue() == "· ● online\n"


async def test_lines_come_from_the_pipe() -> None:
    reading, writing = os.pipe()
    os.write(writing, b"hello\n")
    os.close(writing)
    surface = PipeSurface(TestClock(), TypedLines(reading), io.StringIO())
    assert await surface.next_line() == "hello"
    assert await surface.next_line() is None
    os.close(reading)
