"""Four people with real commands, a real node of two workers and a companion: what a new user would try."""

from pathlib import Path

import pytest

from roost.demo import tell_people


@pytest.mark.story
@pytest.mark.timeout(600)  # more than a hundred commands, each a process: two minutes and a half on two cores
def test_the_story_of_four_people_is_so_in_every_scene(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = tell_people(tmp_path)
    told = capsys.readouterr().out
    assert status == 0, told
    for line in (
        "Ben has scanned the QR code of his tablet",
        "Anna and Ben have compared their security code",
        "Anna has removed Carla",
        "pin-wrong",
        "Dora's security code has changed",
        "gone from both phones, the tablet and the relay's queue",
    ):
        assert line in told
