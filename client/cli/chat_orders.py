"""What is typed in a chat about a message, the chat, or one's devices: ``/reply``, ``/rules``, ``/link``.

Each order does it on the phone and shows what came of it. Which message is meant is chat_commands.py's, what
stands on the surface shown_lines.py's; lines of text, and whom they go to, are talk.py's.
"""

import argparse
from collections.abc import Callable

import trio

from client.chat_rules import ChatRules
from client.cli.addressees import addressee_of
from client.cli.change_text import now_text
from client.cli.chat_commands import MEANT_AMONG, listed, meant, meant_to_view
from client.cli.chat_devices import device_lines, link_in_chat
from client.cli.durations import duration, readable
from client.cli.shown_lines import ShownLines
from client.errors import ClientError, MessageChangeError, UserInputError
from client.phone import Phone
from client.records import HistoryEntry
from protocol.ids import UserId

VIEW_SECONDS = 20.0
"""How long a message to be viewed once stands on the screen: to read it, not to leave it there."""

ORDERS = (
    "/reply",
    "/react",
    "/edit",
    "/delete",
    "/forward",
    "/view",
    "/once",
    "/rules",
    "/ids",
    "/devices",
    "/link",
)
"""The words that ``Orders.obey`` knows."""

_USAGE = "/rules alone shows them; /rules disappear 7d|off, /rules keep-here on|off"


class Orders:
    """Does what is asked in a chat.

    Args:
        phone: whose messages these are.
        lines: what of them is shown.
        notice: says something in a line of its own.
        send: sends a text in the chat that is open.
        nursery: for what lasts longer than the order.
    """

    def __init__(
        self,
        phone: Phone,
        lines: ShownLines,
        notice: Callable[[str], None],
        send: Callable[[str, str | None, bool], None],
        nursery: trio.Nursery,
    ) -> None:
        self._phone = phone
        self._lines = lines
        self._notice = notice
        self._send = send
        self._nursery = nursery

    async def obey(self, word: str, rest: str) -> None:
        """Do it; what is wrong about it is said in a sentence."""
        try:
            match word:
                case "/ids":
                    for line in listed(self._chat()):
                        self._notice(line)
                case "/devices":
                    for line in device_lines(self._phone.devices.all()):
                        self._notice(line)
                case "/link":
                    self._nursery.start_soon(link_in_chat, self._phone, rest, self._notice)
                case "/once" if not rest:
                    raise UserInputError("/once needs a text behind it")
                case "/once":
                    self._send(rest, None, True)
                case "/rules":
                    await self._rules(rest.split())
                case "/view":
                    self._view(rest)
                case _:
                    self._about_message(word, rest)
        except ClientError as error:
            self._notice(str(error))

    def _chat(self) -> list[HistoryEntry]:
        peer = self._lines.peer
        return [] if peer is None else self._phone.history(peer, MEANT_AMONG)

    def _about_message(self, word: str, rest: str) -> None:
        entry, words = meant(self._chat(), rest, own=word in ("/edit", "/delete"))
        match word:
            case "/reply" | "/edit" | "/forward" if not words:
                raise UserInputError(
                    f"{word} needs {'a number or a group' if word == '/forward' else 'a text'}"
                )
            case "/reply":
                self._send(words, entry.message_id, False)
                return
            case "/forward":
                self._forward(entry, words)
                return
            case "/react":
                self._phone.react(entry.message_id, words or None)
            case "/edit":
                self._phone.edit(entry.message_id, words)
            case "/delete":
                self._phone.delete(entry.message_id)
        self._lines.refresh(entry.message_id, self._now(entry.message_id))

    def _now(self, message_id: str) -> str:
        """How a message reads now: its own line may have scrolled away long ago."""
        entry = self._phone.entry(message_id)
        return "" if entry is None else now_text(entry)

    def _forward(self, entry: HistoryEntry, whom: str) -> None:
        to = addressee_of(self._phone, whom)
        copy = self._phone.entry(self._phone.forward(entry.message_id, to))
        assert copy is not None  # it was queued a moment ago
        if to != self._lines.peer:
            self._lines.mixed = True
        self._lines.show(copy)

    # ---- what is shown once ----

    def _view(self, words: str) -> None:
        entry = meant_to_view(self._chat(), words)
        text = self._phone.view(entry.message_id)
        seen = self._phone.entry(entry.message_id)
        self._lines.refresh(entry.message_id, None)
        if seen is not None:
            self._nursery.start_soon(self._hide, self._lines.reveal(seen, text))

    async def _hide(self, line: str) -> None:
        await trio.sleep(VIEW_SECONDS)
        self._lines.remove([line])

    # ---- what holds in the chat ----

    async def _rules(self, words: list[str]) -> None:
        chat = await self._open_chat()
        match words:
            case []:
                for line in rules_lines(self._phone.rules_of(chat)):
                    self._notice(line)
                return
            case ["disappear", time]:
                said = self._phone.set_timer(chat, _seconds(time))
            case ["keep-here", "on" | "off" as word]:
                said = self._phone.keep_here(chat, on=word == "on")
            case _:
                raise UserInputError(_USAGE)
        entry = None if said is None else self._phone.entry(said)
        if entry is None:
            self._notice("it is so already")
        else:
            self._lines.show(entry)

    async def _open_chat(self) -> UserId:
        """The chat whose rules are meant. Raises ClientError."""
        peer = self._lines.peer
        if peer is None:
            raise UserInputError("the rules of which chat? Say /to +49... first")
        if not isinstance(peer, str):
            return peer
        user = await self._phone.find(peer)
        if user is None:
            raise MessageChangeError("unknown-user", "nobody has this number here")
        return user


def rules_lines(rules: ChatRules) -> list[str]:
    """What holds in a chat, for people."""
    disappear = "stay" if rules.life is None else f"disappear after {readable(rules.life)}"
    kept = "nothing may be forwarded or exported" if rules.keep_here else "may be forwarded and exported"
    return [f"new messages here {disappear}; {kept}", _USAGE]


def _seconds(text: str) -> int:
    try:
        return duration(text)
    except argparse.ArgumentTypeError as error:
        raise UserInputError(str(error)) from None
