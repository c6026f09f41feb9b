import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output.vt100 import Vt100_Output

from client.cli.conversation import Entry, gone_text
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
    with trio.fail_after(30):
        while not condition():  # noqa: ASYNC110 - the terminal has no event for what it shows
            await trio.sleep(0.005)


def last_line(screen: ChatScreen) -> str:
    live = screen._conversation.live
    return live[-1].text if live else ""


def has_scrolled(screen: ChatScreen) -> bool:
    return last_line(screen) == "burst 39" and len(screen._conversation.live) < 24


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


async def test_a_tick_changes_in_place() -> None:
    async with open_terminal() as (terminal, screen):
        screen.show(Entry(NOW, "you", "hello", id="a", state=PENDING))
        await terminal.shows("🕓")
        screen.change("a", MessageState.ACCEPTED)
        await terminal.shows("✓ ")
        screen.change("a", READ)
        await terminal.shows("✓✓")


async def test_a_burst_keeps_as_many_lines_live_as_the_screen_has_room_for() -> None:
    async with open_terminal() as (_, screen):
        for number in range(40):
            screen.show(Entry(NOW, "you", f"burst {number}", id=f"{number}", state=PENDING))
        await holds(lambda: has_scrolled(screen))
        screen.change("0", MessageState.DELIVERED)
        await holds(lambda: last_line(screen) == "✓✓ burst 0")


async def test_a_line_changes_in_place_and_vanishes() -> None:
    async with open_terminal() as (terminal, screen):
        screen.show(Entry(NOW, "ben", "helo", id="a"))
        await terminal.shows("helo")
        screen.update(Entry(NOW, "ben", "hello", id="a"), "Ben edited it")
        await holds(lambda: "hello" in screen._conversation.live[0].text)
        screen.remove(["a"])
        await holds(lambda: screen._conversation.live == [])
    assert "Ben edited it" not in terminal.shown.getvalue()


async def test_what_has_scrolled_away_is_told_in_lines_of_its_own() -> None:
    async with open_terminal() as (_, screen):
        for number in range(40):
            screen.show(Entry(NOW, "ben", f"burst {number}", id=f"{number}"))
        await holds(lambda: has_scrolled(screen))
        screen.update(Entry(NOW, "ben", "other", id="0"), "Ben edited it")
        await holds(lambda: last_line(screen) == "Ben edited it")
        screen.remove(["0"])
        await holds(lambda: last_line(screen) == gone_text(1))


async def test_clearing_takes_everything_off_the_screen_and_out_of_its_history() -> None:
    async with open_terminal() as (terminal, screen):
        screen.show(Entry(NOW, "ben", "hello", id="a"))
        await terminal.shows("hello")
        screen.clear()
        await terminal.shows("\x1b[3J")
        assert screen._conversation.live == []


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
