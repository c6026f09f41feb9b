"""What a chat needs of the place where it is shown: a screen for people, or plain lines for a pipe."""

from typing import Protocol

from client.cli.conversation import Entry
from client.cli.rendering import Line
from client.records import MessageState


class Surface(Protocol):
    """Shows a chat and hands over what is typed. All but ``next_line`` return at once."""

    def show(self, entry: Entry) -> None:
        """Put a line below the others."""

    def change(self, message_id: str, state: MessageState) -> None:
        """One of our messages has come to ``state``."""

    def set_status(self, status: Line) -> None:
        """Say how the connection is."""

    def set_typing(self, name: str | None) -> None:
        """Somebody is typing; None: nobody is."""

    def set_presence(self, text: str) -> None:
        """Say how the other side is: online, last seen; nothing if that is not told."""

    def set_addressee(self, name: str | None) -> None:
        """Say whom the next line goes to; None: to nobody yet."""

    async def next_line(self) -> str | None:
        """The next line that is typed; None when the person leaves.

        Cancelled, it loses no line: the next call returns it.
        """
