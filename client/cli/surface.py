"""What a chat needs of the place where it is shown: a screen for people, or plain lines for a pipe."""

from collections.abc import Sequence
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

    def update(self, entry: Entry, note: str | None) -> None:
        """A message reads as ``entry`` now; ``note`` says so where its line can no longer change."""

    def remove(self, message_ids: Sequence[str]) -> None:
        """These messages are gone: nothing of them is to be seen any more."""

    def clear(self) -> None:
        """Take everything off the screen, and out of what the terminal remembers, as far as that goes."""

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
