"""The ports to the machine's own clock and entropy."""

import time

from actors.ports import system_clock, system_entropy


def test_system_entropy_gives_as_many_bytes_as_asked_for_and_never_the_same() -> None:
    first, second = system_entropy(32), system_entropy(32)
    assert len(first) == len(second) == 32
    assert first != second


def test_system_clock_tells_unix_time() -> None:
    before = time.time()
    assert before <= system_clock.now() <= time.time()
