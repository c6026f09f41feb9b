import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output.vt100 import Vt100_Output

from client.cli.conversation import MOST_LIVE_LINES, Entry
from client.cli.screen import ChatScreen
from client.records import MessageState

PENDING, READ = MessageState.PENDING, MessageState.READ
NOW = 1_795_348_800.0


class FixedClock:
    """Not trio's clock: the screen asks from a thread of its own."""

    def now(self) -> float:
        return NOW


class Terminal:
    """What a person would see and press."""

    def __init__(self, keys: PipeInput) -> None:
        self.keys = keys
        self.shown = io.StringIO()
        self.output = Vt100_Output(self.shown, lambda: Size(rows=24, columns=80), term="xterm")
        self.typing: list[bool] = []

    async def shows(self, text: str) -> None:
        await holds(lambda: text in self.shown.getvalue())


async def holds(condition: Callable[[], bool]) -> None:
    """Wait for the screen, which lives in a thread of its own and in real time."""
    with trio.fail_after(10):
        while not condition():  # noqa: ASYNC110 - the terminal has no event for what it shows
            await trio.sleep(0.005)


@asynccontextmanager
async def open_terminal() -> AsyncIterator[tuple[Terminal, ChatScreen]]:
    with create_pipe_input() as keys:
        terminal = Terminal(keys)
        async with trio.open_nursery() as nursery:
            screen = ChatScreen(FixedClock(), terminal.typing.append, keys, terminal.output)
            nursery.start_soon(screen.run)
            await screen.wait_ready()
            try:
                yield terminal, screen
            finally:
                screen.leave()


async def test_what_is_typed_comes_out_as_lines_and_ctrl_d_leaves() -> None:
    async with open_terminal() as (terminal, screen):
        terminal.keys.send_text("hello\r")
        assert await screen.next_line() == "hello"
        terminal.keys.send_text("\x04")
        assert await screen.next_line() is None


async def test_ctrl_c_first_clears_what_is_typed_and_then_leaves() -> None:
    async with open_terminal() as (terminal, screen):
        terminal.keys.send_text("half a sen\x03whole\r")
        assert await screen.next_line() == "whole"
        terminal.keys.send_text("\x03")
        assert await screen.next_line() is None


async def test_a_tick_changes_in_place_and_the_line_is_settled_when_it_is_read() -> None:
    async with open_terminal() as (terminal, screen):
        screen.show(Entry(NOW, "you", "hello", id="a", state=PENDING))
        await terminal.shows("🕓")
        screen.change("a", MessageState.ACCEPTED)
        await terminal.shows("✓ ")
        screen.change("a", READ)
        await terminal.shows("── Today ──")


async def test_a_burst_keeps_only_the_last_lines_live() -> None:
    async with open_terminal() as (terminal, screen):
        for number in range(MOST_LIVE_LINES + 5):
            screen.show(Entry(NOW, "you", f"burst {number}", id=f"{number}", state=PENDING))
        await holds(lambda: len(screen._conversation.live) == MOST_LIVE_LINES)
        screen.change("0", MessageState.DELIVERED)
        await terminal.shows("✓✓")


async def test_what_is_still_live_stays_on_the_screen_after_leaving() -> None:
    async with open_terminal() as (terminal, screen):
        screen.show(Entry(NOW, "you", "last words", id="a", state=PENDING))
        await terminal.shows("last words")
        before = len(terminal.shown.getvalue())
        screen.leave()
        assert await screen.next_line() is None
    assert "last words" in terminal.shown.getvalue()[before:]


async def test_status_typing_and_addressee_are_shown() -> None:
    async with open_terminal() as (terminal, screen):
        await terminal.shows("/to +... ›")
        screen.set_addressee("Ben")
        await terminal.shows("Ben")
        screen.set_status([("class:online", "● online")])
        await terminal.shows("● online")
        screen.set_typing("Ben")
        await terminal.shows("is typing …")


async def test_every_keystroke_is_told_to_trio() -> None:
    async with open_terminal() as (terminal, screen):
        terminal.keys.send_text("a")
        await holds(lambda: terminal.typing == [True])
        terminal.keys.send_text("\r")
        assert await screen.next_line() == "a"
        await holds(lambda: terminal.typing[-1] is False)


async def test_a_screen_that_has_ended_takes_calls_and_does_nothing() -> None:
    async with open_terminal() as (_, screen):
        screen.leave()
        assert await screen.next_line() is None
    screen.show(Entry(0, "", "too late", notice=True))
    screen.leave()
