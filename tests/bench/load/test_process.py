"""A load process leaves when the bench says so, and when the bench is gone."""

import multiprocessing

from bench.load.crew import Assignment, Crew
from bench.load.loop import Loop
from bench.load.process import CUT, LEAVE, Control

NOTHING = Assignment(0, 1, ("127.0.0.1", 1), b"", [], 0, None)


def test_a_cut_is_answered_at_once_and_leave_ends_it() -> None:
    ours, theirs = multiprocessing.Pipe()
    crew = Crew(Loop(), NOTHING)
    control = Control(theirs, crew)
    crew.counts["ticked"] = 5
    ours.send((CUT, 0.0))
    control.ready(0)
    assert ours.recv().counts["ticked"] == 5
    assert not control.is_over
    ours.send((LEAVE, 0.0))
    control.ready(0)
    assert control.is_over


def test_a_bench_that_is_gone_has_no_use_for_a_load() -> None:
    ours, theirs = multiprocessing.Pipe()
    control = Control(theirs, Crew(Loop(), NOTHING))
    ours.close()
    control.ready(0)
    assert control.is_over
