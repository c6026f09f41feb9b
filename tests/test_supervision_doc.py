"""docs/supervision.md says what is: its program runs, its defaults and its events are those of the code."""

import re
import subprocess
import sys
from pathlib import Path

from supervisors import ChildSpec, ChildType, Intensity, Supervisor, reports

PAGE = (Path(__file__).parent.parent / "docs" / "supervision.md").read_text(encoding="utf-8")


def test_the_first_program_crashes_and_recovers_as_its_comments_say() -> None:
    program = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert program is not None
    done = subprocess.run(
        [sys.executable, "-c", program.group(1)], capture_output=True, text=True, check=True, timeout=30
    )
    assert done.stdout == "25\n"


def test_the_defaults_are_the_ones_in_the_code() -> None:
    limit = Intensity()
    assert f"**{limit.restarts} in {limit.seconds:.0f} seconds**" in PAGE
    worker = ChildSpec("a", lambda: Supervisor([]))
    assert f"| {worker.grace_seconds:.0f} s; forever for supervisors |" in PAGE
    assert ChildSpec("a", worker.start, type=ChildType.SUPERVISOR).grace_seconds == float("inf")
    assert f"({reports.REPORTS_PER_SECOND} a second and supervisor are written)" in PAGE


def test_every_report_is_explained_and_every_explained_report_exists() -> None:
    source = Path(reports.__file__).read_text(encoding="utf-8")
    table = PAGE[PAGE.index("## Reading a report") : PAGE.index("The facts:")]
    explained = re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)
    written = re.findall(r'(?:log\.\w+|_error)\(\s*"(\w+)"', source)
    assert sorted(explained) == sorted(written)
