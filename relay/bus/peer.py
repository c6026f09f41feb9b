"""Another worker of this node, as this one sees it: whether it is there, what is said to it, what is asked.

No actor: whoever has something to say to a peer says it here, within its own turn, as connections are written
to (outgoing.py). Everything said in one turn leaves as one frame. The link under it is an actor (session.py)
that comes and goes; a peer is there as long as the process.

    down ──both have said hello──► up ──the link ends, for whatever reason──► down

Rule 1: within one *era* (one life of a link) everything said arrives, once, in order, or the era ends. There
is no queue that outlives an era, nothing is sent again, and nothing is dropped in the middle: so after each
era both sides settle what may have been lost (abroad.py), and that is the only repair there is.
Rule 2: what may wait asks for `room` first; it is held up when the peer is behind by `HIGH_WATER_BYTES`. What
cannot wait (ticks, told by the journal's callbacks) goes beyond that; at `LIMIT_BYTES` the era ends.
Rule 3: hints (typing) are dropped when there is no room: nothing depends on them.

How far the peer is behind is what it says (`Taken`), so what waits in both sockets' buffers counts.
"""

import logging
from typing import Any

import trio
from trio.lowlevel import ParkingLot

from actors import ActorRef, Reply
from actors.network import Link, Network
from protocol import ErrorCode
from relay.bus.codec import encode, frame
from relay.bus.errors import PeerDownError, PeerSlowError
from relay.bus.messages import BusMessage, NotDone, Ready
from relay.errors import RefusalError

log = logging.getLogger("roost.relay")

HIGH_WATER_BYTES = 256 * 1024
"""As far as a peer may be behind before senders wait: some 10 ms of work for it, a thousand messages."""

LIMIT_BYTES = 16 * 1024 * 1024
"""As far as it may be behind at all: a worker that holds up the ticks of 100,000 messages is stuck."""

TAKEN_EVERY_BYTES = 32 * 1024
"""How often the other side says how far it is: often enough that nobody waits below high water."""

STALL_SECONDS = 5.0
"""Senders that have waited for as long with nothing taken give up on the era."""

ASK_SECONDS = 30.0
"""How long an answer may take: what is asked has to become durable, as for questions to a mailbox."""


