"""A run says where and with what it was made."""

import subprocess
from pathlib import Path

from bench.machine import commit, describe_machine, describe_versions


def test_the_machine_and_the_versions_are_named() -> None:
    assert describe_machine()["cores"] >= 1
    assert describe_versions().keys() >= {"python", "roost", "trio", "lmdb"}


def test_a_commit_is_marked_when_files_were_changed(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=tmp_path, check=True)

    assert commit(tmp_path) == "unknown"
    git("init", "-q")
    (tmp_path / "file").write_text("1")
    git("add", "file")
    git("commit", "-q", "-m", "first")
    clean = commit(tmp_path)
    assert not clean.endswith("+")
    (tmp_path / "file").write_text("2")
    assert commit(tmp_path) == clean + "+"
