"""`roost backup`: what it says, and that it says why there is none."""

from pathlib import Path

import pytest

from actors.ports import system_entropy
from roost.__main__ import main
from storage import is_backup, load_or_create_secrets, open_environment, read_secrets


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder that nobody has open."""
    with open_environment(tmp_path / "data"):
        load_or_create_secrets(tmp_path / "data", system_entropy)
    return tmp_path / "data"


def test_it_saves_the_store_with_the_secrets_and_says_so(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backup", "--data", str(data), "--to", str(tmp_path / "saved")]) == 0
    assert is_backup(tmp_path / "saved")
    assert read_secrets(tmp_path / "saved") == read_secrets(data)
    said = capsys.readouterr()
    assert "Every page and row was checked" in said.out
    assert "node's secrets" in said.out
    assert said.err == ""


@pytest.mark.parametrize("there", ["a folder", "a file"])
def test_nothing_is_overwritten(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], there: str
) -> None:
    target = tmp_path / "saved"
    if there == "a folder":
        target.mkdir()
    else:
        target.write_text("precious")
    assert main(["backup", "--data", str(data), "--to", str(target)]) == 1
    assert "it exists already" in capsys.readouterr().err


def test_a_folder_without_a_store_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup", "--data", str(tmp_path / "nowhere"), "--to", str(tmp_path / "saved")]) == 1
    assert f"there is no store in {tmp_path / 'nowhere'}" in capsys.readouterr().err
    assert not (tmp_path / "saved").exists()


def test_a_place_that_cannot_be_written_to_is_an_error_without_a_traceback(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    for place, problem in ((file / "saved", f"{file} is no folder"), (Path("/proc/x"), "no such file")):
        assert main(["backup", "--data", str(data), "--to", str(place)]) == 1
        said = capsys.readouterr().err
        assert said.startswith(f"error: no backup was written to {place}: ")
        assert problem in said
        assert "[Errno" not in said


def test_a_data_folder_that_is_a_file_is_named_as_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert main(["backup", "--data", str(file), "--to", str(tmp_path / "saved")]) == 1
    assert capsys.readouterr().err == f"error: the data folder {file} cannot be used: {file} is no folder\n"


def test_what_the_system_refuses_on_the_way_is_one_sentence(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder / "lock"))

    monkeypatch.setattr("relay.backup.holder_of", refuse)
    assert main(["backup", "--data", str(data), "--to", str(tmp_path / "saved")]) == 1
    assert capsys.readouterr().err == (
        f"error: the data folder {data} cannot be used: {data / 'lock'}: permission denied\n"
    )
