"""The example runs, and says what it should."""

from __future__ import annotations

import pytest

from examples import counter


async def test_ten_tasks_count_to_a_hundred_each(capsys: pytest.CaptureFixture[str]) -> None:
    await counter.main()
    assert capsys.readouterr().out == "counted to 1000\n"
