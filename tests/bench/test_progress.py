"""Progress is one line on a terminal, and a line now and then elsewhere."""

import io

from bench.progress import Progress


class Terminal(io.StringIO):
    """A file that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_has_one_line_that_is_overwritten() -> None:
    out = Terminal()
    progress = Progress(out)
    progress.begin("pairs 1/2: ")
    progress.say("half")
    progress.say("done")
    progress.clear()
    assert out.getvalue() == "\r\x1b[Kpairs 1/2: half\r\x1b[Kpairs 1/2: done\r\x1b[K"


def test_a_log_has_a_line_now_and_then() -> None:
    out = io.StringIO()
    progress = Progress(out)
    progress.begin("pairs 1/2: ")
    for number in range(100):
        progress.say(str(number))
    progress.clear()
    assert out.getvalue() == "pairs 1/2: 0\n"


class Hands:
    """A clock that shows what it is set to."""

    at = 0.0

    def __call__(self) -> float:
        return self.at


def test_a_phase_is_said_at_once_and_with_it_how_long_it_takes_yet() -> None:
    out, clock = io.StringIO(), Hands()
    progress = Progress(out, now=clock)
    progress.begin("idle 1/1: ")
    progress.phase("logging in")
    progress.say("3 of 200 devices are online")  # lost: too soon
    progress.phase("measuring, idle", 120)
    clock.at = 20.5
    progress.say("200 of 200 devices are online")
    clock.at = 130
    progress.say("late")
    assert out.getvalue().splitlines() == [
        "idle 1/1: logging in",
        "idle 1/1: measuring, idle, 120 s left",
        "idle 1/1: measuring, idle, 100 s left: 200 of 200 devices are online",
        "idle 1/1: measuring, idle, 0 s left: late",
    ]


def test_a_phase_that_takes_no_time_is_not_mentioned() -> None:
    out = io.StringIO()
    Progress(out).phase("warming up", 0.0)
    assert out.getvalue() == ""


def test_what_follows_another_beginning_is_not_of_the_old_phase() -> None:
    out = io.StringIO()
    progress = Progress(out)
    progress.phase("measuring", 10)
    progress.begin("pairs 2/2: ")
    progress.say("starting")
    assert out.getvalue().splitlines()[-1] == "pairs 2/2: starting"


def test_who_wants_quiet_has_it() -> None:
    out = Terminal()
    progress = Progress(out, quiet=True)
    progress.say("half")
    progress.clear()
    assert out.getvalue() == ""
