"""What is in the air: the messages sent on this connection that the relay has not answered yet.

The relay accepts the messages of a chat strictly in order, so when one is refused all that were sent behind
it are refused as well. Their refusals are still on their way when the first has been settled, and taking one
of them for news would number messages twice. Hence:

Rule 1: the first refusal in a chat *holds* the chat: nothing of it is sent while answers are outstanding.
Rule 2: what else is refused in a held chat is noted and means nothing.
Rule 3: when the last answer is in, the chat has *landed*; what is unresolved is sent again, in order.

A pure decision: no actor, no store. It belongs to one connection; a new connection starts with a new flight.
"""

from collections import deque
from collections.abc import Iterable

from client.records import OutgoingSend
from protocol.ids import MessageNumber, UserId

WINDOW_MESSAGES = 64  # sent and unanswered, all chats together: enough for a full group commit at the relay


class Flight:
    """The messages in the air, and those that are about to take off."""

    __slots__ = ("_air", "_held", "_queue")

    def __init__(self, unresolved: Iterable[OutgoingSend] = ()) -> None:
        self._queue = deque(unresolved)  # to be sent, in order; bounded by the window they were encrypted for
        self._air: dict[UserId, deque[MessageNumber]] = {}  # {chat: numbers sent, not answered, ascending}
        self._held: dict[UserId, None] = {}  # chats in which something was refused

    @property
    def room(self) -> int:
        """How many more messages may be encrypted and sent now."""
        return max(0, WINDOW_MESSAGES - len(self._queue) - sum(map(len, self._air.values())))

    def add(self, send: OutgoingSend) -> None:
        """One more message is to be sent. In a held chat it waits with the others (in the store)."""
        if send.chat not in self._held:
            self._queue.append(send)

    def take_off(self) -> list[OutgoingSend]:
        """The messages to be sent now; they are in the air from here on."""
        free = WINDOW_MESSAGES - sum(map(len, self._air.values()))
        leaving = [self._queue.popleft() for _ in range(min(free, len(self._queue)))]
        for send in leaving:
            self._air.setdefault(send.chat, deque()).append(send.number)
        return leaving

    def accepted(self, chat: UserId, number: MessageNumber) -> None:
        """Everything up to ``number`` in this chat has been answered."""
        air = self._air.get(chat)
        while air and air[0] <= number:
            air.popleft()

    def refused(self, chat: UserId, number: MessageNumber, expected: int | None = None) -> bool:
        """A message was refused. True if this is news, and has to be settled; False if it means nothing.

        Args:
            chat: to whom it was sent.
            number: the message.
            expected: the number that the relay expects instead, if it says so. It has judged in order, so
                that answers for all from there to this one: a mailbox that crashed has answered none of them.
        """
        air = self._air.get(chat)
        if not air or number not in air:
            return False
        first = number if expected is None else expected
        self._air[chat] = deque(each for each in air if not first <= each <= number)
        if chat in self._held:
            return False
        self._held[chat] = None
        self._queue = deque(send for send in self._queue if send.chat != chat)
        return True

    def is_busy_with(self, chat: UserId) -> bool:
        """Whether something of this chat is in the air, or about to take off, or held."""
        return (
            chat in self._held or bool(self._air.get(chat)) or any(send.chat == chat for send in self._queue)
        )

    def has_landed(self, chat: UserId) -> bool:
        """Whether the chat is held and its last answer is in."""
        return chat in self._held and not self._air.get(chat)

    def release(self, chat: UserId, unresolved: Iterable[OutgoingSend]) -> None:
        """A landed chat goes on: these, in order, before anything new."""
        self._held.pop(chat, None)
        self._queue.extend(unresolved)
