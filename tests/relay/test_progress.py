"""Progress is shown on a terminal and nowhere else."""

import io

from relay.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_how_far_it_is() -> None:
    terminal = Terminal()
    Progress(terminal)("checking rows", 1_500, 3_000)
    assert terminal.getvalue().strip() == "checking rows: 50 % (1,500 of 3,000)"


def test_work_of_one_step_has_no_percentage() -> None:
    terminal = Terminal()
    Progress(terminal)("checking pages", 0, 1)
    assert terminal.getvalue().strip() == "checking pages ..."


def test_the_line_is_empty_when_the_result_comes() -> None:
    terminal = Terminal()
    progress = Progress(terminal)
    progress("checking rows", 1, 2)
    progress.done()
    assert terminal.getvalue().split("\r")[-2].strip() == ""


def test_a_log_file_sees_nothing() -> None:
    file = io.StringIO()
    progress = Progress(file)
    progress("checking rows", 1, 2)
    progress.done()
    assert file.getvalue() == ""
