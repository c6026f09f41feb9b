import sys
from pathlib import Path

import pytest

from roost import stage
from roost.stage import DemoFailedError, Ear, Stage, open_folder

SAYS_TWO_THINGS = 'print(\'{"text": "one"}\\n{"text": "two"}\')'


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> Ear:
    monkeypatch.setattr(stage, "command_line", lambda *_words: [sys.executable, "-c", SAYS_TWO_THINGS])
    return Ear("Ben", "listen")


def test_an_ear_waits_for_what_is_wanted_and_remembers_what_it_passed_over(ear: Ear) -> None:
    assert ear.text("two") == {"text": "two"}
    assert ear.heard == [{"text": "one"}, {"text": "two"}]
    ear.close()


def test_an_ear_says_what_was_not_heard_when_its_command_ends(ear: Ear) -> None:
    with pytest.raises(DemoFailedError, match="Ben ended and had not heard 'three'"):
        ear.text("three")
    ear.close()


def test_a_folder_is_gone_afterwards_unless_it_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    with open_folder(keep=False) as folder:
        assert folder.is_dir()
    assert not folder.exists()
    with open_folder(keep=True) as kept:
        pass
    assert str(kept) in capsys.readouterr().out
    kept.rmdir()


def test_what_does_not_come_to_pass_is_named(tmp_path: Path) -> None:
    with pytest.raises(DemoFailedError, match="it did not come to pass that pigs fly"):
        Stage(tmp_path).until(lambda: False, "pigs fly", within=0.0)


def test_a_command_that_is_refused_is_known_by_the_name_of_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails = "import sys; print('error: not-a-member: you are not in it', file=sys.stderr); sys.exit(3)"
    monkeypatch.setattr(stage, "command_line", lambda *_words: [sys.executable, "-c", fails])
    assert Stage(tmp_path).refused("Carla", "send") == "not-a-member"
    with pytest.raises(DemoFailedError, match="not-a-member"):
        Stage(tmp_path).do("Carla", "send")
