from __future__ import annotations

from pathlib import Path

import pytest

from faults.real.recorded_writer import WITHOUT_SYNC, main
from faults.real.storage_work import count_stored
from storage import open_environment


@pytest.mark.parametrize("words", [[], [WITHOUT_SYNC]], ids=["with sync", "without"])
def test_it_says_of_each_submission_in_order_that_it_is_stored(
    tmp_path: Path, words: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    main([str(tmp_path), "1", "40", *words])
    assert capfd.readouterr().out.split() == [str(number) for number in range(1, 41)]
    with open_environment(tmp_path, reserve_bytes=0) as environment, environment.read() as reader:
        assert count_stored(reader) == 40
