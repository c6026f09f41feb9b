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


def test_who_wants_quiet_has_it() -> None:
    out = Terminal()
    progress = Progress(out, quiet=True)
    progress.say("half")
    progress.clear()
    assert out.getvalue() == ""
