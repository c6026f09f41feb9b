"""One connection through the proxy: a client's side, the node's side, and a pipe each way between them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random

import trio

from faults.real.frames import PREAMBLE_BYTES
from faults.real.pipe import Pipe
from faults.real.rules import Rules
from faults.real.sides import Side


class Link:
    """A connection of a client to the node.

    Args:
        client: the side that was accepted.
        dial: connects to the node; raises OSError if that is away, which the client feels as a reset.
        up: the rules towards the node.
        down: the rules towards the client.
    """

    def __init__(
        self, client: Side, dial: Callable[[], Awaitable[Side]], up: Rules, down: Rules, random: Random
    ) -> None:
        self.client = client
        self.node: Side | None = None
        self.up = Pipe(up, PREAMBLE_BYTES, random, self._review)
        self.down = Pipe(down, 0, random, self._review)
        self.is_half_open = False
        self.left_first: Side | None = None
        """Which side has ended it, as far as that was not us."""
        self.ended = trio.Event()
        self._dial = dial
        self._life = trio.CancelScope()

    async def run(self) -> None:
        """Carry bytes until both sides have ended."""
        try:
            with self._life:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self.up.read, self.client)
                    node = self.node = await self._reach_node()
                    if node is None:
                        self.reset()
                        return
                    nursery.start_soon(self.up.write, node)
                    nursery.start_soon(self.down.read, node)
                    nursery.start_soon(self.down.write, self.client)
        finally:
            self.client.close()
            if self.node is not None:
                self.node.close()
            self.ended.set()

    @property
    def is_whole(self) -> bool:
        """Whether neither side has ended it, as far as the proxy knows."""
        return not self.is_half_open and self.up.end is None and self.down.end is None

    # ---- faults ----

    def hold(self, *, up: bool = True, down: bool = True) -> None:
        """Let nothing through, towards the node or the client or both, until ``release``; bytes wait."""
        if up:
            self.up.valve.shut()
        if down:
            self.down.valve.shut()

    def release(self) -> None:
        """Let go on what was held."""
        self.up.valve.open()
        self.down.valve.open()

    def reset(self) -> None:
        """End it now: both sides see a reset, what was on its way is lost."""
        self.client.reset()
        if self.node is not None:
            self.node.reset()
        self._life.cancel()

    def close(self) -> None:
        """End it now and in order: both sides see an end, what was on its way is lost."""
        self.client.close()
        if self.node is not None:
            self.node.close()
        self._life.cancel()

    def half_open(self, *, client_lives: bool = False, node_lives: bool = True) -> None:
        """Let a side vanish, or the way between them: who lives is not told; what it says goes nowhere."""
        self.is_half_open = True
        self.up.is_silenced = self.down.is_silenced = True
        self.release()
        if not client_lives:
            self.client.reset()
        if not node_lives and self.node is not None:
            self.node.reset()

    # ---- private ----

    async def _reach_node(self) -> Side | None:
        """Connect as soon as the line is free in both directions; None if nobody answers, or nobody waits."""
        while self.up.is_shut or self.down.is_shut:
            await self.up.let_through()
            await self.down.let_through()
            if self.up.end is not None:
                return None
        if self.is_half_open:
            return None
        try:
            return await self._dial()
        except OSError:
            return None

    def _review(self) -> None:
        """Something has ended: end all if neither side has anything to learn any more."""
        up, down = self.up, self.down
        if self.left_first is None and (up.end is not None) != (down.end is not None):
            self.left_first = self.client if up.end is not None else self.node
        if self.is_half_open:
            if up.end is not None and down.end is not None:
                self._life.cancel()
        elif up.is_broken or down.is_broken:
            if all(pipe.is_done or pipe.is_broken for pipe in (up, down)):
                self.reset()
        elif up.is_done and down.is_done:
            self._life.cancel()
