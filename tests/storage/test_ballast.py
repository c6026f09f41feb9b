from __future__ import annotations

from pathlib import Path

import pytest

from storage.ballast import Ballast

SIZE = 200_000


def test_it_is_filled_spent_once_and_filled_again(tmp_path: Path) -> None:
    path = tmp_path / "ballast"
    ballast = Ballast(path, SIZE)
    assert (ballast.missing_bytes, ballast.spend()) == (SIZE, False)
    for _ in range(2):
        ballast.refill()
        assert ballast.missing_bytes == 0
        assert path.stat().st_size == SIZE
        assert ballast.spend()
        assert not ballast.spend()
        assert path.stat().st_size == 0


def test_it_takes_blocks_and_is_no_hole(tmp_path: Path) -> None:
    Ballast(tmp_path / "ballast", SIZE).refill()
    assert (tmp_path / "ballast").stat().st_blocks * 512 >= SIZE


def test_it_is_still_aboard_after_a_restart(tmp_path: Path) -> None:
    Ballast(tmp_path / "ballast", SIZE).refill()
    assert Ballast(tmp_path / "ballast", SIZE).missing_bytes == 0
    assert Ballast(tmp_path / "ballast", 2 * SIZE).missing_bytes == 2 * SIZE


def test_what_does_not_fit_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class FullDisk:
        """Takes one write, and then no more."""

        def __init__(self, fd: int, mode: str, buffering: int) -> None:
            self._writes = 0

        def __enter__(self) -> FullDisk:
            return self

        def __exit__(self, *details: object) -> None:
            pass

        def write(self, data: bytes) -> None:
            self._writes += 1
            if self._writes > 1:
                raise OSError(28, "No space left on device")

    ballast = Ballast(tmp_path / "ballast", SIZE)
    monkeypatch.setattr("storage.ballast.os.fdopen", FullDisk)
    ballast.refill()
    assert ballast.missing_bytes == SIZE
    assert (tmp_path / "ballast").stat().st_size == 0


def test_none_is_held_where_no_reserve_is_kept(tmp_path: Path) -> None:
    ballast = Ballast(tmp_path / "ballast", 0)
    assert (ballast.missing_bytes, ballast.spend()) == (0, False)
    assert not (tmp_path / "ballast").exists()
