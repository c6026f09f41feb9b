"""The loop calls whoever is ready, and nobody who has been removed meanwhile."""

import socket

from bench.load.loop import WRITE, Loop


class Remover:
    """Removes another end when it is called."""

    def __init__(self, loop: Loop, descriptor: int) -> None:
        self.loop = loop
        self.descriptor = descriptor
        self.other: Remover | None = None
        self.calls = 0

    def fileno(self) -> int:
        return self.descriptor

    def ready(self, events: int) -> None:
        self.calls += 1
        if self.other is not None:
            self.loop.remove(self.other)


def test_an_end_is_called_as_long_as_it_is_ready() -> None:
    loop = Loop()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        end = Remover(loop, ours.fileno())
        loop.add(end)
        loop.turn(0)
        assert end.calls == 0
        theirs.send(b"x")
        loop.turn(1)
        loop.turn(1)
        assert end.calls == 2
        ours.recv(1)
        loop.turn(0)
        assert end.calls == 2
        loop.change(end, WRITE)
        loop.turn(1)
        assert end.calls == 3
    loop.close()


def test_an_end_that_another_has_removed_in_the_same_turn_is_not_called() -> None:
    loop = Loop()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ends = [Remover(loop, ours.fileno()), Remover(loop, theirs.fileno())]
        ends[0].other, ends[1].other = ends[1], ends[0]
        for end in ends:
            loop.add(end, WRITE)
        loop.turn(1)
        assert sum(end.calls for end in ends) == 1
    loop.close()
