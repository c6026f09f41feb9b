"""How others talk to the connection: its messages, and the handle that sends them.

Beside ``connection.py`` and not in it, because the two together would be longer than anybody likes to read.
"""

from collections.abc import Callable
from dataclasses import dataclass

import trio

from actors import ActorSystem
from actors.registry import Via
from client.errors import RequestTimeoutError
from client.records import OutgoingSend
from client.requests import REQUEST_TIMEOUT_SECONDS, Answer, BuildRequest, NoAnswer, OnAnswer, RelayAnswer
from protocol.ids import DeviceAddress, GroupAddress, GroupId, GroupSeq, MessageNumber, Seq, UserId
from protocol.stanzas import (
    Ack,
    Available,
    Paused,
    Read,
    Send,
    SendGroup,
    Stanza,
    Subscribe,
    Typing,
    Unavailable,
    Unsubscribe,
)
from protocol.stanzas import Part as WirePart

NAME = "connection"
ANSWER_SECONDS = REQUEST_TIMEOUT_SECONDS + 10.0  # the connection answers before; this is for a dead one


@dataclass(frozen=True, slots=True)
class Say:
    """Send a stanza, if this session is still the one it was meant for (None: on any)."""

    session: int | None
    stanza: Stanza


@dataclass(frozen=True, slots=True)
class AskRelay:
    """Put a question."""

    build: BuildRequest
    on_answer: OnAnswer


@dataclass(frozen=True, slots=True)
class AskPong:
    """Ask for a sign of life."""

    on_pong: Callable[[bool], None]


class ConnectionHandle:
    """What others may ask of the connection. Dropped if it is dead: it starts anew, and so do they."""

    __slots__ = ("_ref",)

    def __init__(self, system: ActorSystem) -> None:
        self._ref: Via = system.registry.via(NAME)

    def send_message(self, session: int, send: OutgoingSend) -> None:
        """Send a message on this session; dropped if the session is over.

        The parts name their devices, always: the short form would mean whichever device is newest when it
        arrives, and one that was registered a moment ago could not decrypt it. It costs three bytes.
        """
        if send.epoch is not None:
            group, (part,) = GroupAddress(GroupId(send.chat)), send.parts
            sealed = SendGroup(group, send.number, send.epoch, part.ciphertext, send.life)
            self._ref.tell_nowait(Say(session, sealed))
            return
        parts = tuple(WirePart(part.device, part.ciphertext) for part in send.parts)
        self._ref.tell_nowait(Say(session, Send(send.chat, send.number, parts, send.life)))

    def acknowledge(self, session: int, seq: Seq) -> None:
        """Everything up to this delivery is on disk."""
        self._ref.tell_nowait(Say(session, Ack(seq)))

    def tell_read(self, sender: DeviceAddress | GroupAddress, number: MessageNumber | GroupSeq) -> None:
        """The person has read a device's messages, or a group, up to a number. Dropped while offline."""
        self._ref.tell_nowait(Say(None, Read(sender, number)))

    def tell_typing(self, chat: UserId | GroupAddress, is_typing: bool) -> None:
        """The person has begun or stopped to type. Dropped while offline."""
        self._ref.tell_nowait(Say(None, Typing(chat) if is_typing else Paused(chat)))

    def tell_available(self, is_available: bool) -> None:
        """Somebody is at this phone, or not any more. Dropped while offline."""
        self._ref.tell_nowait(Say(None, Available() if is_available else Unavailable()))

    def watch(self, user: UserId) -> None:
        """Hear how a user is, for as long as this connection lasts. Dropped while offline."""
        self._ref.tell_nowait(Say(None, Subscribe(user)))

    def unwatch(self, user: UserId) -> None:
        """Hear it no more. Dropped while offline."""
        self._ref.tell_nowait(Say(None, Unsubscribe(user)))

    def ask_relay(self, build: BuildRequest, on_answer: OnAnswer) -> None:
        """Put a question; ``on_answer`` is called exactly once, in the connection's task: it must be quick.

        Answered ``NoAnswer`` at once while offline, and after ``REQUEST_TIMEOUT_SECONDS`` of silence.
        """
        self._ref.tell_nowait(AskRelay(build, on_answer))

    async def request(self, build: BuildRequest) -> RelayAnswer:
        """Put a question and wait for the answer; a refusal (``Failed``) is one too.

        Raises:
            RequestTimeoutError: no answer in time, or no connection.
        """
        answers: list[Answer] = []
        answered = trio.Event()

        def note(answer: Answer) -> None:
            answers.append(answer)
            answered.set()

        self.ask_relay(build, note)
        with trio.move_on_after(ANSWER_SECONDS):
            await answered.wait()
        if not answers or isinstance(answers[0], NoAnswer):
            raise RequestTimeoutError
        return answers[0]

    def ping(self, on_pong: Callable[[bool], None]) -> None:
        """Have ``on_pong`` called when the relay has heard all that was said before, or cannot any more."""
        self._ref.tell_nowait(AskPong(on_pong))

    async def ping_answered(self) -> bool:
        """Wait until the relay has heard all that was said before; False if it cannot any more."""
        answered = trio.Event()
        heard: list[bool] = []

        def note(pong: bool) -> None:
            heard.append(pong)
            answered.set()

        self.ping(note)
        await answered.wait()
        return heard[0]
