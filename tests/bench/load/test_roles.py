"""Roles count each message once, and keep as many on their way as the window allows."""

from typing import cast

from bench.load.device import Device
from bench.load.roles import Step, Talking
from bench.scenarios.pairs import PairsCrew


def test_a_step_gives_each_message_once_though_the_relay_repeats_itself() -> None:
    step = Step()
    step.due.extend([1.0, 2.0, 3.0])
    assert step.reach(2) == [1.0, 2.0]
    assert step.reach(2) == []
    assert step.reach(1) == []
    assert step.reach(3) == [3.0]


class Counted:
    """What a crew is told."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.ready = 0
        self.counted: list[tuple[str, list[float]]] = []

    def count(self, what: str, due: list[float], now: float) -> None:
        self.counted.append((what, due))


class Witness(Talking, Device):
    """Writes down what it would say."""

    def __init__(self, window: int) -> None:
        self.told = Counted(window)
        self.crew = cast("PairsCrew", self.told)
        self.written: list[int] = []
        self.begin_to_talk()

    def write(self, number: int) -> None:
        self.written.append(number)


def test_a_talker_keeps_as_many_on_their_way_as_the_window_allows() -> None:
    talker = Witness(window=3)
    talker.fill(1.0)
    talker.fill(1.5)
    assert talker.written == [1, 2, 3]
    talker.was_ticked(2, 2.0)
    talker.fill(2.0)
    assert talker.written == [1, 2, 3, 4, 5]
    assert talker.told.counted == [("ticked", [1.0, 1.0])]


def test_what_has_come_to_one_is_counted_for_the_other() -> None:
    ann, bob = Witness(window=1), Witness(window=1)
    ann.partner, bob.partner = bob, ann
    ann.fill(1.0)
    bob.has_come(1, 2.0)
    ann.was_accepted(1, 2.0)
    assert bob.told.counted == [("delivered", [1.0])]
    assert ann.told.counted == [("accepted", [1.0])]
    ann.greet()
    assert ann.told.ready == 1
