"""The chat on a terminal: live lines that change in place, an input line, and a status below it.

prompt_toolkit brings the line editor and needs an asyncio loop, so the screen runs in a thread of its own
with its own loop. Only two doors connect it with trio: ``_in_screen`` (trio → screen) and ``_to_trio``
(screen → trio); everything else happens on one side only, so nothing here needs a lock.

Owns: the conversation's lines, the editor, the thread.
Not here: what the lines mean (talk.py), how they look (rendering.py).
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import trio
from prompt_toolkit.application import Application, run_in_terminal
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.data_structures import Point
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout import (
    BufferControl,
    ConditionalContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    VSplit,
    Window,
)
from prompt_toolkit.layout.dimension import Dimension
from prompt_toolkit.output import Output
from prompt_toolkit.renderer import print_formatted_text
from prompt_toolkit.styles import Style
from prompt_toolkit.utils import get_cwidth

from actors.ports import Clock
from client.cli.conversation import Conversation, Entry, gone_text
from client.cli.rendering import STYLES, Line
from client.records import MessageState

MOST_WAITING_LINES = 100  # typed lines that trio has not yet taken; a paste beyond this waits in the editor
_ROWS_BESIDE_LIVE = 3  # input, status, and one that keeps what was settled from being overwritten
_FORGET_SCROLLBACK = "\x1b[3J"  # xterm's "erase saved lines"; terminals without it ignore it


class ChatScreen:
    """A ``Surface`` on a terminal.

    Args:
        clock: for the names of days.
        on_keystroke: called in trio whenever the text being typed changes, with whether there is any.
        input: a terminal's input; tests hand in a pipe.
        output: a terminal's output; tests hand in a buffer.
    """

    def __init__(
        self,
        clock: Clock,
        on_keystroke: Callable[[bool], None] = lambda _: None,
        input: Input | None = None,  # noqa: A002 - prompt_toolkit's own name for it
        output: Output | None = None,
    ) -> None:
        self._clock = clock
        self._on_keystroke = on_keystroke
        self._conversation = Conversation()
        self._status: Line = []
        self._typing: str | None = None
        self._presence = ""
        self._addressee: str | None = None
        self._settling = False  # a settle is under way in the screen's loop
        self._typed, self._lines = trio.open_memory_channel[str](MOST_WAITING_LINES)
        self._token = trio.lowlevel.current_trio_token()
        self._ready = trio.Event()
        self._editor = Buffer(
            multiline=False,
            history=InMemoryHistory(),
            accept_handler=self._accept,
            on_text_changed=self._keystroke,
        )
        self._app = self._application(input, output)

    # ---- the surface, called in trio ----

    def show(self, entry: Entry) -> None:
        """Put a line below the others."""
        self._in_screen(partial(self._conversation.add, entry))

    def change(self, message_id: str, state: MessageState) -> None:
        """One of our messages has come to ``state``: its tick changes in place, or a short line tells it."""
        self._in_screen(partial(self._change, message_id, state))

    def update(self, entry: Entry, note: str | None) -> None:
        """A message reads as ``entry`` now: its line changes in place, or ``note`` says so."""
        self._in_screen(partial(self._update, entry, note))

    def remove(self, message_ids: Sequence[str]) -> None:
        """These messages are gone: their lines vanish, or it is said that they have scrolled away."""
        self._in_screen(partial(self._remove, tuple(message_ids)))

    def clear(self) -> None:
        """Take everything off the screen, and out of the terminal's history if it can do that."""
        self._in_screen(self._clear)

    def set_status(self, status: Line) -> None:
        """Say below the input how the connection is."""
        self._in_screen(partial(setattr, self, "_status", status))

    def set_typing(self, name: str | None) -> None:
        """Say below the input that somebody is typing."""
        self._in_screen(partial(setattr, self, "_typing", name))

    def set_presence(self, text: str) -> None:
        """Say below the input how the other side is."""
        self._in_screen(partial(setattr, self, "_presence", text))

    def set_addressee(self, name: str | None) -> None:
        """Name in front of the input whom the next line goes to."""
        self._in_screen(partial(setattr, self, "_addressee", name))

    async def next_line(self) -> str | None:
        """The next line that was typed; None when the person leaves (Ctrl-D, Ctrl-C)."""
        try:
            return await self._lines.receive()
        except trio.EndOfChannel:
            return None

    async def run(self) -> None:
        """Be the screen until the person leaves or the task is cancelled; the terminal is restored then."""
        try:
            await trio.to_thread.run_sync(self._run_app, abandon_on_cancel=False)
        finally:
            self._typed.close()

    async def wait_ready(self) -> None:
        """Wait until the screen takes calls."""
        await self._ready.wait()

    def leave(self) -> None:
        """End the screen from trio's side. Idempotent."""
        self._in_screen(self._exit)

    # ---- the two doors ----

    def _in_screen(self, fn: Callable[[], None]) -> None:
        """Do ``fn`` in the screen's loop and draw again; nothing if the screen has ended."""
        loop = self._app.loop
        if loop is None or loop.is_closed():
            fn()
            return
        try:
            loop.call_soon_threadsafe(self._do_and_draw, fn)
        except RuntimeError:
            pass  # the loop was closed between the look and the call: the person has just left

    def _to_trio(self, fn: Callable[[], None]) -> None:
        try:
            self._token.run_sync_soon(fn)
        except trio.RunFinishedError:
            pass  # the command is over; nobody is there to hear

    # ---- in the screen's own thread ----

    def _run_app(self) -> None:
        # SIGINT is the main thread's; in raw mode Ctrl-C comes as a key anyway.
        self._app.run(handle_sigint=False, pre_run=lambda: self._to_trio(self._ready.set))
        # What was still live goes into the terminal's history as it stands.
        self._print_settled(room=0)

    def _do_and_draw(self, fn: Callable[[], None]) -> None:
        fn()
        if not self._settling and self._has_settled():
            self._settling = True
            run_in_terminal(self._settle)
        self._app.invalidate()

    def _settle(self) -> None:
        self._settling = False
        self._print_settled(self._room())

    def _has_settled(self) -> bool:
        return self._conversation.has_settled(self._clock.now(), self._room(), self._height)

    def _print_settled(self, room: int) -> None:
        for line in self._conversation.settle(self._clock.now(), room, self._height):
            self._print(line)

    def _print(self, line: Line) -> None:
        print_formatted_text(self._app.output, FormattedText([*line, ("", "\n")]), _STYLE)

    def _change(self, message_id: str, state: MessageState) -> None:
        note = self._conversation.change(message_id, state)
        if note is not None:
            self._conversation.add(self._said(note))

    def _update(self, entry: Entry, note: str | None) -> None:
        if not self._conversation.replace(entry) and note is not None:
            self._conversation.add(self._said(note))

    def _remove(self, message_ids: Sequence[str]) -> None:
        scrolled = self._conversation.remove(message_ids)
        if scrolled:
            self._conversation.add(self._said(gone_text(scrolled)))

    def _said(self, note: str) -> Entry:
        return Entry(self._clock.now(), "", note, notice=True)

    def _clear(self) -> None:
        self._conversation.clear()
        self._app.renderer.clear()
        self._app.output.write_raw(_FORGET_SCROLLBACK)
        self._app.output.flush()

    def _room(self) -> int:
        """How many rows may stay live on a terminal of this height."""
        return max(1, self._app.output.get_size().rows - _ROWS_BESIDE_LIVE)

    def _height(self, line: Line) -> int:
        """How many rows of the terminal a line takes."""
        columns = max(1, self._app.output.get_size().columns)
        text = "".join(part for _, part in line)
        return sum(max(1, -(-get_cwidth(row) // columns)) for row in text.split("\n"))

    def _accept(self, editor: Buffer) -> bool:
        line = editor.text
        self._to_trio(partial(self._hand_over, line))
        # prompt_toolkit empties the editor after this without calling it a change.
        self._to_trio(partial(self._on_keystroke, False))
        return False  # clear the editor

    def _keystroke(self, editor: Buffer) -> None:
        self._to_trio(partial(self._on_keystroke, bool(editor.text)))

    def _exit(self) -> None:
        if self._app.is_running and not self._app.is_done:
            self._app.exit()

    # ---- back in trio ----

    def _hand_over(self, line: str) -> None:
        try:
            self._typed.send_nowait(line)
        except trio.WouldBlock:
            # Nothing that was typed may vanish silently: it comes back into the editor.
            self._in_screen(partial(self._editor.insert_text, line))
        except trio.ClosedResourceError:
            pass  # the person has left

    # ---- what it looks like ----

    def _application(self, input: Input | None, output: Output | None) -> Application[None]:  # noqa: A002
        live = Window(
            FormattedTextControl(self._live_text, get_cursor_position=self._last_live_line),
            wrap_lines=True,
            dont_extend_height=True,
            height=Dimension(min=0),
        )
        prompt = Window(FormattedTextControl(self._prompt_text), dont_extend_width=True, height=1)
        line = VSplit([prompt, Window(BufferControl(self._editor), height=1)])
        status = Window(FormattedTextControl(self._status_text), height=1)
        # Without live lines there is no window for them: an empty one would still take a row.
        shown = ConditionalContainer(live, filter=Condition(lambda: bool(self._conversation.live)))
        return Application(
            layout=Layout(HSplit([shown, line, status]), focused_element=self._editor),
            key_bindings=self._keys(),
            style=_STYLE,
            erase_when_done=True,
            input=input,
            output=output,
        )

    def _live_text(self) -> FormattedText:
        fragments: Line = []
        for line in self._conversation.lines(self._clock.now()):
            fragments += [*line, ("", "\n")]
        return FormattedText(fragments[:-1])

    def _last_live_line(self) -> Point:
        """Where the live lines are scrolled to when they do not all fit: the end."""
        text = "".join(fragment[1] for fragment in self._live_text())
        return Point(0, text.count("\n"))

    def _prompt_text(self) -> FormattedText:
        if self._addressee is None:
            return FormattedText([("class:notice", "/to +... › ")])
        return FormattedText([("class:peer", self._addressee), ("class:notice", " › ")])

    def _status_text(self) -> FormattedText:
        # Who types is there: it says more than "online" does.
        other = f"{self._typing} is typing …" if self._typing else self._presence
        return FormattedText([*self._status, *([("class:notice", f"   {other}")] if other else [])])

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        empty = Condition(lambda: not self._editor.text)

        @keys.add("c-d", filter=empty)
        def leave(event: KeyPressEvent) -> None:
            self._exit()

        @keys.add("c-c")
        def clear_or_leave(event: KeyPressEvent) -> None:
            if self._editor.text:
                self._editor.reset()
                self._keystroke(self._editor)  # a reset is no change to prompt_toolkit
            else:
                self._exit()

        return keys


_STYLE = Style.from_dict(STYLES)


@asynccontextmanager
async def open_screen(
    clock: Clock, on_keystroke: Callable[[bool], None] = lambda _: None
) -> AsyncIterator[ChatScreen]:
    """Take over the terminal for a chat; it is restored on the way out, whatever happens.

    Cancelled or left by an exception, it first puts what was still live into the terminal's history.
    """
    async with trio.open_nursery() as nursery:
        screen = ChatScreen(clock, on_keystroke)
        nursery.start_soon(screen.run)
        await screen.wait_ready()
        try:
            yield screen
        finally:
            screen.leave()
