"""What the relay owes an answer to on one connection, and when its silence means that nobody is there.

A connection can be dead without either side being told, and keepalive takes minutes to find that out. Who has
just written something should not wait for so long: a relay that is there answers within milliseconds.
Pure: it is told what was said and heard and at which time, and decides.
"""

from client.keepalive import Due
from protocol.ids import MessageNumber, UserId
from protocol.stanzas import Part, Send, SendGroup, Stanza

PROBE_SECONDS = 10.0  # without an answer, before the relay is asked whether it is there
PATIENCE_SECONDS = 30.0  # without a word, before it is given up: phone networks hold packets for seconds
DEAF_SECONDS = 60.0  # without an answer though others are heard: what is said here does not arrive
SLOWEST_BYTES_A_SECOND = 1_000  # what takes its time on the way is not ignored yet: GPRS where it is bad
LOOK_SECONDS = 5.0  # how often `due` should be asked while something is owed


class Owed:
    """The messages of one connection that the relay has neither accepted nor refused."""

    __slots__ = ("_in_doubt", "_messages", "_since")

    def __init__(self) -> None:
        self._messages: dict[tuple[UserId, MessageNumber], int] = {}  # {message: bytes}; at most a window
        self._in_doubt = False  # a question was not answered in time
        self._since = 0.0  # the last answer, or since when one is due

    def __bool__(self) -> bool:
        return self._in_doubt or bool(self._messages)

    def said(self, stanza: Stanza, now: float) -> None:
        """This is on its way; only messages count."""
        match stanza:
            case Send(chat, number, parts):
                sizes = [len(part.ciphertext) for part in parts if isinstance(part, Part)]
                self._said(chat, number, sum(sizes), now)
            case SendGroup(chat, number, _, ciphertext):
                self._said(UserId(chat.group), number, len(ciphertext), now)

    def _said(self, chat: UserId, number: MessageNumber, size: int, now: float) -> None:
        if not self:
            self._since = now
        self._messages[chat, number] = size

    def doubt(self, now: float) -> None:
        """Something else should have been answered by now."""
        if not self:
            self._since = now
        self._in_doubt = True

    def accepted(self, chat: UserId, number: MessageNumber, now: float) -> None:
        """All messages of the chat up to this one are answered."""
        self._since = now
        for key in [key for key in self._messages if key[0] == chat and key[1] <= number]:
            del self._messages[key]

    def refused(self, chat: UserId, number: MessageNumber, now: float) -> None:
        """This message is answered."""
        self._since = now
        self._messages.pop((chat, number), None)

    def pong_heard(self) -> None:
        """The relay has heard all that was said, though it may not have an answer yet."""
        self._messages.clear()
        self._in_doubt = False

    def due(self, now: float, last_heard: float, last_ping: float) -> Due:
        """What is to be done now. Whatever is heard shows that somebody is there, not that they hear us."""
        if not self:
            return Due.NOTHING
        on_the_way = sum(self._messages.values()) / SLOWEST_BYTES_A_SECOND
        silence = now - max(self._since, last_heard)
        if silence >= PATIENCE_SECONDS + on_the_way or now - self._since >= DEAF_SECONDS + on_the_way:
            return Due.GIVE_UP
        return Due.PING if now - max(self._since, last_ping) >= PROBE_SECONDS else Due.NOTHING
