"""The chat without a terminal: plain lines in, plain lines out; for pipes, scripts and tests."""

import sys
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
        """Print a line."""
        self._conversation.add(entry)
        for line in self._conversation.settle(self._clock.now(), keep=0):
            self._print(line)

    def change(self, message_id: str, state: MessageState) -> None:
        """Print how far one of our messages has come."""
        line = self._conversation.change(message_id, state)
        if line is not None:
            self._print(line)

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
