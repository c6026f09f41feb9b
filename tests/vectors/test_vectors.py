"""The vectors that are checked in: the code reads them as others would, and none is out of date."""

import json
from pathlib import Path

import pytest

from tests.vectors.files import FILES, FOLDER, as_text, write_all


@pytest.mark.parametrize("name", [name for name, file in FILES.items() if file.check])
def test_the_code_comes_to_what_a_file_says(name: str) -> None:
    check = FILES[name].check
    assert check is not None
    check(json.loads((FOLDER / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_what_the_code_would_write_today(name: str) -> None:
    """If a format has changed on purpose, run ``make vectors``: other implementers then see what is new."""
    is_same = (FOLDER / name).read_text(encoding="utf-8") == as_text(FILES[name].build())
    assert is_same, f"{name} is out of date: a format has changed. On purpose? Then run make vectors"


@pytest.mark.parametrize("name", ["agreement.json", "session.json", "sender-key.json", "group-log.json"])
def test_a_changed_secret_or_ciphertext_is_found(name: str) -> None:
    file = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    match name:
        case "agreement.json":
            file["vectors"][2]["gives"]["secret"] = "00" * 32
        case "session.json":
            file["vectors"][1]["messages"][4]["ciphertext"] = "00"
        case "sender-key.json":
            file["messages"][0]["text"] = "another"
        case _:
            file["entries"][3]["flaw"] = None
    check = FILES[name].check
    assert check is not None
    with pytest.raises(AssertionError):
        check(file)


def test_writing_says_what_has_changed(tmp_path: Path) -> None:
    assert write_all(tmp_path) == list(FILES)
    (tmp_path / "session.json").write_text("{}")
    assert write_all(tmp_path) == ["session.json"]
    assert write_all(tmp_path) == []
