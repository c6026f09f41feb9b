"""The example runs, and says what it should."""

from __future__ import annotations

import pytest

from examples import crash_and_restart


async def test_the_divider_crashes_and_answers_again(capsys: pytest.CaptureFixture[str]) -> None:
    await crash_and_restart.main()
    assert capsys.readouterr().out.splitlines() == [
        "100 / 4 = 25",
        "it died: crash: ZeroDivisionError",
        "100 / 5 = 20",
    ]
