"""A fleet's processes are started, ordered and asked together, and what goes wrong in one is said."""

import os
import signal

import pytest

from bench.errors import BenchError, LoadError
from bench.load.crew import Assignment, Crew
from bench.load.fleet import Fleet


class Counting(Crew):
    """Counts its orders; `fail` fails, `crash` is a fault of its own."""

    def order(self, word: str, argument: float) -> None:
        if word == "fail":
            self.fail(ConnectionError("hung up"))
        elif word == "crash":
            raise KeyError("oops")
        else:
            self.counts[word] += int(argument)


def _fleet(processes: int) -> Fleet:
    assignments = [Assignment(number, processes, ("", 1), b"", [], 0, None) for number in range(processes)]
    return Fleet(Counting, assignments, frozenset())


def test_what_all_processes_have_seen_is_added() -> None:
    with _fleet(2) as fleet:
        fleet.log_in()
        fleet.order("step", 3)
        assert fleet.cut().counts["step"] == 6
        assert fleet.cut().counts["step"] == 0
        assert len(fleet.pids) == 2


def test_waiting_adds_up_what_was_seen_meanwhile() -> None:
    with _fleet(1) as fleet:
        fleet.order("step", 1)
        assert fleet.wait_until(lambda seen: seen.counts["step"] == 1, 5).counts["step"] == 1
        with pytest.raises(BenchError, match="not done after 0 s"):
            fleet.wait_until(lambda seen: False, 0)


def test_a_device_that_fails_ends_the_measurement_with_its_reason() -> None:
    with _fleet(2) as fleet:
        fleet.order("fail")
        with pytest.raises(LoadError, match="hung up"):
            fleet.cut()


def test_a_fault_of_the_load_is_said_and_does_not_hang_the_bench(capfd: pytest.CaptureFixture[str]) -> None:
    with _fleet(1) as fleet:
        fleet.order("crash")
        with pytest.raises(LoadError, match="oops"):
            fleet.cut()
    assert "KeyError" in capfd.readouterr().err


def test_a_process_that_was_killed_is_noticed() -> None:
    with _fleet(1) as fleet:
        os.kill(fleet.pids[0], signal.SIGKILL)
        os.waitid(os.P_PID, fleet.pids[0], os.WEXITED | os.WNOWAIT)
        with pytest.raises(BenchError, match="has died"):
            fleet.cut()


def test_an_interrupt_from_the_keyboard_is_the_benchs_business() -> None:
    with _fleet(1) as fleet:
        fleet.cut()  # the process has begun
        os.kill(fleet.pids[0], signal.SIGINT)
        fleet.order("step", 1)
        assert fleet.cut().counts["step"] == 1
