"""`roost restore`: what it says, and when it refuses."""

from pathlib import Path

import pytest

from actors.ports import system_entropy
from roost.__main__ import main
from storage import load_or_create_secrets, open_environment, read_secrets


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A backup of an empty node."""
    with open_environment(tmp_path / "data"):
        load_or_create_secrets(tmp_path / "data", system_entropy)
    assert main(["backup", "--data", str(tmp_path / "data"), "--to", str(tmp_path / "saved")]) == 0
    return tmp_path / "saved"


def test_it_puts_a_backup_in_place_and_says_how_to_go_on(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["restore", "--from", str(saved), "--data", str(tmp_path / "new")]) == 0
    assert read_secrets(tmp_path / "new") == read_secrets(saved)
    assert f"roost serve --data {tmp_path / 'new'}" in capsys.readouterr().out


def test_a_store_that_is_there_takes_force_and_is_kept(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["restore", "--from", str(saved), "--data", str(tmp_path / "data")]
    assert main(words) == 1
    assert "--force" in capsys.readouterr().err
    assert main([*words, "--force"]) == 0
    assert str(tmp_path / "data" / "backups" / "replaced-1") in capsys.readouterr().out


def test_a_folder_in_use_is_left_alone(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_environment(tmp_path / "data"):
        assert main(["restore", "--from", str(saved), "--data", str(tmp_path / "data"), "--force"]) == 1
    assert "in use by process" in capsys.readouterr().err


def test_what_is_no_backup_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["restore", "--from", str(tmp_path), "--data", str(tmp_path / "new")]) == 1
    assert "error: " in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_restoring_into_a_file_says_that_it_is_no_folder(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("precious")
    assert main(["restore", "--from", str(saved), "--data", str(file)]) == 1
    assert capsys.readouterr().err == f"error: {saved} was not restored: {file} is no folder\n"
    assert file.read_text() == "precious"


def test_restoring_from_a_file_is_refused_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert main(["restore", "--from", str(file), "--data", str(tmp_path / "new")]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert "[Errno" not in said
