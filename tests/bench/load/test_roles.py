"""Roles count each message once, and keep as many on their way as the window allows."""

from bench.load.roles import Step


def test_a_step_gives_each_message_once_though_the_relay_repeats_itself() -> None:
    step = Step()
    step.due.extend([1.0, 2.0, 3.0])
    assert step.reach(2) == [1.0, 2.0]
    assert step.reach(2) == []
    assert step.reach(1) == []
    assert step.reach(3) == [3.0]
