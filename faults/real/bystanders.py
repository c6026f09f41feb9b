"""Two who have nothing to do with it: they write to each other all the time, and say how long they waited.

They are as lean as intruders are and go to the node directly, so that what they measure is the node and not
the crowd's own phones or the proxy. One writes every `PAUSE_SECONDS` whatever has been ticked by then: a wait
of two seconds is seen by twenty messages, and not hidden by one that was held up.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import trio

from faults.real.fault import Broken
from faults.real.intruder import Door, Ended, Intruder
from faults.real.rogues import Account
from protocol import UserId, address_to_bytes, code_name, stanzas
from protocol.schema import SPEC_OF_CLASS

PAUSE_SECONDS: Final = 0.1
COME_IN_SECONDS: Final = 20.0
"""How long they try: a node that has just been restarted lets nobody in at first."""
RETRY_SECONDS: Final = 0.3
LAST_TICK_SECONDS: Final = 20.0
"""How long they wait for the last tick after it is over."""

TICKS_WITHIN_SECONDS: Final = 10.0
"""What a promise allows. On two cores that a crowd, a flood and the node share it is mostly 0.1 to 0.5; but
others may be at work on the machine, and a node that is held up by one peer is so for longer."""

_ACK: Final = SPEC_OF_CLASS[stanzas.Ack].number
_ACCEPTED: Final = SPEC_OF_CLASS[stanzas.Accepted].number
_DELIVERED: Final = SPEC_OF_CLASS[stanzas.Delivered].number
_SEND: Final = SPEC_OF_CLASS[stanzas.Send].number
_DELIVER: Final = SPEC_OF_CLASS[stanzas.Deliver].number
_REFUSED: Final = SPEC_OF_CLASS[stanzas.Refused].number
_BIND: Final = SPEC_OF_CLASS[stanzas.Bind].number
_FETCH_PROGRESS: Final = SPEC_OF_CLASS[stanzas.FetchProgress].number
_PROGRESSES: Final = SPEC_OF_CLASS[stanzas.Progresses].number

_HANDLE: Final = 0


class Bystanders:
    """A pair; one writes, the other acknowledges."""

    def __init__(self, writer: Intruder, reader: Intruder, first: int) -> None:
        self._writer = writer
        self._reader = reader
        self._next = first
        self._written: dict[int, float] = {}  # {number without ✓✓: when it was written}
        self._unaccepted: dict[int, float] = {}
        self.ticks = 0
        self.worst_accepted = 0.0
        self.worst_delivered = 0.0
        self._all_ticked = trio.Event()

    @property
    def worst(self) -> float:
        """The longest that a message has waited for ✓ or ✓✓ so far, one that still waits included."""
        now = trio.current_time()
        waiting = [now - when for when in (*self._written.values(), *self._unaccepted.values())]
        return max(self.worst_accepted, self.worst_delivered, *waiting, 0.0)

    def __str__(self) -> str:
        return (
            f"{self.ticks} messages of others: the longest wait for ✓ {1000 * self.worst_accepted:.0f} ms, "
            f"for ✓✓ {1000 * self.worst_delivered:.0f} ms"
        )

    async def write(self) -> None:
        """Write for ever."""
        while True:
            now = trio.current_time()
            self._written[self._next] = self._unaccepted[self._next] = now
            await self._writer.say((_SEND, _HANDLE, self._next, b"hello"))
            self._next += 1
            await trio.sleep(PAUSE_SECONDS)

    async def hear_ticks(self) -> None:
        """Measure, for ever."""
        while True:
            kind, *fields = await self._writer.hear_first(_ACCEPTED, _DELIVERED, _REFUSED)
            if kind == _REFUSED:
                raise Broken(f"a message of others was refused: {code_name(fields[2])}")
            waiting = self._unaccepted if kind == _ACCEPTED else self._written
            now = trio.current_time()
            for number in [number for number in waiting if number <= fields[1]]:
                wait = now - waiting.pop(number)
                if kind == _ACCEPTED:
                    self.worst_accepted = max(self.worst_accepted, wait)
                else:
                    self.worst_delivered = max(self.worst_delivered, wait)
                    self.ticks += 1
            if not self._written:
                self._all_ticked.set()

    async def acknowledge(self) -> None:
        """Acknowledge what comes, for ever."""
        while True:
            _, seq, *_ = await self._reader.hear_first(_DELIVER)
            await self._reader.say((_ACK, seq))

    async def all_ticked(self) -> None:
        """Wait until nothing that was written waits for its ✓✓."""
        while self._written:
            self._all_ticked = trio.Event()
            await self._all_ticked.wait()


@asynccontextmanager
async def open_bystanders(door: Door, pair: Sequence[Account]) -> AsyncIterator[Bystanders]:
    """Have two accounts write to each other for the length of a block; all is ticked at its end.

    Raises:
        Broken: they were not let in, were refused or cut off, or waited for too long.
    """
    here: list[Intruder] = []
    try:
        with trio.move_on_after(COME_IN_SECONDS) as patience:
            for each in pair:
                here.append(await _come_in(door, each))  # noqa: PERF401 - the second may not come
        if patience.cancelled_caught:
            raise Broken(f"others were not let in for {COME_IN_SECONDS:.0f} s")
        writer, reader = here
        await writer.say((_BIND, _HANDLE, address_to_bytes(UserId(pair[1].user))))
        await writer.say((_FETCH_PROGRESS, 1, (pair[1].user,)))
        progress = await writer.hear_first(_PROGRESSES)
        made = Bystanders(writer, reader, progress[2][0][1] + 1)
        async with _watched(made):
            yield made
    except Ended as ended:
        raise Broken(f"others were cut off: {ended}") from None
    finally:
        for intruder in here:
            intruder.hang_up()
    if made.worst > TICKS_WITHIN_SECONDS:
        raise Broken(f"others waited for {made.worst:.1f} s; {made}")


@asynccontextmanager
async def _watched(made: Bystanders) -> AsyncIterator[None]:
    """Run a pair; what goes wrong with it, or in the block, comes out as it is and not in a group."""
    wrong: list[Exception] = []
    writing = trio.CancelScope()

    async def live(life: Callable[[], Awaitable[None]], scope: trio.CancelScope) -> None:
        with scope:
            try:
                await life()
            except (Ended, Broken) as error:
                wrong.append(error)
                nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(live, made.write, writing)
        nursery.start_soon(live, made.hear_ticks, trio.CancelScope())
        nursery.start_soon(live, made.acknowledge, trio.CancelScope())
        try:
            yield
        except (Ended, Broken, OSError) as error:
            wrong.append(error)
        else:
            writing.cancel()
            with trio.move_on_after(LAST_TICK_SECONDS):
                await made.all_ticked()
        nursery.cancel_scope.cancel()
    if wrong:
        raise wrong[0]


async def _come_in(door: Door, account: Account) -> Intruder:
    while True:
        try:
            return await Intruder.log_in(door, account.keys)
        except (Ended, OSError):
            await trio.sleep(RETRY_SECONDS)
