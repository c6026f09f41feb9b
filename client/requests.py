"""The questions that this phone has put to the relay and that are not answered yet.

A table and nothing more: ids are counted up on each connection, an answer finds its question by id, and each
question is answered exactly once: by the relay, by its timeout, or by the end of the connection.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, get_args

from protocol.stanzas import (
    AccountDeleted,
    AccountLeft,
    AccountPage,
    Bundles,
    CodeSent,
    DevicesPublished,
    Done,
    EntriesAppended,
    Failed,
    Found,
    GroupProgress,
    JoinRequested,
    JoinRequests,
    JoinsDismissed,
    LinkClaimed,
    LinkOpened,
    LinkState,
    Log,
    NumberChanged,
    PinSet,
    Profile,
    ProfileStored,
    Progresses,
    Registered,
    Settings,
    Stanza,
)

REQUEST_TIMEOUT_SECONDS = (
    15.0  # a relay answers in milliseconds; a phone network may hold a packet for seconds
)
MOST_OPEN_REQUESTS = 64  # questions asked at the same time; a 65th is answered NO_ANSWER at once

RelayAnswer: TypeAlias = (
    AccountDeleted
    | AccountPage
    | AccountLeft
    | Bundles
    | CodeSent
    | DevicesPublished
    | Done
    | EntriesAppended
    | Failed
    | Found
    | GroupProgress
    | JoinRequested
    | JoinRequests
    | JoinsDismissed
    | LinkClaimed
    | LinkOpened
    | LinkState
    | Log
    | NumberChanged
    | PinSet
    | Profile
    | ProfileStored
    | Progresses
    | Registered
    | Settings
)
ANSWERS = get_args(RelayAnswer)


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The relay has not answered: the time was up, or the connection ended. It may still have acted."""

    reason: str


Answer: TypeAlias = RelayAnswer | NoAnswer
OnAnswer: TypeAlias = Callable[[Answer], None]
"""Called once, with whatever comes first."""

BuildRequest: TypeAlias = Callable[[int], Stanza]
"""Makes the request's stanza, given its id."""


class Requests:
    """The open questions of one connection."""

    __slots__ = ("_last_id", "_open")

    def __init__(self) -> None:
        self._last_id = 0
        self._open: dict[int, OnAnswer] = {}  # {request id: who waits}

    def __len__(self) -> int:
        return len(self._open)

    def put(self, on_answer: OnAnswer) -> int | None:
        """Note a question; returns its id, or None (and answers at once) if too many are open."""
        if len(self._open) >= MOST_OPEN_REQUESTS:
            on_answer(NoAnswer("too many questions at a time"))
            return None
        self._last_id += 1
        self._open[self._last_id] = on_answer
        return self._last_id

    def is_open(self, request: int) -> bool:
        """Whether nobody has answered it yet."""
        return request in self._open

    def answer(self, request: int, answer: Answer) -> None:
        """Hand an answer over. One whose question is not open any more comes too late and is dropped."""
        on_answer = self._open.pop(request, None)
        if on_answer is not None:
            on_answer(answer)

    def fail_all(self, reason: str) -> None:
        """The connection has ended: nobody will answer."""
        waiting, self._open = self._open, {}
        for on_answer in waiting.values():
            on_answer(NoAnswer(reason))