class Peer:
    """One other worker."""

    __slots__ = (
        "_flush_planned",
        "_link",
        "_network",
        "_out",
        "_out_bytes",
        "_questions",
        "_questions_asked",
        "_taken",
        "_taken_at",
        "_waiting",
        "_written",
        "dropped",
        "era",
        "heard",
        "lost",
        "number",
        "owner",
        "said",
    )

    def __init__(self, number: int, network: Network) -> None:
        self.number = number
        self.era = 0  # counts the lives of links: what belongs to an earlier one is void
        self.said = 0  # messages, ever
        self.heard = 0
        self.lost = 0  # messages for a peer that was down: their senders settle when it is back
        self.dropped = 0  # hints for which there was no room
        self._network = network
        self._link: Link | None = None  # while it is up
        self.owner: ActorRef | None = None  # the actor of the link, while it is up
        self._out: list[bytes] = []  # said in this turn; bounded by LIMIT_BYTES
        self._out_bytes = 0
        self._flush_planned = False
        self._written = 0  # bytes given to the link in this era
        self._taken = 0  # of those, bytes that the peer has dealt with
        self._taken_at = 0.0  # when it said so last
        self._waiting = ParkingLot()  # senders; bounded by the connections, each waits for itself
        self._questions: dict[int, Reply] = {}  # {number: who waits for the answer}; bounded likewise
        self._questions_asked = 0

    @property
    def is_up(self) -> bool:
        """Whether what is said now has a chance to arrive."""
        return self._link is not None

    @property
    def behind_bytes(self) -> int:
        """What was said and not dealt with yet: the queue's length, and the first health number."""
        return self._written - self._taken + self._out_bytes

    @property
    def is_behind(self) -> bool:
        """Whether senders should wait for `room`."""
        return self.behind_bytes >= HIGH_WATER_BYTES

    @property
    def waiting(self) -> int:
        """Senders that wait for room."""
        return len(self._waiting)

    # ---- saying ----

    def tell(self, message: BusMessage) -> None:
        """Say something; it leaves at the end of this turn. Lost if the peer is down (Rule 1)."""
        if self._link is None:
            self.lost += 1
            return
        data = encode(message)
        self._out.append(data)
        self._out_bytes += len(data)
        if not self._flush_planned:
            self._flush_planned = True
            self._network.call_at_turn_end(self._flush)
        if self.behind_bytes > LIMIT_BYTES:
            self.reset("too-slow")

    def hint(self, message: BusMessage) -> None:
        """Say something that may as well not arrive."""
        if self._link is None or self.is_behind:
            self.dropped += 1
        else:
            self.tell(message)

    async def room(self) -> None:
        """Wait while the peer is up and behind. A checkpoint only if it waits."""
        while self._link is not None and self.is_behind:
            with trio.move_on_after(STALL_SECONDS):
                await self._waiting.park()
            if self._link is not None and trio.current_time() - self._taken_at >= STALL_SECONDS:
                self.reset("stalled")

    async def ask(self, question: Any, timeout: float = ASK_SECONDS) -> Any:
        """Ask, and wait for the answer. Cancelled or timed out, the question may still be dealt with.

        Raises:
            PeerDownError: it is down, or goes down before it answers; at once, not at the timeout.
            PeerSlowError: no answer in time.
            RefusalError: the answer is a refusal.
        """
        if self._link is None:
            raise PeerDownError(self.number)
        self._questions_asked += 1
        question.ask = self._questions_asked
        reply = self._questions[question.ask] = Reply()
        self.tell(question)
        try:
            with trio.move_on_after(timeout):
                answer = await reply.wait()
                if type(answer) is NotDone:
                    raise RefusalError(ErrorCode(answer.code), answer.detail)
                return answer
        finally:
            self._questions.pop(question.ask, None)
        raise PeerSlowError(self.number)

    # ---- for the link's actor ----

    def came_up(self, owner: ActorRef, link: Link, written: int) -> None:
        """The link's two ends know each other; a link that was there before is over."""
        self.reset("replaced")
        self.era += 1
        self.owner, self._link = owner, link
        self._written, self._taken, self._taken_at = written, 0, trio.current_time()
        self.tell(Ready())

    def went_down(self, owner: ActorRef) -> bool:
        """The link of this actor has ended; says whether that was news."""
        if self.owner is not owner:
            return False
        self.owner = self._link = None
        self._out.clear()
        self._out_bytes = self._written = self._taken = 0
        questions, self._questions = self._questions, {}
        for reply in questions.values():
            reply.fail(PeerDownError(self.number))
        self._waiting.unpark_all()
        return True

    def reset(self, reason: str) -> None:
        """End the era now. Harmless if it is over."""
        if self._link is not None and self.owner is not None:
            log.warning("bus_reset", extra={"peer": self.number, "reason": reason})
            self._link.abort()
            self.went_down(self.owner)

    def has_taken(self, total: int) -> None:
        """The peer has dealt with so many bytes of this era."""
        self._taken = total
        self._taken_at = trio.current_time()
        if not self.is_behind:
            self._waiting.unpark_all()

    def answered(self, answer: Any) -> None:
        """An answer has come; one that nobody waits for any more is dropped."""
        reply = self._questions.pop(answer.ask, None)
        if reply is not None:
            reply.send(answer)

    def _flush(self) -> None:
        self._flush_planned = False
        if self._link is None or not self._out:
            return
        self.said += len(self._out)
        data = frame(self._out)
        self._out = []
        self._out_bytes = 0
        self._written += len(data)
        self._link.write(data)
