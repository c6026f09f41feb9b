from pathlib import Path

import pytest

from client.cli import listen, profile, send
from tests.client.cli.conftest import Desk
from tests.client.conftest import ANN, BEN

PNG = b"\x89PNG\r\n\x1a\n".ljust(40_000, b"x")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "ann.png"
    path.write_bytes(PNG)
    return path


def test_a_profile_is_set_bit_by_bit_and_removed(pair: Desk, picture: Path) -> None:
    home = pair.home("ann")
    (facts,) = pair.run(
        profile, "set", "--home", home, "--name", "Ann", "--picture", picture, "--json"
    ).objects
    assert facts == {
        "phone": ANN, "name": "Ann", "about": "", "picture": {"kind": "png", "bytes": 40_000}, "stored": True,
    }  # fmt: skip
    shown = pair.run(profile, "set", "--home", home, "--about", "at the sea", "--no-picture").out
    assert shown == "+49 1511 2345678  Ann\n  about    at the sea\n"
    assert pair.run(profile, "show", "--home", home).out == shown
    assert "shows no profile" in pair.run(profile, "remove", "--home", home).out
    assert pair.run(profile, "show", "--home", home, "--json").objects[0]["name"] is None


def test_who_was_written_to_sees_it_and_can_keep_the_picture(
    pair: Desk, picture: Path, tmp_path: Path
) -> None:
    ann, ben, copy = pair.home("ann"), pair.home("ben"), tmp_path / "copy.png"
    pair.run(profile, "set", "--home", ann, "--name", "Ann", "--picture", picture)
    (before,) = pair.run(profile, "show", "--home", ben, ANN, "--json").objects
    assert (before["known"], before["name"]) == (False, None)
    pair.run(send, "--home", ann, "--to", BEN, "hello")
    pair.run(listen, "--home", ben, "--count", 1, "--timeout", 20)
    shown = pair.run(profile, "show", "--home", ben, ANN, "--picture-to", copy)
    assert shown.out == "+49 1511 2345678  Ann\n  picture  PNG, 40,000 bytes\n"
    assert copy.read_bytes() == PNG


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"GIF89a", "neither a JPEG nor a PNG"), (PNG.ljust(70_000, b"x"), "larger than 65,536 bytes")],
)
def test_a_picture_that_cannot_be_is_refused(pair: Desk, picture: Path, data: bytes, reason: str) -> None:
    picture.write_bytes(data)
    outcome = pair.run(profile, "set", "--home", pair.home("ann"), "--picture", picture)
    assert outcome.status == 2
    assert reason in outcome.err


def test_files_that_cannot_be_used_are_named(pair: Desk, tmp_path: Path) -> None:
    outcome = pair.run(profile, "set", "--home", pair.home("ann"), "--picture", tmp_path / "missing.png")
    assert (outcome.status, "cannot be read: No such file" in outcome.err) == (2, True)
