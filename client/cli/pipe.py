"""The chat without a terminal: plain lines in, plain lines out; for pipes, scripts and tests."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TextIO

from actors.ports import Clock
from client.cli.conversation import Conversation, Entry
from client.cli.rendering import Line, notice_line, painted
from client.cli.typed_lines import TypedLines
from client.records import MessageState


class PipeSurface:
    """A ``Surface`` of plain lines. A line once printed stays, so every tick is told by a line of its own."""

    def __init__(self, clock: Clock, lines: TypedLines, out: TextIO | None = None) -> None:
        self._clock = clock
        self._lines = lines
        self._out = sys.stdout if out is None else out
        self._conversation = Conversation()
        self._status = ""
        self._presence = ""

    def show(self, entry: Entry) -> None:
        """Print a line. What a pipe is given it keeps, also of what is not to stay."""
        self._conversation.add(replace(entry, instead=None))
        for line in self._conversation.settle(self._clock.now(), room=0):
            self._print(line)

    def change(self, message_id: str, state: MessageState) -> None:
        """Print how far one of our messages has come."""
        note = self._conversation.change(message_id, state)
        if note is not None:
            self._print(notice_line(note))

    def update(self, entry: Entry, note: str | None) -> None:
        """Print what has changed."""
        self._conversation.replace(entry)
        if note is not None:
            self._print(notice_line(note))

    def remove(self, message_ids: Sequence[str]) -> None:
        """A pipe is not asked back for what it was given."""

    def clear(self) -> None:
        """There is no screen."""

    def set_status(self, status: Line) -> None:
        """Print how the connection is, if that is news."""
        text = painted(status, colour=False)
        if text != self._status:
            self._status = text
            self._print(notice_line(text))

    def set_typing(self, name: str | None) -> None:
        """Somebody who reads a pipe does not care."""

    def set_presence(self, text: str) -> None:
        """Print how the other side is, if that is news."""
        if text != self._presence:
            self._presence = text
            if text:
                self._print(notice_line(text))

    def set_addressee(self, name: str | None) -> None:
        """There is no prompt to say it in."""

    async def next_line(self) -> str | None:
        """The next line of the input; None at its end."""
        return await self._lines.next()

    def _print(self, line: Line) -> None:
        print(painted(line, colour=False), file=self._out, flush=True)
